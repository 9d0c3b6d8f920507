package io.millrace.runtime;

import java.util.List;

/**
 * A running pipeline's plan: engine-neutral.
 *
 * @param name unique within a deployment; prefix of topics and of the application id
 * @param family catalogue family, for example dictionary
 * @param stages in the order of the data
 * @param deadLetterTopic where refused records of every stage go
 * @param topics every topic that it touches, with what it needs of them
 */
public record Pipeline(
    String name,
    String family,
    List<Stage> stages,
    String deadLetterTopic,
    List<TopicNeed> topics) {

  /** What a topic is for. */
  public enum Purpose {
    /** Read. */
    INPUT,
    /** Written, a log. */
    OUTPUT,
    /** Written, keyed versions or pages: compacted. */
    MODEL,
    /** Between stages. */
    INTERNAL,
    /** Refused records. */
    DEAD_LETTER
  }

  /**
   * A topic that a pipeline needs.
   *
   * @param channel operator channel, or input, dead-letters
   * @param partitioning of its keys
   */
  public record TopicNeed(
      String topic, String channel, Purpose purpose, Partitioning partitioning) {

    /** Keys may lie anywhere. */
    public TopicNeed(String topic, String channel, Purpose purpose) {
      this(topic, channel, purpose, Partitioning.ANY);
    }
  }

  /** How the keys of a topic are spread; those of a topic that it does not touch: as ever. */
  public Partitioning partitioning(String topic) {
    return topics.stream()
        .filter(need -> need.topic().equals(topic))
        .findFirst()
        .map(TopicNeed::partitioning)
        .orElse(Partitioning.ANY);
  }

  /** The topic of a channel; empty where it has none. */
  public String topicOrNone(String channel) {
    return topics.stream()
        .filter(need -> need.channel().equals(channel))
        .map(TopicNeed::topic)
        .findFirst()
        .orElse("");
  }

  /** The topic of a channel. */
  public String topic(String channel) {
    String topic = topicOrNone(channel);
    if (topic.isEmpty()) {
      throw new IllegalArgumentException(name + " has no channel " + channel);
    }
    return topic;
  }
}
