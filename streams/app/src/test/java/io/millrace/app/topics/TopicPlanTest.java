package io.millrace.app.topics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class TopicPlanTest {
  private static final TopicSpec MODELS =
      new TopicSpec("models", 8, 3, Map.of("cleanup.policy", "compact,delete"));

  @Test
  void createsWhatIsMissingOnly() {
    TopicSpec codes = new TopicSpec("codes", 4, 0, Map.of());
    TopicPlan plan =
        TopicPlan.of(
            List.of(codes, MODELS),
            Map.of("models", new ExistingTopic(8, 3, Map.of("cleanup.policy", "compact,delete"))));

    assertEquals(List.of(codes), plan.missing());
    assertFalse(plan.hasDifferences());
    assertEquals(
        List.of(
            "create  codes: 4 partitions, default replication",
            "exists  models: 8 partitions, replication 3, cleanup.policy=compact,delete"),
        plan.lines());
  }

  @Test
  void saysEveryDifferenceAndLeavesTheTopic() {
    TopicPlan plan =
        TopicPlan.of(
            List.of(MODELS),
            Map.of("models", new ExistingTopic(4, 1, Map.of("cleanup.policy", "delete"))));

    assertTrue(plan.hasDifferences());
    assertEquals(List.of(), plan.missing());
    assertEquals(
        List.of(
            "differs models (stays as it is)",
            "        partitions are 4, expected 8",
            "        replication is 1, expected 3",
            "        cleanup.policy is delete, expected compact,delete"),
        plan.lines());
  }

  @Test
  void takesAPolicyInAnyOrderAndAnyReplicationWhereNoneIsAskedFor() {
    TopicSpec wanted = new TopicSpec("models", 8, 0, Map.of("cleanup.policy", "delete,compact"));
    TopicPlan plan =
        TopicPlan.of(
            List.of(wanted),
            Map.of("models", new ExistingTopic(8, 2, Map.of("cleanup.policy", "compact,delete"))));

    assertFalse(plan.hasDifferences());
  }

  @Test
  void refusesNamesAndCountsThatKafkaWouldRefuse() {
    assertThrows(IllegalArgumentException.class, () -> new TopicSpec("a b", 1, 1, Map.of()));
    assertThrows(IllegalArgumentException.class, () -> new TopicSpec("..", 1, 1, Map.of()));
    assertThrows(IllegalArgumentException.class, () -> new TopicSpec("a", 0, 1, Map.of()));
    assertThrows(IllegalArgumentException.class, () -> new TopicSpec("a", 1, -1, Map.of()));
  }
}
