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
   * Topics of a KV cache.
   *
   * @param blocks keys and values of sessions
   * @param pages of them
   * @param bases learned
   */
  public record CacheTopics(String blocks, String pages, String bases) {
    /** None. */
    public static final CacheTopics NONE = new CacheTopics("", "", "");
  }

  /**
   * Topics of federated models.
   *
   * @param control requests, commits, reports
   * @param updates of clients, and commands; read until their size is known
   * @param rounds where they stand, and what became of updates
   * @param versions of models
   * @param tasks of clients
   * @param accounts of their privacy
   * @param models chunks of models, read until their length is known
   */
  public record FederatedTopics(
      String control,
      String updates,
      String rounds,
      String versions,
      String tasks,
      String accounts,
      String models) {
    /** None. */
    public static final FederatedTopics NONE = new FederatedTopics("", "", "", "", "", "", "");
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
   * @param cache topics of a KV cache; empty names for other families
   * @param federated topics of federated rounds; empty names for other families
   */
  public record FollowedPipeline(
      String name,
      String family,
      String consumerGroup,
      String readings,
      String codes,
      String anomalies,
      String dictionaries,
      String deadLetters,
      CacheTopics cache,
      FederatedTopics federated) {

    /** A pipeline that learns dictionaries. */
    public FollowedPipeline(
        String name,
        String family,
        String consumerGroup,
        String readings,
        String codes,
        String anomalies,
        String dictionaries,
        String deadLetters) {
      this(
          name,
          family,
          consumerGroup,
          readings,
          codes,
          anomalies,
          dictionaries,
          deadLetters,
          CacheTopics.NONE,
          FederatedTopics.NONE);
    }

    String inputTopic() {
      return Stream.of(readings, cache.blocks(), federated.control())
          .filter(topic -> !topic.isEmpty())
          .findFirst()
          .orElse("");
    }

    List<String> outputTopics() {
      return Stream.of(
              codes,
              anomalies,
              dictionaries,
              cache.pages(),
              cache.bases(),
              federated.tasks(),
              federated.versions(),
              federated.rounds(),
              federated.accounts(),
              federated.models(),
              deadLetters)
          .filter(topic -> !topic.isEmpty())
          .toList();
    }
  }
}
