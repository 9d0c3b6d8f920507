package io.millrace.kernel;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The twin on the Vector API: lanes are columns. Words are read from bytes and used as ints, which
 * costs nothing and works alike on all JDKs; shift counts are vectors, since a count that is no
 * constant costs two instructions as a scalar; rounding adds 1.5 x 2^23 and takes the low bits: the
 * conversion from float to int is slow on JDK 17. What does not fill the lanes is left to the
 * scalar twin.
 */
final class SimdCodeKernels implements CodeKernels {
  private static final VectorSpecies<Float> F = SimdLanes.FLOATS;
  private static final VectorSpecies<Integer> I = SimdLanes.INTS;
  private static final VectorSpecies<Byte> B = SimdLanes.BYTES;
  private static final int LANES = SimdLanes.COUNT;
  private static final int RUN = ColumnCodes.LANES;

  private final ScalarCodeKernels scalar = new ScalarCodeKernels();

  @Override
  public void columnRanges(
      float[] x, int from, int rows, int columns, float[] minima, float[] maxima, int sideFrom) {
    if (columns % LANES != 0) {
      scalar.columnRanges(x, from, rows, columns, minima, maxima, sideFrom);
      return;
    }
    for (int c = 0; c < columns; c += LANES) {
      IntVector low = IntVector.broadcast(I, Integer.MAX_VALUE);
      IntVector high = IntVector.broadcast(I, Integer.MIN_VALUE);
      for (int row = 0, i = from + c; row < rows; row++, i += columns) {
        IntVector bits = FloatVector.fromArray(F, x, i).reinterpretAsInts();
        IntVector sortable =
            bits.lanewise(VectorOperators.ASHR, 31)
                .and(Integer.MAX_VALUE)
                .lanewise(VectorOperators.XOR, bits);
        low = low.min(sortable);
        high = high.max(sortable);
      }
      low.lanewise(VectorOperators.ASHR, 31)
          .and(Integer.MAX_VALUE)
          .lanewise(VectorOperators.XOR, low)
          .reinterpretAsFloats()
          .intoArray(minima, sideFrom + c);
      high.lanewise(VectorOperators.ASHR, 31)
          .and(Integer.MAX_VALUE)
          .lanewise(VectorOperators.XOR, high)
          .reinterpretAsFloats()
          .intoArray(maxima, sideFrom + c);
    }
  }

  @Override
  public void groupRanges(
      float[] x, int from, int groups, int group, float[] minima, float[] maxima) {
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
    return Float.intBitsToFloat(ScalarCodeKernels.sortable(sortable));
  }

  @Override
  public void packByColumn(
      float[] x,
      int from,
      int rows,
      int columns,
      float[] minima,
      float[] inverse,
      int sideFrom,
      int bits,
      byte[] words,
      int wordsFrom) {
    if (columns % LANES != 0 || rows % 2 != 0) {
      scalar.packByColumn(
          x, from, rows, columns, minima, inverse, sideFrom, bits, words, wordsFrom);
      return;
    }
    IntVector shift = IntVector.broadcast(I, bits);
    IntVector shift2 = IntVector.broadcast(I, 2 * bits);
    IntVector least = IntVector.broadcast(I, ColumnCodes.ROUNDING_BITS);
    IntVector most = least.add((1 << bits) - 1);
    IntVector mask = IntVector.broadcast(I, (1 << bits) - 1);
    FloatVector rounding = FloatVector.broadcast(F, ColumnCodes.ROUNDING);
    int last = from + (rows - 1) * columns;
    for (int c = 0; c < columns; c += LANES) {
      FloatVector minimum = FloatVector.fromArray(F, minima, sideFrom + c);
      FloatVector factor = FloatVector.fromArray(F, inverse, sideFrom + c);
      IntVector word = IntVector.zero(I);
      for (int row = 0; row < rows; row += 2) {
        int i = last + c - row * columns;
        IntVector later =
            FloatVector.fromArray(F, x, i)
                .sub(minimum)
                .fma(factor, rounding)
                .reinterpretAsInts()
                .max(least)
                .min(most)
                .and(mask);
        word =
            FloatVector.fromArray(F, x, i - columns)
                .sub(minimum)
                .fma(factor, rounding)
                .reinterpretAsInts()
                .max(least)
                .min(most)
                .and(mask)
                .or(later.lanewise(VectorOperators.LSHL, shift))
                .or(word.lanewise(VectorOperators.LSHL, shift2));
      }
      word.reinterpretAsBytes().intoArray(words, wordsFrom + Integer.BYTES * c);
    }
  }

  @Override
  public void packByGroup(
      float[] x,
      int from,
      int rows,
      int columns,
      int group,
      float[] minima,
      float[] inverse,
      int sideFrom,
      int bits,
      byte[] words,
      int wordsFrom) {
    if (rows % 2 != 0) {
      scalar.packByGroup(
          x, from, rows, columns, group, minima, inverse, sideFrom, bits, words, wordsFrom);
      return;
    }
    IntVector shift = IntVector.broadcast(I, bits);
    IntVector shift2 = IntVector.broadcast(I, 2 * bits);
    IntVector least = IntVector.broadcast(I, ColumnCodes.ROUNDING_BITS);
    IntVector most = least.add((1 << bits) - 1);
    IntVector mask = IntVector.broadcast(I, (1 << bits) - 1);
    FloatVector rounding = FloatVector.broadcast(F, ColumnCodes.ROUNDING);
    int last = from + (rows - 1) * columns;
    int perRow = columns / group;
    int lastSide = sideFrom + (rows - 1) * perRow;
    for (int g = 0; g < perRow; g++) {
      for (int c = g * group; c < (g + 1) * group; c += LANES) {
        IntVector word = IntVector.zero(I);
        for (int row = 0; row < rows; row += 2) {
          int i = last + c - row * columns;
          int side = lastSide + g - row * perRow;
          IntVector later =
              FloatVector.fromArray(F, x, i)
                  .sub(FloatVector.broadcast(F, minima[side]))
                  .fma(FloatVector.broadcast(F, inverse[side]), rounding)
                  .reinterpretAsInts()
                  .max(least)
                  .min(most)
                  .and(mask);
          word =
              FloatVector.fromArray(F, x, i - columns)
                  .sub(FloatVector.broadcast(F, minima[side - perRow]))
                  .fma(FloatVector.broadcast(F, inverse[side - perRow]), rounding)
                  .reinterpretAsInts()
                  .max(least)
                  .min(most)
                  .and(mask)
                  .or(later.lanewise(VectorOperators.LSHL, shift))
                  .or(word.lanewise(VectorOperators.LSHL, shift2));
        }
        word.reinterpretAsBytes().intoArray(words, wordsFrom + Integer.BYTES * c);
      }
    }
  }

  @Override
  public void unpackByColumn(
      byte[] words,
      int wordsFrom,
      int rows,
      int columns,
      float[] steps,
      float[] minima,
      int sideFrom,
      int bits,
      float[] out,
      int outFrom) {
    if (columns % LANES != 0 || rows % 4 != 0) {
      scalar.unpackByColumn(
          words, wordsFrom, rows, columns, steps, minima, sideFrom, bits, out, outFrom);
      return;
    }
    IntVector mask = IntVector.broadcast(I, (1 << bits) - 1);
    for (int row = 0; row < rows; row += 4) {
      IntVector shift0 = IntVector.broadcast(I, row * bits);
      IntVector shift1 = IntVector.broadcast(I, row * bits + bits);
      IntVector shift2 = IntVector.broadcast(I, row * bits + 2 * bits);
      IntVector shift3 = IntVector.broadcast(I, row * bits + 3 * bits);
      int at = outFrom + row * columns;
      for (int c = 0; c < columns; c += LANES) {
        IntVector word =
            ByteVector.fromArray(B, words, wordsFrom + Integer.BYTES * c).reinterpretAsInts();
        FloatVector step = FloatVector.fromArray(F, steps, sideFrom + c);
        FloatVector minimum = FloatVector.fromArray(F, minima, sideFrom + c);
        ((FloatVector)
                word.lanewise(VectorOperators.LSHR, shift0)
                    .and(mask)
                    .convert(VectorOperators.I2F, 0))
            .fma(step, minimum)
            .intoArray(out, at + c);
        ((FloatVector)
                word.lanewise(VectorOperators.LSHR, shift1)
                    .and(mask)
                    .convert(VectorOperators.I2F, 0))
            .fma(step, minimum)
            .intoArray(out, at + columns + c);
        ((FloatVector)
                word.lanewise(VectorOperators.LSHR, shift2)
                    .and(mask)
                    .convert(VectorOperators.I2F, 0))
            .fma(step, minimum)
            .intoArray(out, at + 2 * columns + c);
        ((FloatVector)
                word.lanewise(VectorOperators.LSHR, shift3)
                    .and(mask)
                    .convert(VectorOperators.I2F, 0))
            .fma(step, minimum)
            .intoArray(out, at + 3 * columns + c);
      }
    }
  }

  @Override
  public void unpackByGroup(
      byte[] words,
      int wordsFrom,
      int rows,
      int columns,
      int group,
      float[] steps,
      float[] minima,
      int sideFrom,
      int bits,
      float[] out,
      int outFrom) {
    if (rows % 4 != 0) {
      scalar.unpackByGroup(
          words, wordsFrom, rows, columns, group, steps, minima, sideFrom, bits, out, outFrom);
      return;
    }
    IntVector mask0 = IntVector.broadcast(I, (1 << bits) - 1);
    IntVector mask1 = IntVector.broadcast(I, (1 << bits) - 1 << bits);
    IntVector mask2 = IntVector.broadcast(I, (1 << bits) - 1 << 2 * bits);
    IntVector shift3 = IntVector.broadcast(I, 3 * bits);
    int perRow = columns / group;
    for (int row = 0; row < rows; row += 4) {
      IntVector shift = IntVector.broadcast(I, row * bits);
      int at = outFrom + row * columns;
      int side0 = sideFrom + row * perRow;
      for (int g = 0; g < perRow; g++) {
        int side = side0 + g;
        FloatVector step0 = FloatVector.broadcast(F, steps[side]);
        FloatVector step1 = FloatVector.broadcast(F, steps[side + perRow]);
        FloatVector step2 = FloatVector.broadcast(F, steps[side + 2 * perRow]);
        FloatVector step3 = FloatVector.broadcast(F, steps[side + 3 * perRow]);
        FloatVector minimum0 = FloatVector.broadcast(F, minima[side]);
        FloatVector minimum1 = FloatVector.broadcast(F, minima[side + perRow]);
        FloatVector minimum2 = FloatVector.broadcast(F, minima[side + 2 * perRow]);
        FloatVector minimum3 = FloatVector.broadcast(F, minima[side + 3 * perRow]);
        for (int c = g * group; c < (g + 1) * group; c += LANES) {
          IntVector word =
              ByteVector.fromArray(B, words, wordsFrom + Integer.BYTES * c)
                  .reinterpretAsInts()
                  .lanewise(VectorOperators.LSHR, shift);
          ((FloatVector) word.and(mask0).convert(VectorOperators.I2F, 0))
              .fma(step0, minimum0)
              .intoArray(out, at + c);
          ((FloatVector) word.and(mask1).convert(VectorOperators.I2F, 0))
              .fma(step1, minimum1)
              .intoArray(out, at + columns + c);
          ((FloatVector) word.and(mask2).convert(VectorOperators.I2F, 0))
              .fma(step2, minimum2)
              .intoArray(out, at + 2 * columns + c);
          ((FloatVector)
                  word.lanewise(VectorOperators.LSHR, shift3)
                      .and(mask0)
                      .convert(VectorOperators.I2F, 0))
              .fma(step3, minimum3)
              .intoArray(out, at + 3 * columns + c);
        }
      }
    }
  }

  @Override
  public void assemble(byte[] words, int from, int rowBytes, byte[] out, int outFrom, int count) {
    if (count % LANES != 0) {
      scalar.assemble(words, from, rowBytes, out, outFrom, count);
      return;
    }
    for (int i = 0; i < Integer.BYTES * count; i += Integer.BYTES * LANES) {
      IntVector word0 = ByteVector.fromArray(B, words, from + i).reinterpretAsInts();
      IntVector word1 = ByteVector.fromArray(B, words, from + rowBytes + i).reinterpretAsInts();
      IntVector word2 = ByteVector.fromArray(B, words, from + 2 * rowBytes + i).reinterpretAsInts();
      word0
          .lanewise(VectorOperators.LSHR, 24)
          .or(word1.lanewise(VectorOperators.LSHR, 16).and(0xff00))
          .or(word2.lanewise(VectorOperators.LSHR, 8).and(0xff0000))
          .reinterpretAsBytes()
          .intoArray(out, outFrom + i);
    }
  }

  @Override
  public void spread(byte[] words, int from, byte[] out, int outFrom, int columns) {
    if (columns % LANES != 0) {
      scalar.spread(words, from, out, outFrom, columns);
      return;
    }
    int rowBytes = Integer.BYTES * columns;
    for (int row = 0; row < 3; row++) {
      IntVector shift = IntVector.broadcast(I, 8 * row);
      for (int i = 0; i < rowBytes; i += Integer.BYTES * LANES) {
        int at = outFrom + row * rowBytes + i;
        IntVector top =
            ByteVector.fromArray(B, words, from + i)
                .reinterpretAsInts()
                .lanewise(VectorOperators.LSHR, shift)
                .lanewise(VectorOperators.LSHL, 24);
        ByteVector.fromArray(B, out, at)
            .reinterpretAsInts()
            .and(0xffffff)
            .or(top)
            .reinterpretAsBytes()
            .intoArray(out, at);
      }
    }
  }

  @Override
  public void factors(
      float[] x,
      int xFrom,
      float[] steps,
      float[] minima,
      int sideFrom,
      int count,
      float[] scratch,
      int factors,
      int offsets) {
    if (count % RUN != 0) {
      scalar.factors(x, xFrom, steps, minima, sideFrom, count, scratch, factors, offsets);
      return;
    }
    for (int lane = 0; lane < RUN; lane += LANES) {
      FloatVector sum = FloatVector.zero(F);
      for (int c = lane; c < count; c += RUN) {
        FloatVector values = FloatVector.fromArray(F, x, xFrom + c);
        values.mul(FloatVector.fromArray(F, steps, sideFrom + c)).intoArray(scratch, factors + c);
        sum = values.fma(FloatVector.fromArray(F, minima, sideFrom + c), sum);
      }
      sum.intoArray(scratch, offsets + lane);
    }
  }

  @Override
  public void dotByColumn(
      byte[] words,
      int wordsFrom,
      int rows,
      int columns,
      int count,
      int factors,
      int offsets,
      int bits,
      float[] partial,
      int partialFrom) {
    if (count % RUN != 0 || rows % 4 != 0) {
      scalar.dotByColumn(
          words, wordsFrom, rows, columns, count, factors, offsets, bits, partial, partialFrom);
      return;
    }
    IntVector mask0 = IntVector.broadcast(I, (1 << bits) - 1);
    IntVector mask1 = IntVector.broadcast(I, (1 << bits) - 1 << bits);
    IntVector mask2 = IntVector.broadcast(I, (1 << bits) - 1 << 2 * bits);
    IntVector shift3 = IntVector.broadcast(I, 3 * bits);
    FloatVector scale1 = FloatVector.broadcast(F, ScalarCodeKernels.placeScale(1, bits));
    FloatVector scale2 = FloatVector.broadcast(F, ScalarCodeKernels.placeScale(2, bits));
    for (int row = 0; row < rows; row += 4) {
      IntVector shift = IntVector.broadcast(I, row * bits);
      for (int lane = 0; lane < RUN; lane += LANES) {
        FloatVector sum0 = FloatVector.zero(F);
        FloatVector sum1 = sum0;
        FloatVector sum2 = sum0;
        FloatVector sum3 = sum0;
        for (int c = lane; c < count; c += RUN) {
          FloatVector factor = FloatVector.fromArray(F, partial, factors + c);
          IntVector word =
              ByteVector.fromArray(B, words, wordsFrom + Integer.BYTES * c)
                  .reinterpretAsInts()
                  .lanewise(VectorOperators.LSHR, shift);
          sum0 = ((FloatVector) word.and(mask0).convert(VectorOperators.I2F, 0)).fma(factor, sum0);
          sum1 = ((FloatVector) word.and(mask1).convert(VectorOperators.I2F, 0)).fma(factor, sum1);
          sum2 = ((FloatVector) word.and(mask2).convert(VectorOperators.I2F, 0)).fma(factor, sum2);
          sum3 =
              ((FloatVector)
                      word.lanewise(VectorOperators.LSHR, shift3)
                          .and(mask0)
                          .convert(VectorOperators.I2F, 0))
                  .fma(factor, sum3);
        }
        FloatVector offset = FloatVector.fromArray(F, partial, offsets + lane);
        int at = partialFrom + row * RUN + lane;
        sum0.add(offset).intoArray(partial, at);
        sum1.fma(scale1, offset).intoArray(partial, at + RUN);
        sum2.fma(scale2, offset).intoArray(partial, at + 2 * RUN);
        sum3.add(offset).intoArray(partial, at + 3 * RUN);
      }
    }
  }

  @Override
  public void dotByGroup(
      byte[] words,
      int wordsFrom,
      int rows,
      int column,
      int count,
      float[] x,
      int xFrom,
      int group,
      float[] steps,
      float[] minima,
      int sideFrom,
      int sideRow,
      int sums,
      int bits,
      float[] partial,
      int partialFrom) {
    if (count % group != 0 || column % group != 0 || rows % 4 != 0) {
      scalar.dotByGroup(
          words,
          wordsFrom,
          rows,
          column,
          count,
          x,
          xFrom,
          group,
          steps,
          minima,
          sideFrom,
          sideRow,
          sums,
          bits,
          partial,
          partialFrom);
      return;
    }
    IntVector mask0 = IntVector.broadcast(I, (1 << bits) - 1);
    IntVector mask1 = IntVector.broadcast(I, (1 << bits) - 1 << bits);
    IntVector mask2 = IntVector.broadcast(I, (1 << bits) - 1 << 2 * bits);
    IntVector shift3 = IntVector.broadcast(I, 3 * bits);
    for (int row = 0; row < rows; row += 4) {
      IntVector shift = IntVector.broadcast(I, row * bits);
      for (int lane = 0; lane < RUN; lane += LANES) {
        FloatVector total0 = FloatVector.zero(F);
        FloatVector total1 = total0;
        FloatVector total2 = total0;
        FloatVector total3 = total0;
        int side = sideFrom + row * sideRow;
        int sum = sums + lane;
        for (int first = lane; first < count; first += group, side++, sum += RUN) {
          FloatVector sum0 = FloatVector.zero(F);
          FloatVector sum1 = sum0;
          FloatVector sum2 = sum0;
          FloatVector sum3 = sum0;
          for (int c = first; c < first - lane + group; c += RUN) {
            FloatVector factor = FloatVector.fromArray(F, x, xFrom + c);
            IntVector word =
                ByteVector.fromArray(B, words, wordsFrom + Integer.BYTES * c)
                    .reinterpretAsInts()
                    .lanewise(VectorOperators.LSHR, shift);
            sum0 =
                ((FloatVector) word.and(mask0).convert(VectorOperators.I2F, 0)).fma(factor, sum0);
            sum1 =
                ((FloatVector) word.and(mask1).convert(VectorOperators.I2F, 0)).fma(factor, sum1);
            sum2 =
                ((FloatVector) word.and(mask2).convert(VectorOperators.I2F, 0)).fma(factor, sum2);
            sum3 =
                ((FloatVector)
                        word.lanewise(VectorOperators.LSHR, shift3)
                            .and(mask0)
                            .convert(VectorOperators.I2F, 0))
                    .fma(factor, sum3);
          }
          FloatVector xs = FloatVector.fromArray(F, partial, sum);
          total0 = sum0.fma(FloatVector.broadcast(F, steps[side]), total0);
          total0 = xs.fma(FloatVector.broadcast(F, minima[side]), total0);
          total1 = sum1.fma(FloatVector.broadcast(F, steps[side + sideRow]), total1);
          total1 = xs.fma(FloatVector.broadcast(F, minima[side + sideRow]), total1);
          total2 = sum2.fma(FloatVector.broadcast(F, steps[side + 2 * sideRow]), total2);
          total2 = xs.fma(FloatVector.broadcast(F, minima[side + 2 * sideRow]), total2);
          total3 = sum3.fma(FloatVector.broadcast(F, steps[side + 3 * sideRow]), total3);
          total3 = xs.fma(FloatVector.broadcast(F, minima[side + 3 * sideRow]), total3);
        }
        int at = partialFrom + row * RUN + lane;
        total0.intoArray(partial, at);
        total1.intoArray(partial, at + RUN);
        total2.intoArray(partial, at + 2 * RUN);
        total3.intoArray(partial, at + 3 * RUN);
      }
    }
  }

  @Override
  public void addByGroup(
      byte[] words,
      int wordsFrom,
      int rows,
      int column,
      int count,
      int group,
      float[] factors,
      int factorsFrom,
      int factorsRow,
      int bits,
      float[] out,
      int outFrom) {
    if (count % group != 0 || column % group != 0 || rows % 4 != 0) {
      scalar.addByGroup(
          words,
          wordsFrom,
          rows,
          column,
          count,
          group,
          factors,
          factorsFrom,
          factorsRow,
          bits,
          out,
          outFrom);
      return;
    }
    IntVector mask0 = IntVector.broadcast(I, (1 << bits) - 1);
    IntVector mask1 = IntVector.broadcast(I, (1 << bits) - 1 << bits);
    IntVector mask2 = IntVector.broadcast(I, (1 << bits) - 1 << 2 * bits);
    IntVector shift3 = IntVector.broadcast(I, 3 * bits);
    IntVector shift4 = IntVector.broadcast(I, 4 * bits);
    for (int g = 0, c = 0; c < count; g++) {
      for (int end = c + group; c < end; c += LANES) {
        IntVector word =
            ByteVector.fromArray(B, words, wordsFrom + Integer.BYTES * c).reinterpretAsInts();
        FloatVector sum = FloatVector.fromArray(F, out, outFrom + c);
        int factor = factorsFrom + g;
        for (int row = 0; row < rows; row += 4, factor += 4 * factorsRow) {
          sum =
              ((FloatVector) word.and(mask0).convert(VectorOperators.I2F, 0))
                  .fma(FloatVector.broadcast(F, factors[factor]), sum);
          sum =
              ((FloatVector) word.and(mask1).convert(VectorOperators.I2F, 0))
                  .fma(FloatVector.broadcast(F, factors[factor + factorsRow]), sum);
          sum =
              ((FloatVector) word.and(mask2).convert(VectorOperators.I2F, 0))
                  .fma(FloatVector.broadcast(F, factors[factor + 2 * factorsRow]), sum);
          sum =
              ((FloatVector)
                      word.lanewise(VectorOperators.LSHR, shift3)
                          .and(mask0)
                          .convert(VectorOperators.I2F, 0))
                  .fma(FloatVector.broadcast(F, factors[factor + 3 * factorsRow]), sum);
          word = word.lanewise(VectorOperators.LSHR, shift4);
        }
        sum.intoArray(out, outFrom + c);
      }
    }
  }

  @Override
  public void fold(float[] partial, int rows, float[] out, int outFrom) {
    SimdFold.fold(partial, rows, out, outFrom);
  }
}
