package io.millrace.operator.federated;

/** A linear codec's numbers as floats, 4 bytes each, for one update at a time. */
record LinearPayload(LinearCodec codec) implements UpdateCodec {
  @Override
  public byte[] encode(float[] x, long seed) {
    Payload.requireFinite(x);
    return new PlainCodec().encode(codec.pack(x, seed), seed);
  }

  @Override
  public float[] decode(byte[] payload, int length, long seed) {
    float[] floats = new PlainCodec().decode(payload, codec.packedLength(length), seed);
    double[] packed = new double[floats.length];
    for (int i = 0; i < floats.length; i++) {
      packed[i] = floats[i];
    }
    double[] unpacked = new double[length];
    codec.unpack(packed, seed, unpacked);
    float[] x = Vectors.floats(unpacked);
    Payload.requireFinite(x);
    return x;
  }
}
