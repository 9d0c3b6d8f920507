package io.millrace.app.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.dashboard.DashboardSnapshot.PipelineView;
import io.millrace.app.dashboard.FeedSettings.FollowedPipeline;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class TopicFollowerTest {
  private static final TopicPartition READINGS = new TopicPartition("in", 0);
  private static final TopicPartition MODELS = new TopicPartition("models", 0);

  private final MockConsumer<byte[], byte[]> consumer = new MockConsumer<>("none");
  private final Map<TopicPartition, Long> committed = new HashMap<>();
  private final PipelineFeed feed =
      new PipelineFeed(
          new FollowedPipeline("ecg", "dictionary", "group", "in", "codes", "", "models", "dead"));
  private final TopicFollower follower =
      new TopicFollower(consumer, group -> committed, List.of(feed));

  private void topic(TopicPartition partition, long end) {
    Node node = new Node(0, "localhost", 1);
    consumer.updatePartitions(
        partition.topic(),
        List.of(
            new PartitionInfo(partition.topic(), 0, node, new Node[] {node}, new Node[] {node})));
    consumer.updateBeginningOffsets(Map.of(partition, 0L));
    consumer.updateEndOffsets(Map.of(partition, end));
  }

  @Test
  void beginsNearTheEndOfReadingsAndAtTheBeginningOfDictionaries() {
    topic(READINGS, 1_000_000);
    topic(MODELS, 1_000_000);
    follower.discover();
    assertEquals(996_000, consumer.position(READINGS));
    assertEquals(0, consumer.position(MODELS));
  }

  @Test
  void takesInTopicsThatAppearLaterWithoutMovingTheOthers() {
    topic(READINGS, 100);
    follower.discover();
    consumer.seek(READINGS, 50);
    topic(MODELS, 10);
    follower.discover();
    assertEquals(Set.of(READINGS, MODELS), consumer.assignment());
    assertEquals(50, consumer.position(READINGS));
  }

  @Test
  void skipsToWhatThePipelineHasCommittedWhenFarBehind() {
    topic(READINGS, 100);
    follower.discover();
    committed.put(READINGS, 500_000L);
    follower.steer();
    assertEquals(496_000, consumer.position(READINGS));
  }

  @Test
  void waitsForAPipelineThatIsBehindItsInput() {
    topic(READINGS, 1_000_000);
    follower.discover();
    committed.put(READINGS, 20_000L);
    follower.steer();
    assertEquals(Set.of(READINGS), consumer.paused());
    committed.put(READINGS, 996_500L);
    follower.steer();
    assertEquals(Set.of(), consumer.paused());
  }

  @Test
  void handsRecordsToTheFeed() {
    topic(READINGS, 1);
    follower.discover();
    consumer.addRecord(
        new ConsumerRecord<>("in", 0, 0, FeedRecords.key("a"), FeedRecords.readingBytes(1, 2.5f)));
    assertEquals(1, follower.poll(Duration.ofMillis(1), 0));
    PipelineView view = feed.tick(0, "kafka-streams", PipelineCounters.Counts.NONE);
    assertEquals("a", view.sensors().get(0).sensor());
    assertTrue(view.sensors().get(0).signal()[0][0] == 2.5f);
  }
}
