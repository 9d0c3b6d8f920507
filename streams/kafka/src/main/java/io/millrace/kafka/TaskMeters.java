package io.millrace.kafka;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.millrace.runtime.PipelineMeters;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Meters of one pipeline in this process, named by {@link PipelineMeters}. Thread-safe. */
final class TaskMeters {
  private final MeterRegistry registry;
  private final Tags tags;
  private final Map<String, Counter> out = new ConcurrentHashMap<>();
  private final Map<String, Counter> refused = new ConcurrentHashMap<>();
  private final Map<String, Sizes> sizes = new ConcurrentHashMap<>();
  private final Counter written;
  private final Counter restarts;

  private record Sizes(long keys, long heapBytes) {}

  TaskMeters(MeterRegistry registry, String pipeline) {
    this.registry = registry;
    this.tags = Tags.of("pipeline", pipeline, "engine", KafkaStreamsEngine.NAME);
    this.written = registry.counter(PipelineMeters.STATE_WRITTEN, tags);
    this.restarts = registry.counter(PipelineMeters.RESTARTS, tags);
    Gauge.builder(PipelineMeters.STATE_BYTES, sizes, all -> sum(all, true))
        .tags(tags)
        .baseUnit("bytes")
        .register(registry);
    Gauge.builder(PipelineMeters.KEYS, sizes, all -> sum(all, false)).tags(tags).register(registry);
  }

  Tags tags() {
    return tags;
  }

  Counter in(String stage) {
    return registry.counter(PipelineMeters.RECORDS_IN, tags.and("stage", stage));
  }

  void emitted(String channel) {
    out.computeIfAbsent(
            channel,
            name -> registry.counter(PipelineMeters.RECORDS_OUT, tags.and("channel", name)))
        .increment();
  }

  void refused(String reason) {
    refused
        .computeIfAbsent(
            reason, name -> registry.counter(PipelineMeters.DEAD_LETTERS, tags.and("reason", name)))
        .increment();
  }

  void restarted() {
    restarts.increment();
  }

  void flushed(String task, long keys, long heapBytes, long writtenBytes) {
    sizes.put(task, new Sizes(keys, heapBytes));
    written.increment(writtenBytes);
  }

  void closed(String task) {
    sizes.remove(task);
  }

  private static double sum(Map<String, Sizes> sizes, boolean bytes) {
    return sizes.values().stream().mapToLong(s -> bytes ? s.heapBytes() : s.keys()).sum();
  }
}
