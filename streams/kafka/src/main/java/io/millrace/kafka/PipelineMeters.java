package io.millrace.kafka;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Meters of one pipeline, all tagged {@code pipeline} and {@code engine}. Thread-safe.
 *
 * <pre>
 * millrace.records.in     counter, tag stage      records taken, refused ones included
 * millrace.records.out    counter, tag channel    results written
 * millrace.dead.letters   counter, tag reason     records refused
 * millrace.state.bytes    gauge                   hot state on the heap
 * millrace.state.written  counter, bytes          state written to the changelog
 * millrace.keys           gauge                   keys with a state
 * millrace.lag.records    gauge                   registered by {@link KafkaPipeline}
 * </pre>
 */
final class PipelineMeters {
  private final MeterRegistry registry;
  private final Tags tags;
  private final Map<String, Counter> out = new ConcurrentHashMap<>();
  private final Map<String, Counter> refused = new ConcurrentHashMap<>();
  private final Map<String, Sizes> sizes = new ConcurrentHashMap<>();
  private final Counter written;

  private record Sizes(long keys, long heapBytes) {}

  PipelineMeters(MeterRegistry registry, String pipeline) {
    this.registry = registry;
    this.tags = Tags.of("pipeline", pipeline, "engine", KafkaPipeline.ENGINE);
    this.written = registry.counter("millrace.state.written", tags);
    Gauge.builder("millrace.state.bytes", sizes, all -> sum(all, true))
        .tags(tags)
        .baseUnit("bytes")
        .register(registry);
    Gauge.builder("millrace.keys", sizes, all -> sum(all, false)).tags(tags).register(registry);
  }

  Tags tags() {
    return tags;
  }

  Counter in(String stage) {
    return registry.counter("millrace.records.in", tags.and("stage", stage));
  }

  void emitted(String channel) {
    out.computeIfAbsent(
            channel, name -> registry.counter("millrace.records.out", tags.and("channel", name)))
        .increment();
  }

  void refused(String reason) {
    refused
        .computeIfAbsent(
            reason, name -> registry.counter("millrace.dead.letters", tags.and("reason", name)))
        .increment();
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
