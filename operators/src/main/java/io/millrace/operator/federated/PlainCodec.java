package io.millrace.operator.federated;

import java.nio.ByteBuffer;

/** The floats themselves, 4 bytes each. */
record PlainCodec() implements UpdateCodec {
  @Override
  public byte[] encode(float[] x, long seed) {
    Payload.requireFinite(x);
    ByteBuffer buffer = Payload.allocate(Math.multiplyExact(x.length, Float.BYTES));
    buffer.asFloatBuffer().put(x);
    return buffer.array();
  }

  @Override
  public float[] decode(byte[] payload, int length, long seed) {
    ByteBuffer buffer = Payload.open(payload, (long) length * Float.BYTES);
    float[] x = new float[length];
    Payload.getFinite(buffer, x, length);
    return x;
  }
}
