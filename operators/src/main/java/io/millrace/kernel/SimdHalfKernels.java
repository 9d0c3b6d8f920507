package io.millrace.kernel;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The twin on the Vector API, which has no conversion to halves before JDK 24: integer operations
 * on the bits of the floats, sign apart, as the scalar twin has them. Two halves are a word, whose
 * values are sorted into even and odd ones: a change of the vector's shape, as from ints to shorts,
 * is boxed on JDK 17 as often as not. Choices are made by the sign of a difference, since masks
 * cost more there. The methods are too long to be inlined: several in one caller would exceed what
 * C2 inlines of the API.
 */
final class SimdHalfKernels implements HalfKernels {
  private static final VectorSpecies<Float> F = SimdLanes.FLOATS;
  private static final VectorSpecies<Integer> I = SimdLanes.INTS;
  private static final VectorSpecies<Byte> B = SimdLanes.BYTES;
  private static final int LANES = SimdLanes.COUNT;
  private static final int TURN = 2 * LANES;

  private static final VectorShuffle<Integer> EVEN =
      VectorShuffle.fromOp(I, lane -> 2 * lane % LANES);
  private static final VectorShuffle<Integer> ODD =
      VectorShuffle.fromOp(I, lane -> (2 * lane + 1) % LANES);
  private static final VectorShuffle<Integer> LOWER = VectorShuffle.fromOp(I, lane -> lane / 2);
  private static final VectorShuffle<Integer> UPPER =
      VectorShuffle.fromOp(I, lane -> LANES / 2 + lane / 2);
  private static final VectorMask<Integer> UPPER_LANES = lanes(true);
  private static final VectorMask<Integer> ODD_LANES = lanes(false);

  private final ScalarHalfKernels scalar = new ScalarHalfKernels();

  @Override
  public void encode(float[] values, int from, byte[] out, int outFrom, int count) {
    int whole = count - count % TURN;
    IntVector magnitudes = IntVector.broadcast(I, 0x7fffffff);
    IntVector largest = IntVector.broadcast(I, 0x477fe000);
    IntVector one = IntVector.broadcast(I, 1);
    IntVector bias = IntVector.broadcast(I, 0x38000000 - 0xfff);
    FloatVector half = FloatVector.broadcast(F, 0.5f);
    IntVector halfBits = IntVector.broadcast(I, 0x3f000000);
    IntVector least = IntVector.broadcast(I, 0x38800000);
    IntVector signs = IntVector.broadcast(I, 0x8000);
    for (int i = 0; i < whole; i += TURN) {
      IntVector bits = FloatVector.fromArray(F, values, from + i).reinterpretAsInts();
      IntVector size = bits.and(magnitudes).min(largest);
      IntVector odd = size.lanewise(VectorOperators.LSHR, 13).and(one);
      IntVector rounded = size.add(odd).sub(bias).lanewise(VectorOperators.LSHR, 13);
      IntVector small = size.reinterpretAsFloats().add(half).reinterpretAsInts().sub(halfBits);
      IntVector isSmall = size.sub(least).lanewise(VectorOperators.ASHR, 31);
      IntVector sign = bits.lanewise(VectorOperators.LSHR, 16).and(signs);
      IntVector first =
          rounded
              .lanewise(VectorOperators.XOR, small)
              .and(isSmall)
              .lanewise(VectorOperators.XOR, rounded)
              .or(sign);
      bits = FloatVector.fromArray(F, values, from + i + LANES).reinterpretAsInts();
      size = bits.and(magnitudes).min(largest);
      odd = size.lanewise(VectorOperators.LSHR, 13).and(one);
      rounded = size.add(odd).sub(bias).lanewise(VectorOperators.LSHR, 13);
      small = size.reinterpretAsFloats().add(half).reinterpretAsInts().sub(halfBits);
      isSmall = size.sub(least).lanewise(VectorOperators.ASHR, 31);
      sign = bits.lanewise(VectorOperators.LSHR, 16).and(signs);
      IntVector second =
          rounded
              .lanewise(VectorOperators.XOR, small)
              .and(isSmall)
              .lanewise(VectorOperators.XOR, rounded)
              .or(sign);
      first
          .rearrange(ODD)
          .blend(second.rearrange(ODD), UPPER_LANES)
          .lanewise(VectorOperators.LSHL, 16)
          .or(first.rearrange(EVEN).blend(second.rearrange(EVEN), UPPER_LANES))
          .reinterpretAsBytes()
          .intoArray(out, outFrom + Short.BYTES * i);
    }
    scalar.encode(values, from + whole, out, outFrom + Short.BYTES * whole, count - whole);
  }

  @Override
  public void decode(byte[] in, int inFrom, float[] values, int from, int count) {
    int whole = count - count % TURN;
    IntVector magnitudes = IntVector.broadcast(I, 0x0fffe000);
    IntVector normal = IntVector.broadcast(I, 0x38800000);
    FloatVector leading = FloatVector.broadcast(F, 0x1p-14f);
    IntVector least = IntVector.broadcast(I, 0x00800000);
    IntVector endless = IntVector.broadcast(I, 0x0f7fffff);
    IntVector bias = IntVector.broadcast(I, 0x38000000);
    IntVector signs = IntVector.broadcast(I, 0x80000000);
    for (int i = 0; i < whole; i += TURN) {
      IntVector words = ByteVector.fromArray(B, in, inFrom + Short.BYTES * i).reinterpretAsInts();
      IntVector size = words.lanewise(VectorOperators.LSHL, 13).and(magnitudes);
      IntVector small = size.add(normal).reinterpretAsFloats().sub(leading).reinterpretAsInts();
      IntVector isSmall = size.sub(least).lanewise(VectorOperators.ASHR, 31);
      IntVector isEndless = endless.sub(size).lanewise(VectorOperators.ASHR, 31);
      IntVector large = size.add(bias).add(isEndless.and(bias));
      IntVector even =
          large
              .lanewise(VectorOperators.XOR, small)
              .and(isSmall)
              .lanewise(VectorOperators.XOR, large)
              .or(words.lanewise(VectorOperators.LSHL, 16).and(signs));
      size = words.lanewise(VectorOperators.LSHR, 3).and(magnitudes);
      small = size.add(normal).reinterpretAsFloats().sub(leading).reinterpretAsInts();
      isSmall = size.sub(least).lanewise(VectorOperators.ASHR, 31);
      isEndless = endless.sub(size).lanewise(VectorOperators.ASHR, 31);
      large = size.add(bias).add(isEndless.and(bias));
      IntVector odd =
          large
              .lanewise(VectorOperators.XOR, small)
              .and(isSmall)
              .lanewise(VectorOperators.XOR, large)
              .or(words.and(signs));
      even.rearrange(LOWER)
          .blend(odd.rearrange(LOWER), ODD_LANES)
          .reinterpretAsFloats()
          .intoArray(values, from + i);
      even.rearrange(UPPER)
          .blend(odd.rearrange(UPPER), ODD_LANES)
          .reinterpretAsFloats()
          .intoArray(values, from + i + LANES);
    }
    scalar.decode(in, inFrom + Short.BYTES * whole, values, from + whole, count - whole);
  }

  @Override
  public void encodeBrain(float[] values, int from, byte[] out, int outFrom, int count) {
    int whole = count - count % TURN;
    IntVector magnitudes = IntVector.broadcast(I, 0x7fffffff);
    IntVector largest = IntVector.broadcast(I, 0x7f7fffff);
    IntVector one = IntVector.broadcast(I, 1);
    IntVector bias = IntVector.broadcast(I, 0x7fff);
    IntVector upperHalf = IntVector.broadcast(I, 0xffff0000);
    for (int i = 0; i < whole; i += TURN) {
      IntVector bits = FloatVector.fromArray(F, values, from + i).reinterpretAsInts();
      IntVector size = bits.and(magnitudes);
      IntVector odd = size.lanewise(VectorOperators.LSHR, 16).and(one);
      IntVector sign = bits.lanewise(VectorOperators.XOR, size);
      IntVector first = size.add(odd).add(bias).min(largest).or(sign);
      bits = FloatVector.fromArray(F, values, from + i + LANES).reinterpretAsInts();
      size = bits.and(magnitudes);
      odd = size.lanewise(VectorOperators.LSHR, 16).and(one);
      sign = bits.lanewise(VectorOperators.XOR, size);
      IntVector second = size.add(odd).add(bias).min(largest).or(sign);
      first
          .rearrange(EVEN)
          .blend(second.rearrange(EVEN), UPPER_LANES)
          .lanewise(VectorOperators.LSHR, 16)
          .or(first.rearrange(ODD).blend(second.rearrange(ODD), UPPER_LANES).and(upperHalf))
          .reinterpretAsBytes()
          .intoArray(out, outFrom + Short.BYTES * i);
    }
    scalar.encodeBrain(values, from + whole, out, outFrom + Short.BYTES * whole, count - whole);
  }

  @Override
  public void decodeBrain(byte[] in, int inFrom, float[] values, int from, int count) {
    int whole = count - count % TURN;
    IntVector upperHalf = IntVector.broadcast(I, 0xffff0000);
    for (int i = 0; i < whole; i += TURN) {
      IntVector words = ByteVector.fromArray(B, in, inFrom + Short.BYTES * i).reinterpretAsInts();
      IntVector even = words.lanewise(VectorOperators.LSHL, 16);
      IntVector odd = words.and(upperHalf);
      even.rearrange(LOWER)
          .blend(odd.rearrange(LOWER), ODD_LANES)
          .reinterpretAsFloats()
          .intoArray(values, from + i);
      even.rearrange(UPPER)
          .blend(odd.rearrange(UPPER), ODD_LANES)
          .reinterpretAsFloats()
          .intoArray(values, from + i + LANES);
    }
    scalar.decodeBrain(in, inFrom + Short.BYTES * whole, values, from + whole, count - whole);
  }

  /** The upper half of the lanes, or the odd ones. */
  private static VectorMask<Integer> lanes(boolean upper) {
    boolean[] chosen = new boolean[LANES];
    for (int lane = 0; lane < LANES; lane++) {
      chosen[lane] = upper ? lane >= LANES / 2 : lane % 2 == 1;
    }
    return VectorMask.fromArray(I, chosen, 0);
  }
}
