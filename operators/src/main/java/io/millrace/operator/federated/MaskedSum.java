package io.millrace.operator.federated;

import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.util.List;

/**
 * The sum of one chunk of masked updates modulo 2^32 (Bonawitz and others, 2017, eprint 2017/281):
 * noise to who sees it, until the masks left in it are taken out. Integers add in any order, so
 * that order, partitions and replays leave no trace in the bits.
 *
 * <p>4 bytes a coordinate; taking masks out costs one ChaCha20 stream each. One thread.
 */
final class MaskedSum {
  /** Name of the codec of masked payloads. */
  static final String CODEC = "masked";

  private final int chunk;
  private final MaskedScale scale;
  private final int[] sum;
  private int updates;
  private boolean open;

  /**
   * @param chunk number of the chunk
   * @param length of the chunk
   * @param scale as in the cohort: {@code MaskedScale.finest} of the freeze's bounds
   */
  MaskedSum(int chunk, int length, MaskedScale scale) {
    this.chunk = chunk;
    this.scale = scale;
    sum = new int[length];
  }

  /**
   * Checks a payload: any bytes of the right length can be a masked chunk.
   *
   * @throws IllegalArgumentException for another length
   */
  static void check(byte[] payload, int length) {
    Payload.open(payload, (long) length * Integer.BYTES);
  }

  /** Terms as a payload: 4 bytes each, little endian. */
  static byte[] payload(int[] terms) {
    ByteBuffer payload = Payload.allocate(Math.multiplyExact(terms.length, Integer.BYTES));
    payload.asIntBuffer().put(terms);
    return payload.array();
  }

  /**
   * Adds a masked chunk.
   *
   * @param payload [4 x length], not modified
   * @throws IllegalArgumentException for another length; nothing is added then
   */
  void add(byte[] payload) {
    requireMasked();
    IntBuffer words = Payload.open(payload, (long) sum.length * Integer.BYTES).asIntBuffer();
    for (int i = 0; i < sum.length; i++) {
      sum[i] += words.get(i);
    }
    updates++;
  }

  /**
   * Takes the masks out that are left.
   *
   * @param reveals as {@code RoundFreeze.reveals}
   * @throws IllegalArgumentException for damaged ones, or unless there is one own seed an update;
   *     the sum is as before then
   */
  void unmask(List<ByteBuffer> reveals) {
    requireMasked();
    List<LeftMask> masks = reveals.stream().map(LeftMask::decode).toList();
    long own = masks.stream().filter(mask -> mask.kind() == LeftMask.Kind.OWN).count();
    if (own != updates) {
      throw new IllegalArgumentException(
          "own seeds are " + own + ", expected one of each of " + updates + " updates");
    }
    MaskStream stream = new MaskStream();
    for (LeftMask mask : masks) {
      if (mask.kind() == LeftMask.Kind.SUBTRACTED) {
        stream.add(mask.seed(), chunk, sum);
      } else {
        stream.subtract(mask.seed(), chunk, sum);
      }
    }
    open = true;
  }

  /** The integer of coordinate i: exactly the sum of the clients' terms. */
  int units(int i) {
    if (!open) {
      throw new IllegalStateException("sum is still masked");
    }
    return sum[i];
  }

  /**
   * Adds factor times the sum to a vector.
   *
   * @param out [length], modified
   */
  void addTo(double[] out, double factor) {
    double unit = scale.unit() * factor;
    for (int i = 0; i < sum.length; i++) {
      out[i] += units(i) * unit;
    }
  }

  private void requireMasked() {
    if (open) {
      throw new IllegalStateException("sum is no longer masked");
    }
  }
}
