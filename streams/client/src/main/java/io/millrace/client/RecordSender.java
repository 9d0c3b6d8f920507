package io.millrace.client;

import io.millrace.client.OutgoingRecord.Channel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Sends clients' records: idempotently, to all replicas, chunks of updates into partition chunk
 * modulo partitions. Any thread.
 */
public final class RecordSender implements AutoCloseable {
  private final ClientTopics topics;
  private final KafkaProducer<byte[], byte[]> producer;

  /**
   * @param kafka settings of the connection, at least bootstrap.servers
   */
  public RecordSender(Map<String, ?> kafka, ClientTopics topics) {
    this.topics = topics;
    Map<String, Object> settings = new HashMap<>(kafka);
    settings.put(ProducerConfig.ACKS_CONFIG, "all");
    settings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
    producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
  }

  /**
   * Sends records and waits for them.
   *
   * @throws IllegalStateException unless all of them lie in the log when this returns; some may
   */
  public void send(List<OutgoingRecord> records) {
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    try {
      for (OutgoingRecord record : records) {
        sent.add(producer.send(addressed(record)));
      }
      for (Future<RecordMetadata> future : sent) {
        future.get();
      }
    } catch (KafkaException e) {
      throw new IllegalStateException("record could not be sent: " + e.getMessage(), e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("record could not be sent: " + e.getCause().getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while records were on their way", e);
    }
  }

  private ProducerRecord<byte[], byte[]> addressed(OutgoingRecord record) {
    byte[] key = record.key().getBytes(StandardCharsets.UTF_8);
    if (record.channel() == Channel.CONTROL) {
      return new ProducerRecord<>(topics.control(), key, record.value());
    }
    int partition = record.chunk() % producer.partitionsFor(topics.updates()).size();
    return new ProducerRecord<>(topics.updates(), partition, key, record.value());
  }

  @Override
  public void close() {
    producer.close();
  }
}
