package io.millrace.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sums of 16 partials, sixteen rows at once: two rows are halved into one vector by a blend, an
 * exchange of halves and an addition, and so on until each lane holds the sum of its row. Four
 * instructions a pair, 60 for 16 sums.
 */
final class SimdFold {
  private static final VectorSpecies<Float> F = SimdLanes.FLOATS;
  private static final int LANES = SimdLanes.COUNT;
  private static final int RUN = ColumnCodes.LANES;

  private static final VectorMask<Float> MASK_8 = mask(8);
  private static final VectorMask<Float> MASK_4 = mask(4);
  private static final VectorMask<Float> MASK_2 = mask(2);
  private static final VectorMask<Float> MASK_1 = mask(1);
  private static final VectorShuffle<Float> SWAP_8 = swap(8);
  private static final VectorShuffle<Float> SWAP_4 = swap(4);
  private static final VectorShuffle<Float> SWAP_2 = swap(2);
  private static final VectorShuffle<Float> SWAP_1 = swap(1);

  private SimdFold() {}

  static void fold(float[] partial, int rows, float[] out, int outFrom) {
    int row = 0;
    for (; row + LANES <= rows; row += LANES) {
      int from = row * RUN;
      narrow(partial, from);
      for (int i = from; i < from + 4 * RUN; i += RUN) {
        if (LANES == 16) {
          fold12(partial, i);
        } else if (LANES == 8) {
          fold4(partial, i);
        }
      }
      fold3(partial, from);
      FloatVector.fromArray(F, partial, from).intoArray(out, outFrom + row);
    }
    for (; row < rows; row++) {
      int from = row * RUN;
      for (int half = RUN / 2; half > 0; half /= 2) {
        for (int lane = from; lane < from + half; lane++) {
          partial[lane] += partial[lane + half];
        }
      }
      out[outFrom + row] = partial[from];
    }
  }

  /** Folds 16 partials to as many as there are lanes, row by row. */
  private static void narrow(float[] partial, int from) {
    if (LANES == 16) {
      return;
    }
    for (int i = from; i < from + LANES * RUN; i += RUN) {
      FloatVector p0 = FloatVector.fromArray(F, partial, i);
      FloatVector p8 = FloatVector.fromArray(F, partial, i + 8);
      if (LANES == 8) {
        p0.add(p8).intoArray(partial, i);
      } else {
        FloatVector p4 = FloatVector.fromArray(F, partial, i + 4);
        FloatVector p12 = FloatVector.fromArray(F, partial, i + 12);
        p0.add(p8).add(p4.add(p12)).intoArray(partial, i);
      }
    }
  }

  /** Rows 0, 4, 8 and 12 from here into the first. */
  private static void fold12(float[] partial, int from) {
    FloatVector r0 = FloatVector.fromArray(F, partial, from);
    FloatVector r4 = FloatVector.fromArray(F, partial, from + 4 * RUN);
    FloatVector r8 = FloatVector.fromArray(F, partial, from + 8 * RUN);
    FloatVector r12 = FloatVector.fromArray(F, partial, from + 12 * RUN);
    FloatVector x = r0.blend(r8, MASK_8).add(r8.blend(r0, MASK_8).rearrange(SWAP_8));
    FloatVector y = r4.blend(r12, MASK_8).add(r12.blend(r4, MASK_8).rearrange(SWAP_8));
    x.blend(y, MASK_4).add(y.blend(x, MASK_4).rearrange(SWAP_4)).intoArray(partial, from);
  }

  /** Rows 0 and 4 from here into the first. */
  private static void fold4(float[] partial, int from) {
    FloatVector x = FloatVector.fromArray(F, partial, from);
    FloatVector y = FloatVector.fromArray(F, partial, from + 4 * RUN);
    x.blend(y, MASK_4).add(y.blend(x, MASK_4).rearrange(SWAP_4)).intoArray(partial, from);
  }

  /** Rows 0 to 3 from here into the first. */
  private static void fold3(float[] partial, int from) {
    FloatVector r0 = FloatVector.fromArray(F, partial, from);
    FloatVector r1 = FloatVector.fromArray(F, partial, from + RUN);
    FloatVector r2 = FloatVector.fromArray(F, partial, from + 2 * RUN);
    FloatVector r3 = FloatVector.fromArray(F, partial, from + 3 * RUN);
    FloatVector x = r0.blend(r2, MASK_2).add(r2.blend(r0, MASK_2).rearrange(SWAP_2));
    FloatVector y = r1.blend(r3, MASK_2).add(r3.blend(r1, MASK_2).rearrange(SWAP_2));
    x.blend(y, MASK_1).add(y.blend(x, MASK_1).rearrange(SWAP_1)).intoArray(partial, from);
  }

  /** Lanes whose number has this bit. */
  private static VectorMask<Float> mask(int bit) {
    boolean[] lanes = new boolean[LANES];
    for (int lane = 0; lane < LANES; lane++) {
      lanes[lane] = (lane & bit) != 0;
    }
    return VectorMask.fromArray(F, lanes, 0);
  }

  private static VectorShuffle<Float> swap(int bit) {
    return VectorShuffle.fromOp(F, lane -> (lane ^ bit) % LANES);
  }
}
