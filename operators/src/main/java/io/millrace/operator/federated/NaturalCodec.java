package io.millrace.operator.federated;

import java.nio.ByteBuffer;

/**
 * Natural compression (Horvath, Ho, Horvath, Sahu, Canini, Richtarik, 2019, arXiv 1905.10988): each
 * value becomes a power of two of its sign, the one below or above it, at random so that its mean
 * is the value: sign and exponent of the float, 9 bits. Unbiased, variance at most |x|^2 / 8.
 * Values from 2^127 on are refused.
 */
record NaturalCodec() implements UpdateCodec {
  private static final int WIDTH = 9;
  private static final int MANTISSA_BITS = 23;
  private static final int LARGEST_EXPONENT = 254;

  @Override
  public byte[] encode(float[] x, long seed) {
    Payload.requireFinite(x);
    ByteBuffer buffer = Payload.allocate(Math.toIntExact(BitWriter.bytes(x.length, WIDTH)));
    BitWriter writer = new BitWriter(buffer);
    for (int i = 0; i < x.length; i++) {
      if (Math.abs(x[i]) >= 0x1p127f) {
        throw new IllegalArgumentException("update is " + x[i] + ", expected below 2^127 in size");
      }
      int bits = Float.floatToRawIntBits(x[i]);
      int mantissa = bits & (1 << MANTISSA_BITS) - 1;
      int draw = SeededBits.below(seed, i, 1 << MANTISSA_BITS);
      // Adding one to the exponent below a full mantissa: sign and exponent side by side.
      writer.put((bits >>> MANTISSA_BITS) + (draw < mantissa ? 1 : 0), WIDTH);
    }
    writer.finish();
    return buffer.array();
  }

  @Override
  public float[] decode(byte[] payload, int length, long seed) {
    BitReader reader = new BitReader(Payload.open(payload, BitWriter.bytes(length, WIDTH)));
    float[] x = new float[length];
    for (int i = 0; i < length; i++) {
      int code = reader.get(WIDTH);
      if ((code & 255) > LARGEST_EXPONENT) {
        throw new IllegalArgumentException("payload has an exponent past the largest float");
      }
      x[i] = Float.intBitsToFloat(code << MANTISSA_BITS);
    }
    reader.finish();
    return x;
  }
}
