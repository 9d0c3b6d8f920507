package io.millrace.flink;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;

/**
 * Meters of one task in Flink's own registry, below {@code millrace.stage.STAGE}: what reporters of
 * the cluster and its REST interface see.
 *
 * <pre>
 * records_in, channel.CHANNEL.records_out, reason.REASON.dead_letters, state_written (counters)
 * keys, state_bytes (gauges, as of the last checkpoint)
 * </pre>
 */
final class StageMeters {
  static final String GROUP = "millrace";

  private final MetricGroup group;
  private final Counter in;
  private final Counter written;
  private final Map<String, Counter> out = new HashMap<>();
  private final Map<String, Counter> refused = new HashMap<>();
  // read by reporters' threads
  private volatile long keys;
  private volatile long heapBytes;

  StageMeters(MetricGroup operator, String stage) {
    this.group = operator.addGroup(GROUP).addGroup("stage", stage);
    this.in = group.counter("records_in");
    this.written = group.counter("state_written");
    group.gauge("keys", () -> keys);
    group.gauge("state_bytes", () -> heapBytes);
  }

  void in() {
    in.inc();
  }

  void emitted(String channel) {
    out.computeIfAbsent(channel, name -> group.addGroup("channel", name).counter("records_out"))
        .inc();
  }

  void refused(String reason) {
    refused
        .computeIfAbsent(reason, name -> group.addGroup("reason", name).counter("dead_letters"))
        .inc();
  }

  void flushed(long keys, long heapBytes, long writtenBytes) {
    this.keys = keys;
    this.heapBytes = heapBytes;
    written.inc(writtenBytes - written.getCount());
  }
}
