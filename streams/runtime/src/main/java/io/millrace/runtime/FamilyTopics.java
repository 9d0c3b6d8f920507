package io.millrace.runtime;

import io.millrace.runtime.Pipeline.Purpose;
import io.millrace.runtime.Pipeline.TopicNeed;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** The topics of a pipeline, whatever its family. */
final class FamilyTopics {
  private FamilyTopics() {}

  /**
   * Input, outputs, dead letters.
   *
   * @param outputs channel to topic
   * @param purposes of the channels
   * @throws ConfigurationException when two of them are one topic: it would feed a pipeline its own
   *     output, or mix records
   */
  static List<TopicNeed> of(
      Settings settings,
      String input,
      Map<String, String> outputs,
      Function<String, Purpose> purposes,
      String deadLetters) {
    return of(
        settings,
        List.of(new TopicNeed(input, "input", Purpose.INPUT)),
        outputs,
        purposes,
        deadLetters);
  }

  /**
   * Several inputs, outputs, dead letters. An input may be written as well as read: by clients, and
   * by another stage of the pipeline.
   *
   * @param inputs with the settings that name them as channels
   * @throws ConfigurationException when two of all these are one topic
   */
  static List<TopicNeed> of(
      Settings settings,
      List<TopicNeed> inputs,
      Map<String, String> outputs,
      Function<String, Purpose> purposes,
      String deadLetters) {
    List<TopicNeed> topics = new ArrayList<>(inputs);
    outputs.forEach(
        (channel, topic) -> topics.add(new TopicNeed(topic, channel, purposes.apply(channel))));
    topics.add(new TopicNeed(deadLetters, "dead-letters", Purpose.DEAD_LETTER));
    requireDistinct(settings, topics);
    return List.copyOf(topics);
  }

  private static void requireDistinct(Settings settings, List<TopicNeed> topics) {
    Map<String, String> channels = new HashMap<>();
    for (TopicNeed need : topics) {
      String other = channels.put(need.topic(), need.channel());
      if (other != null) {
        boolean outside = need.purpose() == Purpose.DEAD_LETTER || need.purpose() == Purpose.INPUT;
        Settings section = outside ? settings : settings.section("outputs");
        throw section.refuse(
            need.channel(), need.topic() + ", which is the topic of " + other, "another topic");
      }
    }
  }
}
