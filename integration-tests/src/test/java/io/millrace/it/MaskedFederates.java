package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.client.ClientIdentity;
import io.millrace.client.ClientSettings;
import io.millrace.client.ClientTopics;
import io.millrace.client.FederatedClient;
import io.millrace.client.FederationTransport;
import io.millrace.client.FileStore;
import io.millrace.client.KafkaTransport;
import io.millrace.client.ModelVersion;
import io.millrace.client.OutgoingRecord;
import io.millrace.client.TrainedModel;
import io.millrace.client.TrainingRound;
import io.millrace.schema.ClientMemory;
import io.millrace.schema.CodecPlan;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.BooleanSupplier;

/**
 * Clients of a masked model, of the client library, that take turns on one thread. What each adds
 * to the first version is a function of its number.
 */
final class MaskedFederates implements AutoCloseable {
  static final int COUNT = 4;
  static final int MINIMUM = 3;
  private static final float LARGEST = 0.5f;
  private static final Duration WAIT = Duration.ofMillis(200);
  private static final Duration PATIENCE = Duration.ofSeconds(120);

  private final Deployment deployment;
  private final Path directory;
  private final Line[] lines = new Line[COUNT];

  MaskedFederates(Deployment deployment) throws IOException {
    this.deployment = deployment;
    this.directory = deployment.directory().resolve("federates");
    Files.createDirectories(directory);
    for (int client = 0; client < COUNT; client++) {
      start(client, Integer.MAX_VALUE);
    }
  }

  /** Rounds whose time the test tells. */
  static TestedPipeline pipeline(Path key) {
    return new TestedPipeline(
        "federated",
        List.of(
            "master-key-file: " + key,
            "rounds:",
            "  policy: masked",
            "  target: " + COUNT,
            "  minimum: " + MINIMUM,
            "  deadline-millis: 10000",
            "  task-millis: 0",
            "  masking:",
            "    threshold: 0.5",
            "    largest: " + LARGEST,
            "    phase-millis: 1000",
            "ticks:",
            "  interval-millis: 0"),
        List.of("models"),
        100);
  }

  static String name(int client) {
    return "client-" + client;
  }

  /** Public key of a client, as its owner is told it. */
  String publicKey(int client) throws IOException {
    return HexFormat.of().formatHex(identity(client).publicKey());
  }

  private ClientIdentity identity(int client) throws IOException {
    return ClientIdentity.in(directory.resolve(name(client) + ".key"));
  }

  /** A life of a client, of what its files hold; it ends when it has sent so many chunks. */
  void start(int client, int chunks) throws IOException {
    if (lines[client] != null) {
      lines[client].close();
    }
    FederatedClient life =
        new FederatedClient(
            ClientSettings.of(SimulatedFederation.MODEL, name(client), identity(client)),
            task -> {
              float[] update = update(client);
              double[] end = task.start();
              for (int i = 0; i < end.length; i++) {
                end[i] += update[i];
              }
              return new TrainedModel(end, 1, 1, Map.of());
            },
            new FileStore(directory.resolve(name(client) + ".state")));
    ClientTopics topics =
        new ClientTopics(
            deployment.topic("updates"),
            deployment.topic("control"),
            deployment.topic("tasks"),
            deployment.topic("models"),
            deployment.topic("versions"),
            deployment.topic("memories"),
            deployment.topic("rounds"));
    KafkaTransport kafka = new KafkaTransport(deployment.cluster().client(), topics, life);
    lines[client] = new Line(kafka, life, chunks);
  }

  /** Records of a kind that this life of a client has sent. */
  int sent(int client, String kind) {
    return lines[client].sent.getOrDefault(kind, 0);
  }

  boolean isGone(int client) {
    return lines[client].left < 0;
  }

  /** Has these clients take turns until something holds. */
  void turnUntil(String what, JavaProcess app, BooleanSupplier holds, int... clients) {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!holds.getAsBoolean()) {
      for (int client : clients) {
        if (!isGone(client)) {
          lines[client].turn();
        }
      }
      assertTrue(System.nanoTime() < end, () -> "not " + what + "\n" + app.logTail());
    }
  }

  private static float[] update(int client) {
    Random random = new Random(300 + client);
    float[] update = new float[SimulatedFederation.LENGTH];
    for (int i = 0; i < update.length; i++) {
      update[i] = (random.nextFloat() - 0.5f) * 2 * LARGEST;
    }
    return update;
  }

  /** Units of the fixed point in 1: the most for which no sum of all leaves an int. */
  private static double units() {
    double units = 1L << 40;
    while ((LARGEST * units + 1) * COUNT > Integer.MAX_VALUE) {
      units /= 2;
    }
    return units;
  }

  private static int term(int client, int i) {
    return (int) Math.rint(update(client)[i] * units());
  }

  /** A version and the exact mean of these clients, as it is published. */
  static float[] after(float[] version, int... clients) {
    long[] sum = new long[version.length];
    for (int client : clients) {
      float[] update = update(client);
      for (int i = 0; i < sum.length; i++) {
        sum[i] += (long) Math.rint(update[i] * units());
      }
    }
    float[] after = new float[version.length];
    for (int i = 0; i < after.length; i++) {
      after[i] = (float) (version[i] + sum[i] * (1 / units() * (1.0 / clients.length)));
    }
    return after;
  }

  /** What would be found of a client's update: three numbers of it, as floats and as terms. */
  static List<byte[]> patterns(int client) {
    List<byte[]> patterns = new ArrayList<>();
    float[] update = update(client);
    for (int from = 0; from + 3 < update.length; from += 250) {
      ByteBuffer floats = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
      ByteBuffer words = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = from; i < from + 3; i++) {
        floats.putFloat(update[i]);
        words.putInt(term(client, i));
      }
      patterns.add(floats.array());
      patterns.add(words.array());
    }
    return patterns;
  }

  @Override
  public void close() {
    for (Line line : lines) {
      line.close();
    }
  }

  /** A client's connection, which may break amid an upload. */
  private static final class Line implements FederationTransport {
    private final KafkaTransport kafka;
    private final TrainingRound round;
    private final Map<String, Integer> sent = new HashMap<>();
    private int left;

    Line(KafkaTransport kafka, FederatedClient client, int chunks) {
      this.kafka = kafka;
      this.left = chunks;
      this.round = TrainingRound.of(client, this);
    }

    void turn() {
      try {
        round.run(WAIT);
      } catch (IllegalStateException notYet) {
        // what has not come or could not be sent is for the next turn
      }
    }

    @Override
    public void send(List<OutgoingRecord> records) {
      for (OutgoingRecord record : records) {
        boolean chunk = record.channel() == OutgoingRecord.Channel.UPDATES;
        if (left < 0 || chunk && --left < 0) {
          throw new IllegalStateException("gone");
        }
        kafka.send(List.of(record));
        sent.merge(SingleObject.recordName(record.value()), 1, Integer::sum);
      }
    }

    @Override
    public Optional<TaskOffer> offer(FederatedClient client, Duration wait) {
      return kafka.offer(client, wait);
    }

    @Override
    public ModelVersion model(TaskOffer offer, Duration wait) {
      return kafka.model(offer, PATIENCE);
    }

    @Override
    public List<ClientMemory> memories(FederatedClient client) {
      return kafka.memories(client);
    }

    @Override
    public Optional<CodecPlan> plan(long version) {
      return kafka.plan(version);
    }

    @Override
    public void close() {
      kafka.close();
    }
  }
}
