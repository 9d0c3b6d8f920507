package io.millrace.app.federated;

import io.millrace.operator.federated.Authority;
import io.millrace.operator.federated.FederatedKeys;
import io.millrace.runtime.FederatedPipeline;
import io.millrace.runtime.MixingPipeline;
import io.millrace.runtime.Pipeline;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ClientKey;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.ModelPointer;
import io.millrace.schema.RoundTick;
import io.millrace.schema.SingleObject;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Sends records with the aggregator's word, each into the partition that its key belongs in. One
 * thread.
 */
final class OwnerRecords implements AutoCloseable {
  private final Pipeline pipeline;
  private final String updates;
  private final String control;
  private final Authority authority;
  private final KafkaProducer<byte[], byte[]> producer;
  private final SingleObject<AuthorisedRecord> framing = SingleObject.of(AuthorisedRecord.class);

  /**
   * @param kafka client properties
   */
  OwnerRecords(FederatedPipeline pipeline, Map<String, String> kafka) {
    this(pipeline.pipeline(), pipeline.updates(), pipeline.control(), pipeline.authority(), kafka);
  }

  /**
   * Of nodes without a server, where all there is lies on the updates topic.
   *
   * @param kafka client properties
   */
  OwnerRecords(MixingPipeline pipeline, Map<String, String> kafka) {
    this(pipeline.pipeline(), pipeline.updates(), "", pipeline.authority(), kafka);
  }

  private OwnerRecords(
      Pipeline pipeline,
      String updates,
      String control,
      Authority authority,
      Map<String, String> kafka) {
    this.pipeline = pipeline;
    this.updates = updates;
    this.control = control;
    this.authority = authority;
    Map<String, Object> properties = new HashMap<>(kafka);
    properties.put(ProducerConfig.ACKS_CONFIG, "all");
    properties.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
    properties.putIfAbsent(ProducerConfig.MAX_BLOCK_MS_CONFIG, 10_000);
    producer =
        new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
  }

  Future<RecordMetadata> send(ModelDefinition definition) {
    return control(
        definition.getModel(), SingleObject.of(ModelDefinition.class).encode(definition));
  }

  /** To a chunk whose optimiser works on layers, before its version 0. */
  Future<RecordMetadata> send(ModelDefinition definition, int chunk) {
    return send(
        updates,
        FederatedKeys.chunk(definition.getModel(), chunk),
        SingleObject.of(ModelDefinition.class).encode(definition));
  }

  Future<RecordMetadata> send(ModelChunk chunk) {
    return send(
        updates,
        FederatedKeys.chunk(chunk.getModel(), chunk.getChunk()),
        SingleObject.of(ModelChunk.class).encode(chunk));
  }

  Future<RecordMetadata> send(ClientKey key) {
    return control(key.getModel(), SingleObject.of(ClientKey.class).encode(key));
  }

  Future<RecordMetadata> send(RoundTick tick) {
    return control(tick.getModel(), SingleObject.of(RoundTick.class).encode(tick));
  }

  /** To a chunk of nodes that mix. */
  Future<RecordMetadata> send(RoundTick tick, int chunk) {
    return send(
        updates,
        FederatedKeys.chunk(tick.getModel(), chunk),
        SingleObject.of(RoundTick.class).encode(tick));
  }

  Future<RecordMetadata> send(ModelPointer pointer) {
    return control(pointer.getModel(), SingleObject.of(ModelPointer.class).encode(pointer));
  }

  /**
   * Waits until a record is there.
   *
   * @throws IllegalStateException when the cluster does not take it
   */
  static RecordMetadata await(Future<RecordMetadata> sent) {
    try {
      return sent.get();
    } catch (ExecutionException e) {
      throw new IllegalStateException("not sent: " + e.getCause().getMessage(), e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while a record was sent", e);
    }
  }

  @Override
  public void close() {
    producer.close();
  }

  private Future<RecordMetadata> control(String model, byte[] framed) {
    return send(control, model, framed);
  }

  private Future<RecordMetadata> send(String topic, String key, byte[] framed) {
    byte[] keyBytes = key.getBytes(StandardCharsets.UTF_8);
    byte[] value = framing.encode(authority.authorise(key, framed));
    try {
      int partitions = producer.partitionsFor(topic).size();
      OptionalInt partition = pipeline.partitioning(topic).partition(keyBytes, partitions);
      return producer.send(new ProducerRecord<>(topic, partition.orElseThrow(), keyBytes, value));
    } catch (KafkaException e) {
      throw new IllegalStateException("topic " + topic + ": " + e.getMessage(), e);
    }
  }
}
