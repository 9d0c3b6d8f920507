package io.millrace.app;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.millrace.app.topics.DeploymentTopics;
import io.millrace.runtime.Deployment;
import io.millrace.schema.Metric;
import io.millrace.schema.SingleObject;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes Millrace's own meters to the deployment's metrics topic every few seconds, for dashboards
 * downstream. Observations: lost without harm, no part of the exactly-once output.
 */
final class MetricPublisher implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(MetricPublisher.class);
  private static final long PERIOD_SECONDS = 5;

  private final MeterRegistry registry;
  private final String topic;
  private final KafkaProducer<byte[], byte[]> producer;
  private final SingleObject<Metric> framing = SingleObject.of(Metric.class);
  private final ScheduledExecutorService schedule =
      Executors.newSingleThreadScheduledExecutor(
          work -> {
            Thread thread = new Thread(work, "metrics");
            thread.setDaemon(true);
            return thread;
          });

  private MetricPublisher(Deployment deployment, MeterRegistry registry) {
    this.registry = registry;
    this.topic = DeploymentTopics.metrics(deployment);
    Map<String, Object> properties = new HashMap<>(deployment.kafka());
    properties.put(ProducerConfig.ACKS_CONFIG, "1");
    properties.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, false);
    properties.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, 1000);
    this.producer =
        new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
  }

  static MetricPublisher start(Deployment deployment, MeterRegistry registry) {
    MetricPublisher publisher = new MetricPublisher(deployment, registry);
    publisher.schedule.scheduleAtFixedRate(
        publisher::publishOrWarn, PERIOD_SECONDS, PERIOD_SECONDS, TimeUnit.SECONDS);
    return publisher;
  }

  @Override
  public void close() {
    schedule.shutdownNow();
    producer.close(Duration.ofSeconds(2));
  }

  /** One failed round must not end the schedule, which would happen in silence. */
  private void publishOrWarn() {
    try {
      publish();
    } catch (RuntimeException e) {
      LOG.warn("metrics were not written to {}: {}", topic, e.toString());
    }
  }

  private void publish() {
    long now = System.currentTimeMillis();
    for (Meter meter : registry.getMeters()) {
      String name = meter.getId().getName();
      String pipeline = meter.getId().getTag("pipeline");
      if (!name.startsWith("millrace.") || pipeline == null) {
        continue;
      }
      Map<String, String> tags = new HashMap<>();
      for (Tag tag : meter.getId().getTags()) {
        tags.put(tag.getKey(), tag.getValue());
      }
      tags.remove("pipeline");
      meter
          .measure()
          .forEach(
              measurement ->
                  producer.send(
                      new ProducerRecord<>(
                          topic,
                          (pipeline + '/' + name).getBytes(StandardCharsets.UTF_8),
                          framing.encode(
                              new Metric(pipeline, name, tags, now, measurement.getValue())))));
    }
  }
}
