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
      if (LANES == 16) {
        for (int i = 0; i < 8; i++) {
          fold8(partial, from + i * RUN, from + (i + 8) * RUN);
        }
      }
      if (LANES >= 8) {
        for (int i = 0; i < 4; i++) {
          fold4(partial, from + i * RUN, from + (i + 4) * RUN);
        }
      }
      fold2(partial, from, from + 2 * RUN);
      fold2(partial, from + RUN, from + 3 * RUN);
      fold1(partial, from, from + RUN);
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

  private static void fold8(float[] partial, int a, int b) {
    FloatVector x = FloatVector.fromArray(F, partial, a);
    FloatVector y = FloatVector.fromArray(F, partial, b);
    x.blend(y, MASK_8).add(y.blend(x, MASK_8).rearrange(SWAP_8)).intoArray(partial, a);
  }

  private static void fold4(float[] partial, int a, int b) {
    FloatVector x = FloatVector.fromArray(F, partial, a);
    FloatVector y = FloatVector.fromArray(F, partial, b);
    x.blend(y, MASK_4).add(y.blend(x, MASK_4).rearrange(SWAP_4)).intoArray(partial, a);
  }

  private static void fold2(float[] partial, int a, int b) {
    FloatVector x = FloatVector.fromArray(F, partial, a);
    FloatVector y = FloatVector.fromArray(F, partial, b);
    x.blend(y, MASK_2).add(y.blend(x, MASK_2).rearrange(SWAP_2)).intoArray(partial, a);
  }

  private static void fold1(float[] partial, int a, int b) {
    FloatVector x = FloatVector.fromArray(F, partial, a);
    FloatVector y = FloatVector.fromArray(F, partial, b);
    x.blend(y, MASK_1).add(y.blend(x, MASK_1).rearrange(SWAP_1)).intoArray(partial, a);
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
