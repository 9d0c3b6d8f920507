package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.util.Arrays;

/**
 * One value out of each of k runs of neighbours, chosen by the shared seed, times the length of the
 * run: unbiased, variance (d/k - 1) |x|^2, and linear, since all clients choose alike. 4 k bytes:
 * no indices travel.
 *
 * <p>One choice a run, instead of k among all, needs no set of those taken and has the same
 * variance.
 *
 * @param kept values of a chunk, at least 1; all of a shorter chunk
 */
record RandomKCodec(int kept) implements LinearCodec {
  RandomKCodec {
    SettingCheck.range("values kept", kept, 1, Integer.MAX_VALUE);
  }

  @Override
  public int packedLength(int length) {
    return Math.min(kept, length);
  }

  @Override
  public float[] pack(float[] x, long seed) {
    int k = packedLength(x.length);
    float[] packed = new float[k];
    for (int run = 0; run < k; run++) {
      packed[run] = x[chosen(seed, run, k, x.length)];
    }
    return packed;
  }

  @Override
  public void unpack(double[] packed, long seed, double[] out) {
    int k = packedLength(out.length);
    if (packed.length != k) {
      throw new IllegalArgumentException(
          "packed update has " + packed.length + " values, expected " + k);
    }
    Arrays.fill(out, 0);
    for (int run = 0; run < k; run++) {
      int size = border(run + 1, k, out.length) - border(run, k, out.length);
      out[chosen(seed, run, k, out.length)] = size * packed[run];
    }
  }

  private static int chosen(long seed, int run, int k, int length) {
    int first = border(run, k, length);
    return first + SeededBits.below(seed, run, border(run + 1, k, length) - first);
  }

  private static int border(int run, int k, int length) {
    return (int) ((long) run * length / k);
  }
}
