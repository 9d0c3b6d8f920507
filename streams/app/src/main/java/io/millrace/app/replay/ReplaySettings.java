package io.millrace.app.replay;

/**
 * What is to be replayed, and how fast.
 *
 * @param topic where to
 * @param recordsPerSecond upper bound; 0: none
 * @param speedup event time per wall clock time, 1 as recorded; 0: not by event time
 * @param passes over the set, each continuing the event time of the one before; 0: until stopped
 * @param limit readings in all; 0: none
 */
public record ReplaySettings(
    String topic, double recordsPerSecond, double speedup, long passes, long limit) {
  public ReplaySettings {
    if (topic.isEmpty()) {
      throw new IllegalArgumentException("topic is empty, expected a name");
    }
    notNegative("rate", recordsPerSecond);
    notNegative("speed-up", speedup);
    notNegative("repeat", passes);
    notNegative("limit", limit);
    if (recordsPerSecond > 0 && speedup > 0) {
      throw new IllegalArgumentException("both a rate and a speed-up are given, expected one");
    }
  }

  /** One pass as fast as the cluster takes it. */
  public static ReplaySettings once(String topic) {
    return new ReplaySettings(topic, 0, 0, 1, 0);
  }

  /** Pass after pass at a rate, until stopped. */
  public static ReplaySettings forever(String topic, double recordsPerSecond) {
    return new ReplaySettings(topic, recordsPerSecond, 0, 0, 0);
  }

  private static void notNegative(String name, double value) {
    if (!(value >= 0) || Double.isInfinite(value)) {
      throw new IllegalArgumentException(name + " is " + value + ", expected 0 or more");
    }
  }
}
