package io.millrace.it;

import java.util.List;

/**
 * What a test's pipeline is.
 *
 * @param operator catalogue name
 * @param settings beyond name, operator and input, YAML lines without indentation
 * @param channels outputs whose bytes must not depend on how often a process was killed
 * @param commitMillis between commits or checkpoints
 */
record TestedPipeline(
    String operator, List<String> settings, List<String> channels, int commitMillis) {
  private static final int COMMIT_MILLIS = 300;

  /** With the usual pace of commits. */
  TestedPipeline(String operator, List<String> settings, List<String> channels) {
    this(operator, settings, channels, COMMIT_MILLIS);
  }

  /** Steps of a window of {@link #SENSORS}. */
  static final int WINDOW = 16;

  private static final List<String> DICTIONARY_CHANNELS =
      List.of("codes", "anomalies", "dictionaries");

  /** Motes fall silent at the end of a pass, so timers fire as well. */
  static final TestedPipeline SENSORS =
      sensors(
          "channels: 2",
          "window:",
          "  length: " + WINDOW,
          "  idle-flush-millis: 60000",
          "atoms: 48",
          "error-bound: 0.05",
          "rounds:",
          "  first-windows: 32");

  /** Codecs that learn nothing: which version of a basis a page meets depends on its arrival. */
  static final TestedPipeline KEY_VALUES =
      new TestedPipeline(
          "kv-cache",
          List.of(
              "window:",
              "  tokens: 64",
              "  page-tokens: 32",
              "  sinks: 4",
              "keys:",
              "  codec: kivi-4",
              "values:",
              "  codec: rotated-3",
              "coarse:",
              "  keys: kivi-2",
              "  values: kivi-2",
              "  after-seconds: 10",
              "summary:",
              "  features: 32",
              "  after-seconds: 20",
              "learning:",
              "  share: 0"),
          List.of("pages"));

  /** Online dictionary learning on sensors. */
  static TestedPipeline sensors(String... settings) {
    return new TestedPipeline("sensor-dictionary", List.of(settings), DICTIONARY_CHANNELS);
  }
}
