package io.millrace.app.topics;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What creating topics would do, computed before anything is done.
 *
 * @param steps one per topic, in the order asked for
 */
public record TopicPlan(List<Step> steps) {
  public TopicPlan {
    steps = List.copyOf(steps);
  }

  /** What becomes of one topic. */
  public sealed interface Step {
    /** The topic as it should be. */
    TopicSpec topic();
  }

  /** It is missing and would be created. */
  public record Create(TopicSpec topic) implements Step {}

  /** It exists as it should be. */
  public record Matches(TopicSpec topic) implements Step {}

  /**
   * It exists and differs; it stays as it is.
   *
   * @param partitions that it has
   * @param differences each as "what is got, expected wanted"
   */
  public record Differs(TopicSpec topic, int partitions, List<String> differences) implements Step {
    public Differs {
      differences = List.copyOf(differences);
    }
  }

  /**
   * Compares what is wanted with what is there.
   *
   * @param existing topics on the cluster, by name
   */
  static TopicPlan of(List<TopicSpec> wanted, Map<String, ExistingTopic> existing) {
    List<Step> steps = new ArrayList<>();
    for (TopicSpec topic : wanted) {
      ExistingTopic there = existing.get(topic.name());
      if (there == null) {
        steps.add(new Create(topic));
        continue;
      }
      List<String> differences = differences(topic, there);
      steps.add(
          differences.isEmpty()
              ? new Matches(topic)
              : new Differs(topic, there.partitions(), differences));
    }
    return new TopicPlan(steps);
  }

  /** Topics that would be created. */
  public List<TopicSpec> missing() {
    return steps.stream().filter(step -> step instanceof Create).map(Step::topic).toList();
  }

  /** Topics that exist with another number of partitions than asked for, with that number. */
  public Map<String, Integer> otherPartitions() {
    Map<String, Integer> others = new TreeMap<>();
    for (Step step : steps) {
      if (step instanceof Differs differs && differs.partitions() != differs.topic().partitions()) {
        others.put(differs.topic().name(), differs.partitions());
      }
    }
    return others;
  }

  /** True if a topic exists and differs. */
  public boolean hasDifferences() {
    return steps.stream().anyMatch(step -> step instanceof Differs);
  }

  /** The plan for a reader, one line a topic and one a difference. */
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    for (Step step : steps) {
      TopicSpec topic = step.topic();
      if (step instanceof Differs differs) {
        lines.add("differs " + topic.name() + " (stays as it is)");
        differs.differences().forEach(difference -> lines.add("        " + difference));
      } else {
        String verb = step instanceof Create ? "create  " : "exists  ";
        lines.add(verb + topic.name() + description(topic));
      }
    }
    return lines;
  }

  private static String description(TopicSpec topic) {
    String replication =
        topic.replication() == 0 ? "default replication" : "replication " + topic.replication();
    return ": " + topic.partitions() + " partitions, " + replication + settings(topic);
  }

  private static String settings(TopicSpec topic) {
    return topic.configs().isEmpty()
        ? ""
        : ", " + topic.configs().toString().replaceAll("[{}]", "");
  }

  private static List<String> differences(TopicSpec wanted, ExistingTopic there) {
    List<String> differences = new ArrayList<>();
    if (there.partitions() != wanted.partitions()) {
      differences.add("partitions are " + there.partitions() + ", expected " + wanted.partitions());
    }
    if (wanted.replication() > 0 && there.replication() != wanted.replication()) {
      differences.add(
          "replication is " + there.replication() + ", expected " + wanted.replication());
    }
    wanted
        .configs()
        .forEach(
            (name, value) -> {
              String got = there.configs().getOrDefault(name, "not set");
              if (!sameSetting(got, value)) {
                differences.add(name + " is " + got + ", expected " + value);
              }
            });
    return differences;
  }

  /** Lists are equal in any order: compact,delete is delete,compact. */
  private static boolean sameSetting(String got, String wanted) {
    return got.equals(wanted)
        || new TreeSet<>(Arrays.asList(got.split(",")))
            .equals(new TreeSet<>(Arrays.asList(wanted.split(","))));
  }
}
