package io.millrace.operator.federated;

import io.millrace.schema.RoundFreeze;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * The weighted sum of a round over one chunk, in fixed point. Updates of one linear codec and seed
 * are summed as they travel and unpacked once; all others are unpacked one by one. With noise all
 * are: it belongs on the grid of the values.
 *
 * <p>8 bytes a number of the chunk, or of the packed chunk, and 4 for each of up to sixteen updates
 * that are added together ({@link RowBatch}). One thread.
 */
final class ChunkSums {
  /** Noise by Box and Muller from 53 bits stays below this many deviations. */
  private static final int NOISE_BOUND = 9;

  private static final String UNPACKED = "";

  private final CounterNoise noise;

  /** Updates that add up as they are: by rising codec, then seed. */
  private record Group(String codec, long seed) implements Comparable<Group> {
    @Override
    public int compareTo(Group other) {
      int byCodec = codec.compareTo(other.codec);
      return byCodec != 0 ? byCodec : Long.compare(seed, other.seed);
    }
  }

  ChunkSums(CounterNoise noise) {
    this.noise = noise;
  }

  /** Sum of weight x value over divisor. */
  double[] mean(ChunkRound round) {
    RoundFreeze freeze = round.freeze();
    if (!freeze.getReveals().isEmpty()) {
      return maskedMean(round);
    }
    Map<Group, FixedPointSum> sums = new TreeMap<>();
    Map<Group, RowBatch> batches = new TreeMap<>();
    for (int i = 0; i < round.size(); i++) {
      Group group = group(round, i);
      FixedPointSum sum = sums.computeIfAbsent(group, key -> sum(round, key));
      float[] values =
          group.codec().equals(UNPACKED) ? round.values(i) : packed(round, i, sum.length());
      batches
          .computeIfAbsent(group, key -> new RowBatch(sum))
          .add(values, round.contribution(i).getWeight());
    }
    batches.values().forEach(RowBatch::flush);
    if (freeze.getNoise() > 0) {
      addNoise(round, sums.get(new Group(UNPACKED, 0)));
    }
    double[] mean = new double[round.length()];
    for (Map.Entry<Group, FixedPointSum> entry : sums.entrySet()) {
      FixedPointSum sum = entry.getValue();
      if (entry.getKey().codec().equals(UNPACKED)) {
        sum.addTo(mean, 1 / freeze.getDivisor());
      } else {
        double[] unpacked = unpacked(entry.getKey(), sum, round.length());
        for (int i = 0; i < mean.length; i++) {
          mean[i] += unpacked[i] / freeze.getDivisor();
        }
      }
    }
    correctMasks(sums, mean);
    return mean;
  }

  /** Likewise, of what {@link ServerKronecker} takes beside the updates. */
  static double[] vectors(ChunkRound round, int numbers) {
    FixedPointSum sum = new FixedPointSum(numbers, scale(round));
    for (int i = 0; i < round.size(); i++) {
      sum.add(round.vectors(i, numbers), 0, round.contribution(i).getWeight());
    }
    double[] mean = new double[numbers];
    sum.addTo(mean, 1 / round.freeze().getDivisor());
    return mean;
  }

  private double[] maskedMean(ChunkRound round) {
    // of one codec, as they were taken, and of the seed of their round
    MaskedCodec codec = MaskedCodec.named(round.update(0).codec());
    double[] packed = new double[codec.packedLength(round.length())];
    double[] drawn = round.freeze().getNoise() > 0 ? noise(round, packed.length) : new double[0];
    MaskedSum.of(round, packed.length).addTo(packed, 1 / round.freeze().getDivisor(), drawn);
    double[] mean = new double[round.length()];
    codec.unpack(packed, round.freeze().getSeed(), mean);
    return mean;
  }

  private static Group group(ChunkRound round, int i) {
    PendingUpdate update = round.update(i);
    if (round.freeze().getNoise() > 0 || UpdateCodecs.linear(update.codec()).isEmpty()) {
      return new Group(UNPACKED, 0);
    }
    boolean seeded = !(UpdateCodecs.linear(update.codec()).get() instanceof ShareLinear.Mask);
    return new Group(update.codec(), seeded ? update.source().seed() : 0);
  }

  private static FixedPointSum sum(ChunkRound round, Group group) {
    int length =
        group.codec().equals(UNPACKED)
            ? round.length()
            : UpdateCodecs.linear(group.codec()).orElseThrow().packedLength(round.length());
    return new FixedPointSum(length, scale(round));
  }

  /** The same for all groups; of weights only the power of two above the largest counts. */
  static FixedPointScale scale(ChunkRound round) {
    RoundFreeze freeze = round.freeze();
    int largestWeight = 1;
    for (int i = 0; i < round.size(); i++) {
      largestWeight = Math.max(largestWeight, round.contribution(i).getWeight());
    }
    int power = largestWeight == 1 ? 1 : Integer.highestOneBit(largestWeight - 1) << 1;
    float largest = Math.max(freeze.getLargest(), Float.MIN_NORMAL);
    long total = Math.max(power, freeze.getTotalWeight());
    if (freeze.getNoise() > 0) {
      largest = Math.max(largest, Math.nextUp((float) freeze.getNoise()));
      total += NOISE_BOUND;
    }
    return FixedPointScale.finest(largest, power, total);
  }

  private static float[] packed(ChunkRound round, int i, int length) {
    float[] packed = new PlainCodec().decode(round.update(i).payload(), length, 0);
    return ChunkRound.scaled(packed, round.contribution(i).getFactor());
  }

  private static double[] unpacked(Group group, FixedPointSum sum, int length) {
    double[] packed = new double[sum.length()];
    Arrays.setAll(packed, sum::total);
    double[] unpacked = new double[length];
    UpdateCodecs.linear(group.codec()).orElseThrow().unpack(packed, group.seed(), unpacked);
    return unpacked;
  }

  private void addNoise(ChunkRound round, FixedPointSum sum) {
    sum.addNoise(noise(round, sum.length()));
  }

  private double[] noise(ChunkRound round, int length) {
    RoundFreeze freeze = round.freeze();
    return noise.chunk(
        freeze.getModel(), freeze.getVersion(), round.chunk(), length, freeze.getNoise());
  }

  /**
   * Where clients have different masks, a coordinate is the mean over those that have it, or few
   * would shrink it.
   */
  private static void correctMasks(Map<Group, FixedPointSum> sums, double[] mean) {
    long total = 0;
    for (Map.Entry<Group, FixedPointSum> entry : sums.entrySet()) {
      if (!entry.getKey().codec().startsWith("mask-")) {
        return;
      }
      total += entry.getValue().weight();
    }
    if (sums.size() < 2) {
      return;
    }
    long[] weights = new long[mean.length];
    for (Map.Entry<Group, FixedPointSum> entry : sums.entrySet()) {
      LinearCodec mask = UpdateCodecs.linear(entry.getKey().codec()).orElseThrow();
      ((ShareLinear.Mask) mask).mask(mean.length).addWeight(weights, entry.getValue().weight());
    }
    for (int i = 0; i < mean.length; i++) {
      if (weights[i] > 0) {
        mean[i] *= (double) total / weights[i];
      }
    }
  }
}
