package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.nio.ByteBuffer;

/**
 * QSGD (Alistarh, Grubic, Li, Tomioka, Vojnovic, 2016, arXiv 1610.02132): each value of a bucket
 * becomes a whole number of levels of the bucket's length, rounded up or down at random so that its
 * mean is the value. Unbiased; variance at most min(b/s^2, sqrt(b)/s) |x|^2 for buckets of b
 * values.
 *
 * <pre>
 * a float length a bucket | numbers 0 to 2 s, value + s, of ceil(log2(2 s + 1)) bits
 * </pre>
 *
 * @param levels s, 1 to 2^15
 * @param bucket b, values that share a length, at least 1
 */
record QuantisedSgdCodec(int levels, int bucket) implements UpdateCodec {
  QuantisedSgdCodec {
    SettingCheck.range("levels", levels, 1, 1 << 15);
    SettingCheck.range("bucket", bucket, 1, 1 << 24);
  }

  @Override
  public byte[] encode(float[] x, long seed) {
    Payload.requireFinite(x);
    ByteBuffer buffer = Payload.allocate(Math.toIntExact(bytes(x.length)));
    float[] lengths = new float[buckets(x.length)];
    for (int b = 0; b < lengths.length; b++) {
      lengths[b] = length(x, b * bucket, (int) Math.min(x.length, (b + 1L) * bucket));
      buffer.putFloat(lengths[b]);
    }
    BitWriter writer = new BitWriter(buffer);
    for (int i = 0; i < x.length; i++) {
      float length = lengths[i / bucket];
      double scaled = length > 0 ? Math.abs((double) x[i]) / length * levels : 0;
      int level = (int) (scaled + SeededBits.uniform(seed, i));
      level = Math.min(levels, level); // one more only by the rounding of the length
      writer.put(levels + (x[i] < 0 ? -level : level), width());
    }
    writer.finish();
    return buffer.array();
  }

  @Override
  public float[] decode(byte[] payload, int length, long seed) {
    ByteBuffer buffer = Payload.open(payload, bytes(length));
    float[] lengths = new float[buckets(length)];
    Payload.getFinite(buffer, lengths, lengths.length);
    BitReader reader = new BitReader(buffer);
    float[] x = new float[length];
    for (int i = 0; i < length; i++) {
      int level = reader.get(width()) - levels;
      float size = lengths[i / bucket];
      if (level > levels || size < 0) {
        throw new IllegalArgumentException(
            "payload has level " + level + " of " + levels + " and length " + size);
      }
      x[i] = (float) ((double) size * level / levels);
    }
    reader.finish();
    return x;
  }

  private int width() {
    return Integer.SIZE - Integer.numberOfLeadingZeros(2 * levels);
  }

  private int buckets(int length) {
    return (int) (((long) length + bucket - 1) / bucket);
  }

  private long bytes(int length) {
    return (long) buckets(length) * Float.BYTES + BitWriter.bytes(length, width());
  }

  /** Rounded up, so that no value is longer than its bucket. */
  private static float length(float[] x, int from, int to) {
    double square = 0;
    for (int i = from; i < to; i++) {
      square += (double) x[i] * x[i];
    }
    double length = Math.sqrt(square);
    float rounded = (float) length;
    rounded = rounded < length ? Math.nextUp(rounded) : rounded;
    if (!(rounded <= Float.MAX_VALUE)) {
      throw new IllegalArgumentException("bucket has length " + length + ", more than a float");
    }
    return rounded;
  }
}
