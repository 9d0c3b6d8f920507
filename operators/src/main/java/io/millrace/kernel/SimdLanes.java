package io.millrace.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/** The lane width, chosen once: everything here folds to constants in compiled code. */
final class SimdLanes {
  static final VectorSpecies<Float> FLOATS = species();
  static final int COUNT = FLOATS.length();
  static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, FLOATS.vectorShape());
  static final VectorSpecies<Byte> BYTES = VectorSpecies.of(byte.class, FLOATS.vectorShape());

  /** Lane l gets lane l + 8, and so on, for folding by halves. */
  static final VectorShuffle<Float> BY_8 = rotation(8);

  static final VectorShuffle<Float> BY_4 = rotation(4);
  static final VectorShuffle<Float> BY_2 = rotation(2);
  static final VectorShuffle<Float> BY_1 = rotation(1);

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
}
