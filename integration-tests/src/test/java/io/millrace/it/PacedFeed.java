package io.millrace.it;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Sends records of a trace at a pace from a thread of its own, until it is closed. */
final class PacedFeed implements AutoCloseable {
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  private final KeyValueTrace trace;
  private final String topic;
  private final long pauseNanos;
  private final KafkaProducer<byte[], byte[]> producer;
  private final Thread thread = new Thread(this::send, "paced-feed");
  private volatile boolean stopped;
  private volatile int sent;
  private volatile RuntimeException failure;

  /**
   * @param perSecond pace; 0: as fast as the broker takes them
   */
  PacedFeed(KeyValueTrace trace, String topic, int perSecond, Cluster cluster) {
    this.trace = trace;
    this.topic = topic;
    this.pauseNanos = perSecond == 0 ? 0 : NANOS_PER_SECOND / perSecond;
    Map<String, Object> properties = new HashMap<>(cluster.client());
    properties.put("enable.idempotence", true);
    producer =
        new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
  }

  /** Starts to send. */
  PacedFeed start() {
    thread.start();
    return this;
  }

  /** Sends the rest as it comes, waits until all is acknowledged. */
  void awaitEnd() throws InterruptedException {
    thread.join();
    close();
  }

  /** Stops sending; how many records were sent and acknowledged. */
  int stop() throws InterruptedException {
    stopped = true;
    thread.join();
    close();
    return sent;
  }

  /** Sends a whole trace as fast as the broker takes it. */
  static void all(KeyValueTrace trace, String topic, Cluster cluster) throws InterruptedException {
    new PacedFeed(trace, topic, 0, cluster).start().awaitEnd();
  }

  private void send() {
    try {
      long due = System.nanoTime();
      for (KeyValueTrace.Sent record : trace.records()) {
        while (!stopped && pauseNanos > 0 && System.nanoTime() < due) {
          LockSupport.parkNanos(due - System.nanoTime());
        }
        if (stopped) {
          return;
        }
        producer.send(
            new ProducerRecord<>(topic, record.key(), record.value()),
            (place, problem) -> {
              if (problem != null) {
                failure = new IllegalStateException("not acknowledged", problem);
              }
            });
        sent = sent + 1;
        due += pauseNanos;
      }
    } finally {
      producer.flush();
    }
  }

  /** Ends the feed; fails if a record was not acknowledged. */
  @Override
  public void close() {
    stopped = true;
    producer.close();
    if (failure != null) {
      throw failure;
    }
  }
}
