package io.millrace.kernel;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The twin on the Vector API. Levels are evaluated, not looked up: a lookup across lanes is slow on
 * JDK 17. Two vectors a turn, also to keep methods too long to be inlined: several in one caller
 * would exceed what C2 inlines of the API, and box every vector. What does not fill the lanes is
 * left to the scalar twin.
 */
final class SimdLevelKernels implements LevelKernels {
  private static final VectorSpecies<Float> F = SimdLanes.FLOATS;
  private static final VectorSpecies<Integer> I = SimdLanes.INTS;
  private static final VectorSpecies<Byte> B = SimdLanes.BYTES;
  private static final int LANES = SimdLanes.COUNT;
  private static final int RUN = ColumnCodes.LANES;

  private static final VectorShuffle<Float> SWAP_1 = swap(1);
  private static final VectorShuffle<Float> SWAP_2 = swap(2);
  private static final VectorShuffle<Float> SWAP_4 = swap(4);
  private static final VectorShuffle<Float> SWAP_8 = swap(8);

  /** 1, and -1 on lanes whose number has a bit: [4 bits x lanes]. */
  private static final float[] SIGNS = signs();

  private final ScalarLevelKernels scalar = new ScalarLevelKernels();

  @Override
  public void quantize(
      float[] x,
      int from,
      int d,
      float factor,
      CodeBook.Levels levels,
      float[] partial,
      int partialFrom) {
    if (d % RUN != 0) {
      scalar.quantize(x, from, d, factor, levels, partial, partialFrom);
      return;
    }
    int[] thresholds = levels.thresholds();
    FloatVector slope = FloatVector.broadcast(F, levels.slope());
    FloatVector cubic = FloatVector.broadcast(F, levels.cubic());
    FloatVector quintic = FloatVector.broadcast(F, levels.quintic());
    FloatVector factors = FloatVector.broadcast(F, factor);
    IntVector magnitudes = IntVector.broadcast(I, Integer.MAX_VALUE);
    IntVector half = IntVector.broadcast(I, 1 << levels.bits() - 1);
    for (int lane = 0; lane < RUN; lane += LANES) {
      FloatVector product = FloatVector.zero(F);
      FloatVector square = product;
      for (int i = from + lane; i < from + d; i += RUN) {
        IntVector bits = FloatVector.fromArray(F, x, i).mul(factors).reinterpretAsInts();
        IntVector size = bits.and(magnitudes);
        IntVector index = IntVector.zero(I);
        for (int threshold : thresholds) {
          index =
              IntVector.broadcast(I, threshold)
                  .sub(size)
                  .lanewise(VectorOperators.LSHR, 31)
                  .add(index);
        }
        FloatVector u = ((FloatVector) index.convert(VectorOperators.I2F, 0)).add(0.5f);
        FloatVector t = u.mul(u);
        FloatVector level = t.fma(t.fma(quintic, cubic), slope).mul(u);
        product = size.reinterpretAsFloats().fma(level, product);
        square = level.fma(level, square);
        ((FloatVector)
                bits.lanewise(VectorOperators.ASHR, 31)
                    .lanewise(VectorOperators.XOR, index)
                    .add(half)
                    .convert(VectorOperators.I2F, 0))
            .intoArray(x, i);
      }
      product.intoArray(partial, partialFrom + lane);
      square.intoArray(partial, partialFrom + RUN + lane);
    }
  }

  @Override
  public void unpack(
      byte[] words,
      int wordsFrom,
      int rows,
      int count,
      CodeBook.Levels levels,
      float[] factors,
      int factorsFrom,
      int factorsRow,
      float[] out,
      int outFrom,
      int outRow) {
    if (count % LANES != 0 || rows % 2 != 0) {
      scalar.unpack(
          words,
          wordsFrom,
          rows,
          count,
          levels,
          factors,
          factorsFrom,
          factorsRow,
          out,
          outFrom,
          outRow);
      return;
    }
    int bits = levels.bits();
    FloatVector slope = FloatVector.broadcast(F, levels.slope());
    FloatVector cubic = FloatVector.broadcast(F, levels.cubic());
    FloatVector quintic = FloatVector.broadcast(F, levels.quintic());
    FloatVector middle = FloatVector.broadcast(F, ((1 << bits) - 1) * 0.5f);
    IntVector mask = IntVector.broadcast(I, (1 << bits) - 1);
    for (int row = 0; row < rows; row += 2) {
      IntVector shift = IntVector.broadcast(I, row * bits);
      IntVector shift2 = IntVector.broadcast(I, row * bits + bits);
      int side = factorsFrom + row * factorsRow;
      FloatVector factor = FloatVector.broadcast(F, factors[side]);
      FloatVector factor2 = FloatVector.broadcast(F, factors[side + factorsRow]);
      int at = outFrom + row * outRow;
      for (int c = 0; c < count; c += LANES) {
        IntVector word =
            ByteVector.fromArray(B, words, wordsFrom + Integer.BYTES * c).reinterpretAsInts();
        FloatVector u =
            ((FloatVector)
                    word.lanewise(VectorOperators.LSHR, shift)
                        .and(mask)
                        .convert(VectorOperators.I2F, 0))
                .sub(middle);
        FloatVector t = u.mul(u);
        t.fma(t.fma(quintic, cubic), slope).mul(u).mul(factor).intoArray(out, at + c);
        FloatVector u2 =
            ((FloatVector)
                    word.lanewise(VectorOperators.LSHR, shift2)
                        .and(mask)
                        .convert(VectorOperators.I2F, 0))
                .sub(middle);
        FloatVector t2 = u2.mul(u2);
        t2.fma(t2.fma(quintic, cubic), slope).mul(u2).mul(factor2).intoArray(out, at + outRow + c);
      }
    }
  }

  @Override
  public void dot(
      byte[] words,
      int wordsFrom,
      int rows,
      int count,
      CodeBook.Levels levels,
      float[] x,
      int xFrom,
      float[] partial,
      int partialFrom) {
    if (count % RUN != 0 || rows % 2 != 0) {
      scalar.dot(words, wordsFrom, rows, count, levels, x, xFrom, partial, partialFrom);
      return;
    }
    int bits = levels.bits();
    FloatVector slope = FloatVector.broadcast(F, levels.slope());
    FloatVector cubic = FloatVector.broadcast(F, levels.cubic());
    FloatVector quintic = FloatVector.broadcast(F, levels.quintic());
    FloatVector middle = FloatVector.broadcast(F, ((1 << bits) - 1) * 0.5f);
    IntVector mask = IntVector.broadcast(I, (1 << bits) - 1);
    for (int row = 0; row < rows; row += 2) {
      IntVector shift = IntVector.broadcast(I, row * bits);
      IntVector shift2 = IntVector.broadcast(I, row * bits + bits);
      for (int lane = 0; lane < RUN; lane += LANES) {
        FloatVector sum = FloatVector.zero(F);
        FloatVector sum2 = sum;
        for (int c = lane; c < count; c += RUN) {
          IntVector word =
              ByteVector.fromArray(B, words, wordsFrom + Integer.BYTES * c).reinterpretAsInts();
          FloatVector factor = FloatVector.fromArray(F, x, xFrom + c);
          FloatVector u =
              ((FloatVector)
                      word.lanewise(VectorOperators.LSHR, shift)
                          .and(mask)
                          .convert(VectorOperators.I2F, 0))
                  .sub(middle);
          FloatVector t = u.mul(u);
          sum = t.fma(t.fma(quintic, cubic), slope).mul(u).fma(factor, sum);
          FloatVector u2 =
              ((FloatVector)
                      word.lanewise(VectorOperators.LSHR, shift2)
                          .and(mask)
                          .convert(VectorOperators.I2F, 0))
                  .sub(middle);
          FloatVector t2 = u2.mul(u2);
          sum2 = t2.fma(t2.fma(quintic, cubic), slope).mul(u2).fma(factor, sum2);
        }
        sum.intoArray(partial, partialFrom + row * RUN + lane);
        sum2.intoArray(partial, partialFrom + row * RUN + RUN + lane);
      }
    }
  }

  @Override
  public void add(
      byte[] words,
      int wordsFrom,
      int rows,
      int count,
      CodeBook.Levels levels,
      float[] weights,
      int weightsFrom,
      float[] out,
      int outFrom) {
    if (count % LANES != 0 || rows % 2 != 0) {
      scalar.add(words, wordsFrom, rows, count, levels, weights, weightsFrom, out, outFrom);
      return;
    }
    int bits = levels.bits();
    FloatVector slope = FloatVector.broadcast(F, levels.slope());
    FloatVector cubic = FloatVector.broadcast(F, levels.cubic());
    FloatVector quintic = FloatVector.broadcast(F, levels.quintic());
    FloatVector middle = FloatVector.broadcast(F, ((1 << bits) - 1) * 0.5f);
    IntVector mask = IntVector.broadcast(I, (1 << bits) - 1);
    IntVector shift = IntVector.broadcast(I, bits);
    for (int c = 0; c < count; c += LANES) {
      IntVector word =
          ByteVector.fromArray(B, words, wordsFrom + Integer.BYTES * c).reinterpretAsInts();
      FloatVector sum = FloatVector.fromArray(F, out, outFrom + c);
      for (int row = 0; row < rows; row += 2) {
        FloatVector u = ((FloatVector) word.and(mask).convert(VectorOperators.I2F, 0)).sub(middle);
        FloatVector t = u.mul(u);
        sum =
            t.fma(t.fma(quintic, cubic), slope)
                .mul(u)
                .fma(FloatVector.broadcast(F, weights[weightsFrom + row]), sum);
        word = word.lanewise(VectorOperators.LSHR, shift);
        u = ((FloatVector) word.and(mask).convert(VectorOperators.I2F, 0)).sub(middle);
        t = u.mul(u);
        sum =
            t.fma(t.fma(quintic, cubic), slope)
                .mul(u)
                .fma(FloatVector.broadcast(F, weights[weightsFrom + row + 1]), sum);
        word = word.lanewise(VectorOperators.LSHR, shift);
      }
      sum.intoArray(out, outFrom + c);
    }
  }

  @Override
  public void hadamard(float[] x, int from, int length, float[] signs, int block, float[] factors) {
    if (block < 2 * LANES) {
      scalar.hadamard(x, from, length, signs, block, factors);
      return;
    }
    // as much at a time as there are signs: few and long loops, in the first-level cache
    for (int i = 0; i < length; i += signs.length) {
      int here = Math.min(signs.length, length - i);
      within(x, from + i, here, signs);
      for (int half = LANES; half < block / 2; half *= 2) {
        across(x, from + i, here, half);
      }
      last(x, from + i, here, block / 2, factors);
    }
  }

  /** Signs, and the steps that stay within a vector: a - b is exactly fma(b, -1, a). */
  private static void within(float[] x, int from, int length, float[] signs) {
    FloatVector sign1 = FloatVector.fromArray(F, SIGNS, 0);
    FloatVector sign2 = FloatVector.fromArray(F, SIGNS, LANES);
    FloatVector sign4 = FloatVector.fromArray(F, SIGNS, 2 * LANES);
    FloatVector sign8 = FloatVector.fromArray(F, SIGNS, 3 * LANES);
    for (int i = 0; i < length; i += 2 * LANES) {
      FloatVector y = FloatVector.fromArray(F, x, from + i).mul(FloatVector.fromArray(F, signs, i));
      FloatVector z =
          FloatVector.fromArray(F, x, from + i + LANES)
              .mul(FloatVector.fromArray(F, signs, i + LANES));
      y = y.fma(sign1, y.rearrange(SWAP_1));
      z = z.fma(sign1, z.rearrange(SWAP_1));
      y = y.fma(sign2, y.rearrange(SWAP_2));
      z = z.fma(sign2, z.rearrange(SWAP_2));
      if (LANES > 4) {
        y = y.fma(sign4, y.rearrange(SWAP_4));
        z = z.fma(sign4, z.rearrange(SWAP_4));
      }
      if (LANES > 8) {
        y = y.fma(sign8, y.rearrange(SWAP_8));
        z = z.fma(sign8, z.rearrange(SWAP_8));
      }
      y.intoArray(x, from + i);
      z.intoArray(x, from + i + LANES);
    }
  }

  private static void across(float[] x, int from, int length, int half) {
    for (int pair = from; pair < from + length; pair += 2 * half) {
      for (int i = pair; i < pair + half; i += LANES) {
        FloatVector a = FloatVector.fromArray(F, x, i);
        FloatVector b = FloatVector.fromArray(F, x, i + half);
        a.add(b).intoArray(x, i);
        a.sub(b).intoArray(x, i + half);
      }
    }
  }

  private static void last(float[] x, int from, int length, int half, float[] factors) {
    for (int pair = 0; pair < length; pair += 2 * half) {
      for (int i = pair; i < pair + half; i += LANES) {
        FloatVector a = FloatVector.fromArray(F, x, from + i);
        FloatVector b = FloatVector.fromArray(F, x, from + i + half);
        a.add(b).mul(FloatVector.fromArray(F, factors, i)).intoArray(x, from + i);
        a.sub(b).mul(FloatVector.fromArray(F, factors, i + half)).intoArray(x, from + i + half);
      }
    }
  }

  private static VectorShuffle<Float> swap(int bit) {
    return VectorShuffle.fromOp(F, lane -> (lane ^ bit) % LANES);
  }

  private static float[] signs() {
    float[] signs = new float[4 * LANES];
    for (int i = 0; i < signs.length; i++) {
      signs[i] = (i % LANES >> i / LANES & 1) == 0 ? 1f : -1f;
    }
    return signs;
  }
}
