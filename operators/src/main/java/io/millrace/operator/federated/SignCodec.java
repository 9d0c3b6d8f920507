package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.nio.ByteBuffer;

/**
 * Signs, scaled by the mean size of each bucket (Bernstein, Wang, Azizzadenesheli, Anandkumar,
 * signSGD, 2018, arXiv 1802.04434; scaled as in Karimireddy, Rebjock, Stich, Jaggi, 2019, arXiv
 * 1901.09847). Contractive with |x|_1^2 / (d |x|_2^2) of a bucket. Biased: the client needs an
 * error memory. Zeros count as positive.
 *
 * <pre>
 * a float mean size a bucket | a bit a value, 1 for negative
 * </pre>
 *
 * @param bucket values that share a size, at least 1
 */
record SignCodec(int bucket) implements UpdateCodec {
  SignCodec {
    SettingCheck.range("bucket", bucket, 1, 1 << 24);
  }

  @Override
  public byte[] encode(float[] x, long seed) {
    Payload.requireFinite(x);
    int buckets = buckets(x.length);
    ByteBuffer buffer = Payload.allocate(Math.toIntExact(bytes(x.length)));
    for (int b = 0; b < buckets; b++) {
      int from = b * bucket;
      int to = (int) Math.min(x.length, (b + 1L) * bucket);
      double sum = 0;
      for (int i = from; i < to; i++) {
        sum += Math.abs(x[i]);
      }
      buffer.putFloat((float) (sum / (to - from)));
    }
    BitWriter writer = new BitWriter(buffer);
    for (float value : x) {
      writer.put(value < 0 ? 1 : 0, 1);
    }
    writer.finish();
    return buffer.array();
  }

  @Override
  public float[] decode(byte[] payload, int length, long seed) {
    ByteBuffer buffer = Payload.open(payload, bytes(length));
    float[] sizes = new float[buckets(length)];
    Payload.getFinite(buffer, sizes, sizes.length);
    for (float size : sizes) {
      if (size < 0) {
        throw new IllegalArgumentException("payload has mean size " + size);
      }
    }
    BitReader reader = new BitReader(buffer);
    float[] x = new float[length];
    for (int i = 0; i < length; i++) {
      x[i] = reader.get(1) == 0 ? sizes[i / bucket] : -sizes[i / bucket];
    }
    reader.finish();
    return x;
  }

  private int buckets(int length) {
    return (int) (((long) length + bucket - 1) / bucket);
  }

  private long bytes(int length) {
    return (long) buckets(length) * Float.BYTES + BitWriter.bytes(length, 1);
  }
}
