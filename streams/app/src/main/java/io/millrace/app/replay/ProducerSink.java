package io.millrace.app.replay;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Readings into a topic: idempotent, acknowledged by all replicas, in the order they are handed
 * over.
 *
 * <p>The record's own timestamp is the wall clock's, not the event time: a topic's retention counts
 * from it, and event times of old recordings would be deleted at once, those of repeated passes
 * refused as lying in the future.
 */
final class ProducerSink implements ReadingSink {
  private final String topic;
  private final KafkaProducer<byte[], byte[]> producer;
  private final SingleObject<SensorReading> format = SingleObject.of(SensorReading.class);
  private final Map<String, byte[]> keys = new HashMap<>();
  private final AtomicLong acknowledged = new AtomicLong();
  private final AtomicReference<String> failure = new AtomicReference<>("");

  /**
   * @param clientProperties at least bootstrap.servers; what is given here goes before the defaults
   */
  ProducerSink(String topic, Map<String, String> clientProperties) {
    this.topic = topic;
    Map<String, Object> properties = new HashMap<>();
    properties.put(ProducerConfig.CLIENT_ID_CONFIG, "millrace-replay-" + topic);
    properties.put(ProducerConfig.ACKS_CONFIG, "all");
    properties.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
    properties.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, "lz4");
    properties.put(ProducerConfig.LINGER_MS_CONFIG, 20);
    properties.put(ProducerConfig.BATCH_SIZE_CONFIG, 128 << 10);
    properties.putAll(clientProperties);
    this.producer =
        new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
  }

  @Override
  public void send(KeyedReading reading) {
    byte[] key = keys.computeIfAbsent(reading.sensor(), sensor -> sensor.getBytes(UTF_8));
    producer.send(
        new ProducerRecord<>(topic, key, format.encode(reading.reading())),
        (metadata, exception) -> {
          if (exception == null) {
            acknowledged.incrementAndGet();
          } else {
            failure.compareAndSet("", exception.toString());
          }
        });
  }

  @Override
  public long acknowledged() {
    return acknowledged.get();
  }

  @Override
  public String failure() {
    return failure.get();
  }

  @Override
  public void close() {
    try {
      producer.close();
    } catch (InterruptException e) {
      failure.compareAndSet("", "interrupted before all readings were acknowledged");
    }
  }
}
