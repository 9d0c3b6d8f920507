package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.util.List;

/**
 * Settings of nodes that train without a server.
 *
 * @param method what a spike does
 * @param graph who talks to whom
 * @param clock when
 * @param step what a gradient does
 * @param admission which gradients count
 * @param exchange what travels and what is kept
 */
public record MixingSettings(
    MixingMethod method,
    MixingGraph graph,
    Clock clock,
    Step step,
    Admission admission,
    Exchange exchange) {
  private static final double MOST_SPIKES = 1e6;

  /** Numbers of a record, which leave room in a mebibyte for what is around them. */
  private static final int LARGEST_RECORD_BYTES = 983_040;

  /**
   * @throws IllegalArgumentException for parts that do not fit each other
   */
  public MixingSettings {
    double spikes = spikes(method, graph, clock);
    double least = method == MixingMethod.DADAO ? leastSpikes(graph) : 0;
    if (spikes < least) {
      throw new IllegalArgumentException(
          "spikes are " + spikes + ", dadao needs " + least + " on this graph");
    }
    if (spikes * clock.longestStep() > MOST_SPIKES) {
      throw new IllegalArgumentException(
          "spikes are "
              + spikes
              + ", expected at most "
              + MOST_SPIKES / clock.longestStep()
              + " with a longest step of "
              + clock.longestStep());
    }
  }

  /** Spikes of the whole network in a unit of time: as set, or what the method needs. */
  double spikes() {
    return spikes(method, graph, clock);
  }

  /** Numbers of a chunk with which a published one stays below Kafka's mebibyte. */
  public int largestChunk() {
    return LARGEST_RECORD_BYTES / exchange.elementBytes();
  }

  private static double spikes(MixingMethod method, MixingGraph graph, Clock clock) {
    if (clock.spikes() > 0) {
      return clock.spikes();
    }
    return method == MixingMethod.DADAO ? leastSpikes(graph) : graph.nodes().size() / 2.0;
  }

  /** With these chi1 chi2 is 1/2, what DADAO's theorem asks for. */
  private static double leastSpikes(MixingGraph graph) {
    MixingGraph.Constants known = graph.constants();
    return graph.edges().size() * Math.sqrt(2 * known.connectivity() * known.resistance());
  }

  /**
   * Time of the network. A unit is the mean time between two gradients of a node.
   *
   * @param unitMillis of event time
   * @param longestStep units that one tick adds at most: what was missed beyond is not made up for
   * @param spikes of all edges together in a unit; 0: what the method needs
   * @param seed of when and where they come
   */
  public record Clock(long unitMillis, double longestStep, double spikes, long seed) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Clock {
      SettingCheck.range("unit-millis", unitMillis, 1, 1L << 42);
      SettingCheck.range("longest-step", longestStep, 1e-6, 1e6);
      SettingCheck.range("spikes", spikes, 0, MOST_SPIKES);
    }
  }

  /**
   * What is known of the functions, and how far a step goes.
   *
   * @param rate of a step, but in DADAO, which finds it from the other two
   * @param convexity mu: every node's function is mu-strongly convex
   * @param smoothness L: and its gradient L-Lipschitz
   */
  public record Step(double rate, double convexity, double smoothness) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Step {
      SettingCheck.range("rate", rate, 1e-30, 1e30);
      SettingCheck.range("convexity", convexity, 1e-30, 1e30);
      SettingCheck.range("smoothness", smoothness, convexity, 1e30);
    }
  }

  /**
   * Which gradients count.
   *
   * @param largestNorm of a chunk
   * @param staleness ticks that may have passed since the version it was taken at
   * @param codecs that they may travel in; the first is asked for
   */
  public record Admission(double largestNorm, long staleness, List<String> codecs) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Admission {
      codecs = List.copyOf(codecs);
      SettingCheck.range("largest-norm", largestNorm, 1e-100, 1e150);
      SettingCheck.range("staleness", staleness, 0, 1L << 40);
      SettingCheck.range("number of codecs", codecs.size(), 1, 100);
      codecs.forEach(UpdateCodecs::named);
    }
  }

  /**
   * What travels and what is kept.
   *
   * @param elementBytes of published numbers, 4 or 8
   * @param keptVersions of a node
   * @param gridBits k: all variables are multiples of 2^-k up to 2^(52 - k), so that sums are exact
   */
  public record Exchange(int elementBytes, int keptVersions, int gridBits) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Exchange {
      if (elementBytes != Float.BYTES && elementBytes != Double.BYTES) {
        throw new IllegalArgumentException("element bytes are " + elementBytes + ", expected 4, 8");
      }
      SettingCheck.range("kept-versions", keptVersions, 1, 64);
      SettingCheck.range("grid-bits", gridBits, 8, 44);
    }
  }
}
