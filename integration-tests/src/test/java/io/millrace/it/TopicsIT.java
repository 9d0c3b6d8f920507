package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.broker.EmbeddedBroker;
import io.millrace.app.topics.ClusterConnection;
import io.millrace.app.topics.TopicCreation;
import io.millrace.app.topics.TopicPlan;
import io.millrace.app.topics.TopicSpec;
import io.millrace.app.topics.TopicsCommand;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

final class TopicsIT {
  @TempDir static Path directory;
  private static EmbeddedBroker broker;
  private static Cluster cluster;

  @BeforeAll
  static void startBroker() {
    broker = EmbeddedBroker.start(directory.resolve("broker"));
    cluster = new Cluster(broker.bootstrapServers());
  }

  @AfterAll
  static void stopBroker() {
    broker.close();
  }

  @Test
  void saysWhatItWouldDoAndDoesItOnlyWhenToldTo() throws Exception {
    Path file = directory.resolve("deployment.yaml");
    Files.writeString(
        file,
        """
        name: plant
        kafka:
          bootstrap.servers: %s
        topics:
          partitions: 3
        pipelines:
        - name: turbines
        """
            .formatted(broker.bootstrapServers()));
    StringWriter first = new StringWriter();
    assertEquals(3, topics(first, "-c", file.toString()), first::toString);
    assertTrue(
        first.toString().contains("create  turbines.readings: 3 partitions"), first::toString);
    assertTrue(first.toString().contains("nothing was changed"), first::toString);
    assertEquals(List.of(), cluster.topicsWith("turbines"));

    StringWriter second = new StringWriter();
    assertEquals(0, topics(second, "-c", file.toString(), "--yes"), second::toString);
    assertTrue(cluster.topicsWith("turbines").contains("turbines.dictionaries"));
    StringWriter third = new StringWriter();
    assertEquals(0, topics(third, "-c", file.toString()), third::toString);
    assertTrue(
        third.toString().contains("cleanup.policy=compact"), "models are compacted\n" + third);
  }

  @Test
  void plansTopicsBeforeItCreatesThemAndLeavesOthersAlone() {
    TopicSpec wanted = new TopicSpec("plan", 3, 1, Map.of("cleanup.policy", "compact"));
    TopicSpec other = new TopicSpec("plan", 4, 1, Map.of("cleanup.policy", "delete"));
    try (Admin admin = ClusterConnection.open(cluster.client())) {
      TopicCreation creation = new TopicCreation(admin);
      TopicPlan plan = creation.plan(List.of(wanted));
      assertEquals(List.of(wanted), plan.missing());
      assertEquals(plan, creation.plan(List.of(wanted)), "a plan changes nothing");
      assertEquals(List.of("plan"), creation.apply(plan));
      assertEquals(List.of(), creation.plan(List.of(wanted)).missing());

      TopicPlan differing = creation.plan(List.of(other));
      assertEquals(
          List.of(
              "differs plan (stays as it is)",
              "        partitions are 3, expected 4",
              "        cleanup.policy is compact, expected delete"),
          differing.lines());
      assertEquals(List.of(), creation.apply(differing));
    }
  }

  private static int topics(StringWriter said, String... arguments) {
    PrintWriter writer = new PrintWriter(said);
    return new CommandLine(new TopicsCommand()).setOut(writer).setErr(writer).execute(arguments);
  }
}
