package io.millrace.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The twin on the Vector API: a run of 16 codes is one slot of 16 words, so that unpacking is a
 * shift, a mask and a conversion on lanes of one width. Rounding adds 1.5 x 2^23 and takes the low
 * bits: the conversion from float to int is slow on JDK 17.
 */
final class SimdCodeKernels implements CodeKernels {
  private static final VectorSpecies<Float> F = SimdLanes.FLOATS;
  private static final VectorSpecies<Integer> I = SimdLanes.INTS;
  private static final int LANES = SimdLanes.COUNT;
  private static final int RUN = PackedCodes.RUN;

  @Override
  public void ranges(float[] x, int from, int groups, int group, float[] minima, float[] maxima) {
    for (int g = 0; g < groups; g++) {
      IntVector low = IntVector.broadcast(I, Integer.MAX_VALUE);
      IntVector high = IntVector.broadcast(I, Integer.MIN_VALUE);
      int base = from + g * group;
      for (int i = base; i < base + group; i += LANES) {
        IntVector bits = FloatVector.fromArray(F, x, i).reinterpretAsInts();
        IntVector sortable =
            bits.lanewise(VectorOperators.ASHR, 31)
                .and(Integer.MAX_VALUE)
                .lanewise(VectorOperators.XOR, bits);
        low = low.min(sortable);
        high = high.max(sortable);
      }
      minima[g] = value(low.reduceLanes(VectorOperators.MIN));
      maxima[g] = value(high.reduceLanes(VectorOperators.MAX));
    }
  }

  private static float value(int sortable) {
    return Float.intBitsToFloat(PackedCodes.sortable(sortable));
  }

  @Override
  public void pack(
      float[] x,
      int from,
      int groups,
      int group,
      float[] minima,
      float[] inverseSteps,
      int[] words,
      int bits) {
    int slots = Integer.SIZE / bits;
    int runs = groups * group / RUN;
    int mask = (1 << bits) - 1;
    FloatVector zero = FloatVector.zero(F);
    FloatVector largest = FloatVector.broadcast(F, mask);
    FloatVector rounding = FloatVector.broadcast(F, PackedCodes.ROUNDING);
    for (int line = 0; line * slots < runs; line++) {
      int here = Math.min(slots, runs - line * slots);
      for (int lane = 0; lane < RUN; lane += LANES) {
        int word = line * RUN + lane;
        IntVector packed = IntVector.zero(I);
        for (int slot = 0; slot < here; slot++) {
          int i = (line * slots + slot) * RUN;
          int g = i / group;
          packed =
              FloatVector.fromArray(F, x, from + i + lane)
                  .sub(minima[g])
                  .mul(inverseSteps[g])
                  .max(zero)
                  .min(largest)
                  .add(rounding)
                  .reinterpretAsInts()
                  .and(mask)
                  .lanewise(VectorOperators.LSHL, slot * bits)
                  .or(packed);
        }
        if (here < slots) {
          int kept = -1 << here * bits;
          packed = IntVector.fromArray(I, words, word).and(kept).or(packed);
        }
        packed.intoArray(words, word);
      }
    }
  }

  @Override
  public void unpack(
      int[] words,
      int groups,
      int group,
      float[] steps,
      float[] minima,
      float[] out,
      int outFrom,
      int bits) {
    int slots = Integer.SIZE / bits;
    int runs = groups * group / RUN;
    int mask = (1 << bits) - 1;
    for (int line = 0; line * slots < runs; line++) {
      int here = Math.min(slots, runs - line * slots);
      for (int lane = 0; lane < RUN; lane += LANES) {
        IntVector packed = IntVector.fromArray(I, words, line * RUN + lane);
        for (int slot = 0; slot < here; slot++) {
          int i = (line * slots + slot) * RUN;
          int g = i / group;
          ((FloatVector)
                  packed
                      .lanewise(VectorOperators.LSHR, slot * bits)
                      .and(mask)
                      .convert(VectorOperators.I2F, 0))
              .fma(FloatVector.broadcast(F, steps[g]), FloatVector.broadcast(F, minima[g]))
              .intoArray(out, outFrom + i + lane);
        }
      }
    }
  }

  @Override
  public void add(
      int[] words,
      int firstRun,
      int runStride,
      int rows,
      int columns,
      int group,
      float[] factors,
      int factorStride,
      float[] out,
      int outFrom,
      int bits) {
    int slots = Integer.SIZE / bits;
    int mask = (1 << bits) - 1;
    for (int j = 0; j < columns; j += RUN) {
      for (int lane = 0; lane < RUN; lane += LANES) {
        FloatVector sum = FloatVector.fromArray(F, out, outFrom + j + lane);
        for (int row = 0; row < rows; row++) {
          int run = firstRun + row * runStride + j / RUN;
          sum =
              ((FloatVector)
                      IntVector.fromArray(I, words, run / slots * RUN + lane)
                          .lanewise(VectorOperators.LSHR, run % slots * bits)
                          .and(mask)
                          .convert(VectorOperators.I2F, 0))
                  .fma(FloatVector.broadcast(F, factors[row * factorStride + j / group]), sum);
        }
        sum.intoArray(out, outFrom + j + lane);
      }
    }
  }

  @Override
  public float dot(
      int[] words,
      int firstRun,
      int columns,
      int group,
      float[] factors,
      int factorsFrom,
      float[] x,
      int xFrom,
      int bits) {
    int slots = Integer.SIZE / bits;
    int mask = (1 << bits) - 1;
    float[] partial = new float[RUN];
    for (int lane = 0; lane < RUN; lane += LANES) {
      FloatVector total = FloatVector.zero(F);
      for (int g = 0; g < columns / group; g++) {
        FloatVector sum = FloatVector.zero(F);
        for (int j = g * group; j < (g + 1) * group; j += RUN) {
          int run = firstRun + j / RUN;
          sum =
              ((FloatVector)
                      IntVector.fromArray(I, words, run / slots * RUN + lane)
                          .lanewise(VectorOperators.LSHR, run % slots * bits)
                          .and(mask)
                          .convert(VectorOperators.I2F, 0))
                  .fma(FloatVector.fromArray(F, x, xFrom + j + lane), sum);
        }
        total = sum.fma(FloatVector.broadcast(F, factors[factorsFrom + g]), total);
      }
      total.intoArray(partial, lane);
    }
    for (int half = RUN / 2; half > 0; half /= 2) {
      for (int lane = 0; lane < half; lane++) {
        partial[lane] += partial[lane + half];
      }
    }
    return partial[0];
  }
}
