package io.millrace.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.millrace.app.federated.FederatedCommand;
import io.millrace.operator.federated.Digests;
import io.millrace.operator.federated.FederatedKeys;
import io.millrace.operator.federated.MerkleTree;
import io.millrace.operator.federated.UpdateCodecs;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.TaskRequest;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.VersionCommit;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.Utils;
import picocli.CommandLine;

/**
 * Clients of one model that do everything but train: their updates are a function of who they are
 * and of the version they start from, so that two runs that lose and double nothing make the same
 * versions. Each trains once a task, and counts that. One thread.
 */
final class SimulatedFederation implements AutoCloseable {
  static final String MODEL = "toy";
  static final int CHUNKS = 3;

  private static final int CHUNK_LENGTH = 600;
  static final int LENGTH = CHUNKS * CHUNK_LENGTH - 100;
  private static final Duration PATIENCE = Duration.ofSeconds(120);
  private static final SingleObject<UpdateChunk> CHUNK = SingleObject.of(UpdateChunk.class);
  private static final SingleObject<ClientCommit> COMMIT = SingleObject.of(ClientCommit.class);
  private static final SingleObject<TaskRequest> REQUEST = SingleObject.of(TaskRequest.class);

  private final Deployment deployment;
  private final List<String> clients = new ArrayList<>();
  private final Map<String, KeyPair> keys = new HashMap<>();
  private final KafkaProducer<byte[], byte[]> producer;
  private final KafkaConsumer<byte[], byte[]> tasks;
  private final KafkaConsumer<byte[], byte[]> versions;
  private final Map<String, TaskOffer> offers = new HashMap<>();
  private final TreeMap<Long, VersionCommit> commits = new TreeMap<>();
  private final TreeMap<Long, Integer> trained = new TreeMap<>();

  /**
   * A record to be sent.
   *
   * @param partition -1: as the key says
   */
  record Sent(String topic, int partition, byte[] key, byte[] value) {}

  SimulatedFederation(Deployment deployment, int count) throws GeneralSecurityException {
    this.deployment = deployment;
    KeyPairGenerator generator = KeyPairGenerator.getInstance("Ed25519");
    for (int client = 0; client < count; client++) {
      clients.add("client-" + client);
      keys.put(clients.get(client), generator.generateKeyPair());
    }
    Map<String, Object> properties = new HashMap<>(deployment.cluster().client());
    properties.put("enable.idempotence", true);
    producer =
        new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
    tasks = follow(deployment.topic("tasks"));
    versions = follow(deployment.topic("versions"));
  }

  /** The settings of its pipeline beyond the key's file, YAML lines. */
  private static List<String> settings(Path key, int clients, String... more) {
    List<String> lines =
        new ArrayList<>(
            List.of(
                "master-key-file: " + key,
                "rounds:",
                "  target: " + clients,
                "  minimum: " + clients,
                "  deadline-millis: 0",
                "  task-millis: 0",
                "ticks:",
                "  interval-millis: 200"));
    lines.addAll(List.of(more));
    return lines;
  }

  /**
   * A pipeline of such clients. What goes round in a loop waits for a commit at each of its eight
   * turns: they come fast.
   */
  static TestedPipeline pipeline(Path directory, int clients, String... more) throws IOException {
    return new TestedPipeline(
        "federated", settings(key(directory), clients, more), List.of("models"), 100);
  }

  /** Writes a key of an aggregator. */
  static Path key(Path directory) throws IOException {
    Files.createDirectories(directory);
    byte[] key = new byte[32];
    new Random(5).nextBytes(key);
    return Files.write(directory.resolve("master-key"), key).toAbsolutePath();
  }

  List<String> clients() {
    return clients;
  }

  /** How often each task, by sequence, was trained. */
  Map<Long, Integer> trained() {
    return trained;
  }

  /** Publishes version 0 and registers the clients, as an owner would. */
  void publish() throws IOException {
    Path definition = deployment.directory().resolve("toy.json");
    Path values = deployment.directory().resolve("toy.f32");
    Files.writeString(
        definition,
        "{\"chunk-length\": "
            + CHUNK_LENGTH
            + ", \"layers\": [{\"name\": \"w\", \"shape\": ["
            + LENGTH / 10
            + ", 10]}]}");
    Files.write(values, bytes(numbers(-1, 0)));
    command(
        0,
        "publish",
        "--model",
        MODEL,
        "--definition",
        definition.toString(),
        "--values",
        values.toString());
    for (String client : clients) {
      byte[] encoded = keys.get(client).getPublic().getEncoded();
      String key = HexFormat.of().formatHex(encoded, encoded.length - 32, encoded.length);
      command(0, "client-key", "--model", MODEL, "--client", client, "--public-key", key);
    }
  }

  /** Runs {@code millrace federated}; what it said. */
  String command(int expected, String name, String... options) {
    List<String> arguments = new ArrayList<>(List.of(name, "-c", deployment.file(0).toString()));
    arguments.addAll(List.of(options));
    StringWriter said = new StringWriter();
    CommandLine line = new CommandLine(new FederatedCommand());
    line.setOut(new PrintWriter(said)).setErr(new PrintWriter(said));
    assertEquals(expected, line.execute(arguments.toArray(String[]::new)), said::toString);
    return said.toString();
  }

  /** Every client asks for a task. */
  void requestAll() {
    clients.forEach(client -> send(request(client)));
    producer.flush();
  }

  Sent request(String client) {
    return new Sent(
        deployment.topic("control"),
        -1,
        MODEL.getBytes(UTF_8),
        REQUEST.encode(new TaskRequest(MODEL, client, 0L)));
  }

  /** Offers that were given so far count no more. */
  void forgetOffers() {
    offers.clear();
  }

  /** The offer of a client for training on a version. */
  TaskOffer awaitOffer(String client, long version, JavaProcess app) {
    Await.until(
        () -> client + " gets a task for version " + version + "\n" + app.logTail(),
        PATIENCE,
        () -> {
          poll(
              tasks,
              record -> {
                TaskOffer offer = SingleObject.of(TaskOffer.class).decode(record.value());
                offers.put(offer.getTask().getClient(), offer);
              });
          TaskOffer offer = offers.get(client);
          return offer != null && offer.getTask().getBaseVersion() == version;
        });
    return offers.get(client);
  }

  VersionCommit awaitVersion(long version, JavaProcess app) {
    Await.until(
        () -> "version " + version + " is whole\n" + app.logTail(),
        PATIENCE,
        () -> {
          poll(
              versions,
              record -> {
                if (SingleObject.recordName(record.value()).equals("VersionCommit")) {
                  VersionCommit commit =
                      SingleObject.of(VersionCommit.class).decode(record.value());
                  commits.put(commit.getVersion(), commit);
                }
              });
          return commits.containsKey(version);
        });
    return commits.get(version);
  }

  /** Trains: the chunks of the update, then its commit. */
  List<Sent> train(TaskOffer offer) {
    trained.merge(offer.getTask().getSequence(), 1, Integer::sum);
    float[] update =
        numbers(clients.indexOf(offer.getTask().getClient()), offer.getTask().getBaseVersion());
    List<Sent> sent = new ArrayList<>();
    List<byte[]> digests = new ArrayList<>();
    double squaredNorm = 0;
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      int first = chunk * CHUNK_LENGTH;
      float[] values = Arrays.copyOfRange(update, first, Math.min(LENGTH, first + CHUNK_LENGTH));
      for (float value : values) {
        squaredNorm += (double) value * value;
      }
      UpdateChunk record = chunk(offer, chunk, values);
      digests.add(record.getDigest().array());
      sent.add(sent(record));
    }
    ClientCommit commit =
        new ClientCommit(
            offer.getTask(),
            CHUNKS,
            ByteBuffer.wrap(MerkleTree.root(digests)),
            squaredNorm,
            10 + clients.indexOf(offer.getTask().getClient()),
            1,
            List.of(),
            Map.of("loss", 0.5),
            ByteBuffer.allocate(0));
    sent.add(sent(signed(commit)));
    return sent;
  }

  /** A chunk with its digest. */
  static UpdateChunk chunk(TaskOffer offer, int chunk, float[] values) {
    byte[] payload = UpdateCodecs.named(offer.getCodec()).encode(values, offer.getTask().getSeed());
    return digested(
        new UpdateChunk(
            offer.getTask(),
            chunk,
            CHUNKS,
            offer.getSchemaHash(),
            offer.getCodec(),
            ByteBuffer.wrap(payload),
            ByteBuffer.allocate(0),
            ByteBuffer.allocate(0)));
  }

  static UpdateChunk digested(UpdateChunk chunk) {
    chunk.setDigest(ByteBuffer.wrap(Digests.of(chunk)));
    return chunk;
  }

  /** The commit under its client's key. */
  ClientCommit signed(ClientCommit commit) {
    try {
      Signature signature = Signature.getInstance("Ed25519");
      signature.initSign(keys.get(commit.getTask().getClient()).getPrivate());
      signature.update(Digests.signed(commit));
      commit.setSignature(ByteBuffer.wrap(signature.sign()));
      return commit;
    } catch (GeneralSecurityException e) {
      throw new AssertionError("every Java platform has Ed25519", e);
    }
  }

  Sent sent(UpdateChunk chunk) {
    return new Sent(
        deployment.topic("updates"),
        chunk.getChunk() % deployment.partitions(),
        FederatedKeys.chunk(MODEL, chunk.getChunk()).getBytes(UTF_8),
        CHUNK.encode(chunk));
  }

  Sent sent(ClientCommit commit) {
    return new Sent(deployment.topic("control"), -1, MODEL.getBytes(UTF_8), COMMIT.encode(commit));
  }

  /** The partition that a good record goes to. */
  int partition(Sent good) {
    return good.partition() >= 0
        ? good.partition()
        : Utils.toPositive(Utils.murmur2(good.key())) % deployment.partitions();
  }

  /** Sends a record and waits until the broker has it. */
  RecordMetadata send(Sent record) {
    Integer partition = record.partition() < 0 ? null : record.partition();
    try {
      return producer
          .send(new ProducerRecord<>(record.topic(), partition, record.key(), record.value()))
          .get();
    } catch (Exception e) {
      throw new AssertionError("not acknowledged", e);
    }
  }

  void sendAll(List<Sent> records) {
    records.forEach(this::send);
  }

  @Override
  public void close() {
    producer.close();
    tasks.close();
    versions.close();
  }

  /** What a client adds to a version; -1: the first version. */
  static float[] numbers(int client, long version) {
    Random random = new Random(1000 * version + client);
    float[] numbers = new float[LENGTH];
    for (int i = 0; i < LENGTH; i++) {
      numbers[i] = (float) (0.1 * random.nextGaussian());
    }
    return numbers;
  }

  private static byte[] bytes(float[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return bytes.array();
  }

  private interface Visitor {
    void take(ConsumerRecord<byte[], byte[]> record);
  }

  private static void poll(KafkaConsumer<byte[], byte[]> consumer, Visitor visitor) {
    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(50))) {
      if (record.value() != null) {
        visitor.take(record);
      }
    }
  }

  private KafkaConsumer<byte[], byte[]> follow(String topic) {
    Map<String, Object> properties = new HashMap<>(deployment.cluster().client());
    properties.put("isolation.level", "read_committed");
    properties.put("enable.auto.commit", false);
    KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    List<TopicPartition> partitions =
        consumer.partitionsFor(topic).stream()
            .map(partition -> new TopicPartition(topic, partition.partition()))
            .toList();
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
    return consumer;
  }
}
