package io.millrace.client;

import io.millrace.client.ClientSettings.Choices;
import io.millrace.client.TrainingRound.Result;
import io.millrace.operator.federated.AveragingMethod;
import io.millrace.operator.federated.FederatedSettings;
import io.millrace.operator.federated.FederatedSettings.Admission;
import io.millrace.operator.federated.FederatedSettings.Exchange;
import io.millrace.operator.federated.FederatedSettings.Local;
import io.millrace.operator.federated.FederatedSettings.Masked;
import io.millrace.operator.federated.FederatedSettings.Masking;
import io.millrace.operator.federated.FederatedSettings.Method;
import io.millrace.operator.federated.FederatedSettings.Policy;
import io.millrace.operator.federated.FederatedSettings.Privacy;
import io.millrace.operator.federated.FederatedSettings.Robust;
import io.millrace.operator.federated.FederatedSettings.Rounds;
import io.millrace.operator.federated.FederatedSettings.Server;
import io.millrace.operator.federated.FederatedSettings.Synchronous;
import io.millrace.operator.federated.OptimiserName;
import io.millrace.operator.federated.Staleness;
import io.millrace.schema.SingleObject;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Predicate;

/**
 * Clients of one model in masked rounds, against the aggregator's own operators. What each adds to
 * the first version is a function of its number, so that the sum is known beforehand.
 */
final class MaskedClients {
  static final int COUNT = 4;
  static final int MINIMUM = 3;
  static final int LENGTH = 120;
  static final int CHUNK = 50;
  static final int CHUNKS = 3;
  static final float LARGEST = 0.5f;
  static final int LARGEST_WEIGHT = 3;
  static final int PHASE_MILLIS = 1_000;
  static final int DEADLINE_MILLIS = 5_000;

  final InMemoryFederation federation;
  final ClientSettings[] settings = new ClientSettings[COUNT];
  final ClientStore[] stores = new ClientStore[COUNT];
  final FederatedClient[] lives = new FederatedClient[COUNT];
  private final TrainingRound[] rounds = new TrainingRound[COUNT];
  private long millis = 1_000;

  MaskedClients(FederatedSettings aggregator) {
    federation = new InMemoryFederation(aggregator, new double[LENGTH], CHUNK);
    for (int i = 0; i < COUNT; i++) {
      settings[i] = ClientSettings.of(InMemoryFederation.MODEL, name(i), ClientIdentity.random());
      stores[i] = ClientStore.inMemory();
      federation.welcome(settings[i]);
      start(i, record -> true);
    }
  }

  static String name(int client) {
    return "client-" + client;
  }

  static FederatedSettings masked(Privacy privacy) {
    return settings(policy(LARGEST), privacy, "plain");
  }

  /** With a linear codec below the masks, which packs larger values. */
  static FederatedSettings packed(String codec) {
    return settings(policy(16 * LARGEST), Privacy.NONE, codec);
  }

  private static Policy policy(float largest) {
    return new Masked(
        new Synchronous(COUNT, MINIMUM, DEADLINE_MILLIS, false),
        new Masking(0.5, 0, largest, PHASE_MILLIS));
  }

  /** The same rounds without masks. */
  static FederatedSettings open(Privacy privacy, String codec) {
    return settings(new Synchronous(COUNT, MINIMUM, DEADLINE_MILLIS, false), privacy, codec);
  }

  private static FederatedSettings settings(Policy policy, Privacy privacy, String codec) {
    return new FederatedSettings(
        new Method(
            AveragingMethod.FEDAVG,
            new Local(10, 0.1, 0, 1, 1, 0.1),
            new Server(OptimiserName.SGD, 1, 0.9, 0.99, 1e-3, 0),
            COUNT,
            40),
        new Rounds(policy, new Staleness.Constant(), 10, 0),
        Robust.NONE,
        new Admission(1e6, LARGEST_WEIGHT, true),
        privacy,
        new Exchange(List.of(codec), Double.BYTES, 4, 100, 1 << 24));
  }

  /** A life of a client, made of what its store holds. */
  void start(int client, Predicate<OutgoingRecord> passes) {
    lives[client] = new FederatedClient(settings[client], training(client), stores[client]);
    rounds[client] =
        new TrainingRound(lives[client], federation.transport(name(client), passes), () -> 0);
  }

  void choose(int client, MaskChoices masks) {
    ClientSettings before = settings[client];
    settings[client] =
        new ClientSettings(
            before.model(),
            before.client(),
            before.identity(),
            Optional.empty(),
            new Choices(false, 0, 0, masks));
    start(client, record -> true);
  }

  Result turn(int client) {
    return rounds[client].run(Duration.ZERO);
  }

  /** So many turns of every one of these, one after another. */
  void turns(int times, int... clients) {
    for (int time = 0; time < times; time++) {
      for (int client : clients) {
        turn(client);
      }
    }
  }

  /** Moves event time beyond the longest phase. */
  void pass() {
    millis += DEADLINE_MILLIS;
    federation.tick(millis);
  }

  static int examples(int client) {
    return 1 + client; // of the last one fewer count
  }

  /** What a client adds to the first version. */
  static float[] update(int client) {
    Random random = new Random(100 + client);
    float[] update = new float[LENGTH];
    for (int i = 0; i < LENGTH; i++) {
      update[i] = (random.nextFloat() - 0.5f) * 2 * LARGEST;
    }
    return update;
  }

  private static LocalTraining training(int client) {
    return task -> {
      float[] update = update(client);
      double[] end = task.start();
      for (int i = 0; i < LENGTH; i++) {
        end[i] += update[i];
      }
      return new TrainedModel(end, 1, examples(client), Map.of());
    };
  }

  static int weight(int client) {
    return Math.min(examples(client), LARGEST_WEIGHT);
  }

  /** Units of the fixed point in 1: the most for which no sum of all leaves an int. */
  static double units() {
    double units = 1L << 40;
    while ((LARGEST * units + 1) * COUNT * LARGEST_WEIGHT > Integer.MAX_VALUE) {
      units /= 2;
    }
    return units;
  }

  /** What an update is in a sum. */
  static long[] terms(int client) {
    float[] update = update(client);
    long[] terms = new long[LENGTH];
    for (int i = 0; i < LENGTH; i++) {
      terms[i] = (long) Math.rint((double) update[i] * weight(client) * units());
    }
    return terms;
  }

  /** The first version after the one of zeros: the mean of these clients, integer for integer. */
  static double[] mean(int... clients) {
    long[] sum = new long[LENGTH];
    long weights = 0;
    for (int client : clients) {
      weights += weight(client);
      long[] terms = terms(client);
      for (int i = 0; i < LENGTH; i++) {
        sum[i] += terms[i];
      }
    }
    double[] mean = new double[LENGTH];
    for (int i = 0; i < LENGTH; i++) {
      mean[i] = sum[i] * (1 / units() * (1.0 / weights));
    }
    return mean;
  }

  /** Sent records of a kind, in order. */
  List<OutgoingRecord> sent(String kind) {
    List<OutgoingRecord> records = new ArrayList<>();
    for (OutgoingRecord record : federation.sent) {
      if (SingleObject.recordName(record.value()).equals(kind)) {
        records.add(record);
      }
    }
    return records;
  }
}
