package io.millrace.app.federated;

import io.millrace.app.federated.GatewayShelf.Kind;
import io.millrace.client.OutgoingRecord;
import io.millrace.operator.InvalidInputException;
import io.millrace.operator.Models;
import io.millrace.operator.federated.Authority;
import io.millrace.operator.federated.Digests;
import io.millrace.operator.federated.FederatedKeys;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.FederatedPipeline;
import io.millrace.runtime.OperatorSpec;
import io.millrace.runtime.Stage;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.ModelLayer;
import io.millrace.schema.RoundTick;
import io.millrace.schema.SingleObject;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;

/**
 * The two stages of a deployment behind a gateway, with a queue for a broker: what the gateway
 * sends is taken at once, what clients read lies on its shelf. Version 0 is one chunk of zeros.
 */
final class GatewayFederation {
  static final String MODEL = "m";

  final List<String> refusals = new ArrayList<>();
  private final GatewayShelf shelf;
  private final FederatedPipeline pipeline;
  private final Authority authority;
  private final Map<String, Running<?, ?, ?>> stages = new HashMap<>();
  private final ArrayDeque<Entry> queue = new ArrayDeque<>();

  private record Entry(String topic, String key, byte[] value) {}

  GatewayFederation(Path key, String settings, int length, GatewayShelf shelf) {
    this.shelf = shelf;
    pipeline =
        FederatedPipeline.of(
                Deployment.parse(
                    "g.yaml",
                    "name: g\nkafka: {bootstrap.servers: b}\npipelines:\n- {name: g, operator:"
                        + " federated, master-key-file: "
                        + key
                        + ", "
                        + settings
                        + "}\n",
                    Map.of()))
            .get(0);
    authority = pipeline.authority();
    pipeline
        .pipeline()
        .stages()
        .forEach(stage -> stages.put(stage.inputTopic(), new Running<>(stage, stage.spec().get())));
    ModelDefinition definition =
        new ModelDefinition(
            MODEL,
            (long) length,
            length,
            List.of(new ModelLayer("w", 0L, List.of(length))),
            ByteBuffer.allocate(0));
    definition.setSchemaHash(ByteBuffer.wrap(Digests.of(definition)));
    order(pipeline.control(), MODEL, definition);
    ModelChunk zeros =
        new ModelChunk(
            MODEL,
            0L,
            0,
            1,
            definition.getSchemaHash(),
            Float.BYTES,
            ByteBuffer.allocate(Float.BYTES * length),
            ByteBuffer.allocate(0),
            ByteBuffer.allocate(0));
    zeros.setDigest(ByteBuffer.wrap(Digests.of(zeros)));
    order(pipeline.updates(), FederatedKeys.chunk(MODEL, 0), zeros);
    order(pipeline.control(), MODEL, new RoundTick(MODEL, 1_000_000L));
  }

  private void order(String topic, String key, SpecificRecord record) {
    take(topic, key, frame(authority.authorise(key, frame(record))));
  }

  private static byte[] frame(SpecificRecord record) {
    @SuppressWarnings("unchecked")
    Class<SpecificRecord> type = (Class<SpecificRecord>) record.getClass();
    return SingleObject.of(type).encode(record);
  }

  /** The gateway's way to Kafka. */
  synchronized void send(OutgoingRecord record) {
    boolean update = record.channel() == OutgoingRecord.Channel.UPDATES;
    take(update ? pipeline.updates() : pipeline.control(), record.key(), record.value());
  }

  private void take(String topic, String key, byte[] value) {
    queue.add(new Entry(topic, key, value));
    while (!queue.isEmpty()) {
      Entry next = queue.remove();
      if (stages.containsKey(next.topic())) {
        stages.get(next.topic()).take(next.key(), next.value());
      } else {
        byte[] bytes = next.value() == null ? new byte[0] : next.value();
        shelve(next.topic(), next.key(), bytes);
      }
    }
  }

  private void shelve(String topic, String key, byte[] value) {
    if (topic.equals("g.models")) {
      shelf.takeChunk(key, value);
    } else if (topic.equals("g.tasks")) {
      shelf.take(Kind.TASK, key, value);
    } else if (topic.equals("g.versions")) {
      shelf.take(Kind.VERSION, key, value);
    } else if (topic.equals("g.rounds") && key.contains("/")) {
      shelf.take(Kind.OUTCOME, key, value);
    }
  }

  /** A stage and the states of its keys. */
  private final class Running<I, S, O> {
    private final Stage stage;
    private final OperatorSpec<I, S, O> spec;
    private final Map<String, S> states = new HashMap<>();

    Running(Stage stage, OperatorSpec<I, S, O> spec) {
      this.stage = stage;
      this.spec = spec;
    }

    void take(String key, byte[] value) {
      S state = states.computeIfAbsent(key, spec.operator()::createState);
      try {
        spec.operator()
            .accept(
                state,
                spec.input().decode(value),
                0,
                Models.NONE,
                output ->
                    queue.add(
                        new Entry(
                            stage.outputTopics().get(spec.output().channel(output)),
                            spec.output().key(output, key),
                            spec.output().encode(output))));
      } catch (InvalidInputException e) {
        refusals.add(e.getMessage());
      }
    }
  }
}
