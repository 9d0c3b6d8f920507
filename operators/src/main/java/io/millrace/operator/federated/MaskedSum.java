package io.millrace.operator.federated;

import io.millrace.schema.Contribution;
import io.millrace.schema.RoundFreeze;
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
    requireOwn(masks, updates);
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

  private static void requireOwn(List<LeftMask> masks, int updates) {
    long own = masks.stream().filter(mask -> mask.kind() == LeftMask.Kind.OWN).count();
    if (own != updates) {
      throw new IllegalArgumentException(
          "own seeds are " + own + ", expected one of each of " + updates + " updates");
    }
  }

  /**
   * Checks what a freeze says of masked updates.
   *
   * @throws IllegalArgumentException for damaged masks, another number of own seeds than updates,
   *     updates that are scaled, or bounds that make no fixed point
   */
  static void checkMasks(RoundFreeze freeze) {
    List<LeftMask> masks = freeze.getReveals().stream().map(LeftMask::decode).toList();
    requireOwn(masks, freeze.getContributions().size());
    for (Contribution part : freeze.getContributions()) {
      if (part.getFactor() != 1) {
        throw new IllegalArgumentException(
            "factor of " + part.getClient() + " is " + part.getFactor() + ", expected 1");
      }
    }
    MaskedScale.finest(freeze.getLargest(), freeze.getTotalWeight());
  }

  /**
   * The sum of a round's updates, unmasked.
   *
   * @param length of the chunk as packed
   */
  static MaskedSum of(ChunkRound round, int length) {
    RoundFreeze freeze = round.freeze();
    MaskedSum sum =
        new MaskedSum(
            round.chunk(),
            length,
            MaskedScale.finest(freeze.getLargest(), freeze.getTotalWeight()));
    for (int i = 0; i < round.size(); i++) {
      sum.add(round.update(i).payload());
    }
    sum.unmask(freeze.getReveals());
    return sum;
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
   * @param noise on the sum, [length], each rounded to a multiple of the scale's unit; empty: none
   */
  void addTo(double[] out, double factor, double[] noise) {
    double unit = scale.unit() * factor;
    for (int i = 0; i < sum.length; i++) {
      double units = units(i);
      out[i] += (noise.length == 0 ? units : units + Math.rint(noise[i] / scale.unit())) * unit;
    }
  }

  private void requireMasked() {
    if (open) {
      throw new IllegalStateException("sum is no longer masked");
    }
  }
}
