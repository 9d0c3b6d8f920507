package io.millrace.app.dashboard;

import java.util.Map;
import org.apache.kafka.common.TopicPartition;

/** How far a consumer group has read. */
@FunctionalInterface
interface CommittedOffsets {
  /**
   * @param group id
   * @return next offset per partition; empty: not known now
   */
  Map<TopicPartition, Long> of(String group);
}
