package io.millrace.app.federated;

import io.millrace.app.federated.FederatedSelection.Selected;
import io.millrace.app.inspect.TopicScan;
import io.millrace.runtime.TopicRecord;

/** The log of updates of a pipeline, for a replay. */
final class UpdateLog {
  private UpdateLog() {}

  /** Hands all committed records of the updates topic to a replay. */
  static void into(ChunkReplay replay, Selected selected) {
    new TopicScan(selected.deployment().kafka())
        .forEach(
            selected.pipeline().updates(),
            record ->
                replay.take(
                    new TopicRecord(
                        record.topic(),
                        record.partition(),
                        record.offset(),
                        Math.max(0, record.timestamp()),
                        record.key(),
                        record.value())));
  }
}
