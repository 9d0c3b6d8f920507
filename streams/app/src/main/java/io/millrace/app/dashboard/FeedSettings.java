package io.millrace.app.dashboard;

import java.util.List;
import java.util.stream.Stream;

/**
 * What the page is about.
 *
 * @param version of this program
 * @param engine that runs the pipelines
 * @param kernels in use
 * @param pipelines to follow
 */
public record FeedSettings(
    String version, String engine, String kernels, List<FollowedPipeline> pipelines) {

  /** Copies the list. */
  public FeedSettings {
    pipelines = List.copyOf(pipelines);
  }

  /**
   * A pipeline and its topics. An empty topic name: there is none.
   *
   * @param name of the pipeline, as in its metrics
   * @param family of the operator
   * @param consumerGroup whose committed offsets tell how far the pipeline has read; the feed stays
   *     beside it, so that a signal and its reconstruction are on the page together even when the
   *     input is far ahead. Empty: stay near the end of the input
   * @param readings input topic
   * @param codes sparse codes
   * @param anomalies of all sensors
   * @param dictionaries versions, in slices
   * @param deadLetters refused records
   */
  public record FollowedPipeline(
      String name,
      String family,
      String consumerGroup,
      String readings,
      String codes,
      String anomalies,
      String dictionaries,
      String deadLetters) {

    List<String> outputTopics() {
      return Stream.of(codes, anomalies, dictionaries, deadLetters)
          .filter(topic -> !topic.isEmpty())
          .toList();
    }
  }
}
