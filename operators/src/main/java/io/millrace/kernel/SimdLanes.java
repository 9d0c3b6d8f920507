package io.millrace.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/** The lane width, chosen once: everything here folds to constants in compiled code. */
final class SimdLanes {
  static final VectorSpecies<Float> FLOATS = species();
  static final int COUNT = FLOATS.length();
  static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, FLOATS.vectorShape());

  private static final VectorShuffle<Float> BY_8 = rotation(8);
  private static final VectorShuffle<Float> BY_4 = rotation(4);
  private static final VectorShuffle<Float> BY_2 = rotation(2);
  private static final VectorShuffle<Float> BY_1 = rotation(1);

  private SimdLanes() {}

  private static VectorSpecies<Float> species() {
    int bits =
        Integer.getInteger("millrace.kernels.bits", FloatVector.SPECIES_PREFERRED.vectorBitSize());
    return switch (bits) {
      case 128 -> FloatVector.SPECIES_128;
      case 256 -> FloatVector.SPECIES_256;
      case 512 -> FloatVector.SPECIES_512;
      default ->
          throw new IllegalArgumentException(
              "vector bits: got " + bits + ", expected 128, 256 or 512");
    };
  }

  private static VectorShuffle<Float> rotation(int distance) {
    return VectorShuffle.fromOp(FLOATS, lane -> (lane + distance) % COUNT);
  }

  static FloatVector load(float[] array, int at) {
    return FloatVector.fromArray(FLOATS, array, at);
  }

  static FloatVector broadcast(float value) {
    return FloatVector.broadcast(FLOATS, value);
  }

  /** Sum of the lanes, added by halves: lane l to lane l+8, then l+4, l+2, l+1. */
  static float fold(FloatVector sums) {
    if (COUNT > 8) {
      sums = sums.add(sums.rearrange(BY_8));
    }
    if (COUNT > 4) {
      sums = sums.add(sums.rearrange(BY_4));
    }
    sums = sums.add(sums.rearrange(BY_2));
    sums = sums.add(sums.rearrange(BY_1));
    return sums.lane(0);
  }
}
