package io.millrace.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.federated.FederatedCommand;
import io.millrace.operator.InvalidInputException;
import io.millrace.operator.Models;
import io.millrace.operator.federated.Digests;
import io.millrace.operator.federated.EdgeMixing;
import io.millrace.operator.federated.FederatedInput;
import io.millrace.operator.federated.FederatedKeys;
import io.millrace.operator.federated.FederatedOutput;
import io.millrace.operator.federated.MixingState;
import io.millrace.operator.federated.UpdateCodecs;
import io.millrace.runtime.MixingPipeline;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.UpdateChunk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/**
 * Nodes that mix, with the process killed among ticks and gradients, on either engine: what was
 * published is what the operator makes of the log, byte for byte.
 */
final class MixingExactlyOnceIT {
  private static final Path DIRECTORY = Path.of("target", "it", "mixing");
  private static final Duration PATIENCE = Duration.ofSeconds(180);
  private static final String MODEL = "toy";
  private static final int CHUNKS = 2;
  private static final int CHUNK_LENGTH = 300;
  private static final int VERSIONS = 5;

  private static BrokerProcess broker;
  private static Cluster cluster;

  /** Starts a process of a deployment. */
  private interface Start {
    JavaProcess of(Deployment deployment);
  }

  @BeforeAll
  static void startBroker() throws Exception {
    Directories.delete(DIRECTORY);
    broker = BrokerProcess.start(DIRECTORY.resolve("broker"));
    cluster = new Cluster(broker.bootstrapServers());
  }

  @AfterAll
  static void stopBroker() {
    broker.close();
  }

  @Test
  void aKillOnKafkaStreamsLosesAndDoublesNothing() throws Exception {
    aKillLosesAndDoublesNothing("mixing-streams", deployment -> deployment.start(0));
  }

  @Test
  void aKillOnFlinkLosesAndDoublesNothing() throws Exception {
    aKillLosesAndDoublesNothing("mixing-flink", deployment -> deployment.startFlink(0));
  }

  private static void aKillLosesAndDoublesNothing(String name, Start start) throws Exception {
    Deployment deployment = deployment(name);
    deployment.createTopics();
    JavaProcess app = start.of(deployment);
    try (Nodes nodes = new Nodes(deployment)) {
      publish(deployment);
      nodes.sendUntil(VERSIONS, app);
      app.kill();
      app = start.of(deployment);
      nodes.sendUntil(nodes.newest() + VERSIONS, app);
      app.stop(PATIENCE);
      assertIsWhatTheLogMakes(deployment, nodes.newest());
    } finally {
      app.close();
    }
  }

  private static Deployment deployment(String name) throws IOException {
    List<String> settings =
        List.of(
            "master-key-file: " + SimulatedFederation.key(DIRECTORY),
            "mixing:",
            "  method: dadao",
            "  graph: line",
            "  nodes: [a, b, c]",
            "  convexity: 1",
            "  smoothness: 10",
            "admission:",
            "  staleness: 1000",
            "exchange:",
            "  kept-versions: 3",
            "ticks:",
            "  interval-millis: 200");
    TestedPipeline pipeline =
        new TestedPipeline("federated-mixing", settings, List.of("models"), 100);
    Path directory = DIRECTORY.resolve(name).toAbsolutePath();
    return new Deployment(name, "", pipeline, 2, 2, true, directory, cluster);
  }

  private static void publish(Deployment deployment) throws IOException {
    Path definition = deployment.directory().resolve("toy.json");
    Files.writeString(
        definition,
        "{\"chunk-length\": 300, \"layers\": [{\"name\": \"w\", \"shape\": [60, 10]}]}");
    Path values = deployment.directory().resolve("toy.f32");
    Files.write(values, new byte[Float.BYTES * CHUNKS * CHUNK_LENGTH]);
    int code =
        new CommandLine(new FederatedCommand())
            .execute(
                "publish",
                "-c",
                deployment.file(0).toString(),
                "--model",
                MODEL,
                "--definition",
                definition.toString(),
                "--values",
                values.toString());
    assertEquals(0, code);
  }

  /** The operator over the committed log, chunk by chunk, against the committed models. */
  private static void assertIsWhatTheLogMakes(Deployment deployment, long newest)
      throws IOException {
    Path file = deployment.file(0);
    MixingPipeline pipeline =
        MixingPipeline.of(
                io.millrace.runtime.Deployment.parse(
                    file.toString(), Files.readString(file), Map.of()))
            .get(0);
    EdgeMixing operator = new EdgeMixing(pipeline.settings(), pipeline.authority());
    Map<String, MixingState> states = new TreeMap<>();
    Map<String, List<String>> expected = new TreeMap<>();
    int moved = 0;
    for (ConsumerRecord<byte[], byte[]> record : cluster.committed(deployment.topic("updates"))) {
      String key = new String(record.key(), UTF_8);
      MixingState state = states.computeIfAbsent(key, operator::createState);
      FederatedInput input = input(record.value());
      try {
        operator.accept(state, input, 0, Models.NONE, output -> take(expected, output));
        moved += input instanceof FederatedInput.Update ? 1 : 0;
      } catch (InvalidInputException refused) {
        // a dead letter, then as now
      }
    }
    assertTrue(moved > VERSIONS, moved + " gradients counted");
    Map<String, List<String>> got = cluster.committedByKey(deployment.topic("models"));
    got.forEach(
        (key, values) -> {
          List<String> made = expected.getOrDefault(key, List.of());
          // the process may have been stopped before the last ticks
          assertEquals(made.subList(0, Math.min(made.size(), values.size())), values, key);
        });
    for (String node : List.of("a", "b", "c")) {
      for (int chunk = 0; chunk < CHUNKS; chunk++) {
        String key = FederatedKeys.modelChunk(MODEL + ':' + node, newest, chunk);
        assertTrue(got.containsKey(Hex.of(key.getBytes(UTF_8))), key);
      }
    }
  }

  private static FederatedInput input(byte[] value) {
    return SingleObject.recordName(value).equals("UpdateChunk")
        ? new FederatedInput.Update(SingleObject.of(UpdateChunk.class).decode(value))
        : new FederatedInput.Authorised(SingleObject.of(AuthorisedRecord.class).decode(value));
  }

  private static void take(Map<String, List<String>> made, FederatedOutput output) {
    if (output instanceof FederatedOutput.Task) {
      return;
    }
    String value =
        output instanceof FederatedOutput.Model model
            ? Hex.of(SingleObject.of(ModelChunk.class).encode(model.chunk()))
            : "tombstone";
    made.computeIfAbsent(Hex.of(output.key().getBytes(UTF_8)), key -> new ArrayList<>()).add(value);
  }

  /** Send a gradient at each version they are offered, a function of node and version. */
  private static final class Nodes implements AutoCloseable {
    private final Deployment deployment;
    private final KafkaConsumer<byte[], byte[]> tasks;
    private final KafkaProducer<byte[], byte[]> producer;
    private long newest;

    Nodes(Deployment deployment) {
      this.deployment = deployment;
      Map<String, Object> properties = new HashMap<>(cluster.client());
      properties.put("isolation.level", "read_committed");
      properties.put("enable.auto.commit", false);
      tasks =
          new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
      List<TopicPartition> partitions =
          tasks.partitionsFor(deployment.topic("tasks")).stream()
              .map(partition -> new TopicPartition(partition.topic(), partition.partition()))
              .toList();
      tasks.assign(partitions);
      tasks.seekToBeginning(partitions);
      producer =
          new KafkaProducer<>(
              new HashMap<>(cluster.client()),
              new ByteArraySerializer(),
              new ByteArraySerializer());
    }

    long newest() {
      return newest;
    }

    void sendUntil(long version, JavaProcess app) {
      Await.until(
          () -> "version " + version + " is offered, newest is " + newest + "\n" + app.logTail(),
          PATIENCE,
          () -> {
            for (ConsumerRecord<byte[], byte[]> record : tasks.poll(Duration.ofMillis(50))) {
              send(SingleObject.of(TaskOffer.class).decode(record.value()));
            }
            return newest >= version;
          });
    }

    private void send(TaskOffer offer) {
      newest = Math.max(newest, offer.getTask().getBaseVersion());
      Random random = new Random(offer.getTask().getSequence());
      for (int chunk = 0; chunk < CHUNKS; chunk++) {
        float[] descent = new float[CHUNK_LENGTH];
        Arrays.fill(descent, (float) random.nextGaussian());
        UpdateChunk record =
            new UpdateChunk(
                offer.getTask(),
                chunk,
                CHUNKS,
                offer.getSchemaHash(),
                offer.getCodec(),
                ByteBuffer.wrap(UpdateCodecs.named(offer.getCodec()).encode(descent, 0)),
                ByteBuffer.allocate(0),
                ByteBuffer.allocate(0));
        record.setDigest(ByteBuffer.wrap(Digests.of(record)));
        producer.send(
            new ProducerRecord<>(
                deployment.topic("updates"),
                chunk % deployment.partitions(),
                FederatedKeys.chunk(MODEL, chunk).getBytes(UTF_8),
                SingleObject.of(UpdateChunk.class).encode(record)));
      }
      producer.flush();
    }

    @Override
    public void close() {
      producer.close();
      tasks.close();
    }
  }
}
