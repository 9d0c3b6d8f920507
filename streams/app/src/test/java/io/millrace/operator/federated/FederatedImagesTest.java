package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.federation.FederatedTask;
import io.millrace.app.federation.LabelledImages;
import io.millrace.app.federation.Misconduct;
import io.millrace.schema.UpdateTask;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Real models through both operators, in memory: every update in chunks, every version from its
 * commit. In the operators' own package, for their harness.
 */
class FederatedImagesTest {
  private static final int CLIENTS = 8;
  private static final int FAULTY = 2;
  private static final int ROUNDS = 30;
  private static final long SEED = 1;
  private static final int CHUNK = 4_096;

  /**
   * Reference accuracies after 10, 50 and 100 rounds were measured once elsewhere, for one draw of
   * the clients. A test image is 0.28 points, and draws differ by two points at 0.1.
   */
  @ParameterizedTest
  @CsvSource({
    "100, 0.861, 0.886, 0.892, 0.02",
    "1,   0.850, 0.886, 0.889, 0.02",
    "0.1, 0.806, 0.864, 0.886, 0.03"
  })
  void digitsDividedUnequallyReachTheReference(
      double concentration, double at10, double at50, double at100, double tolerance) {
    FederatedTask task = FederatedTask.digits();
    List<LabelledImages> shares = task.shares(10, concentration, SEED);
    FederatedTestSettings settings = new FederatedTestSettings().round(10, 10, 0);
    Training training = new Training(task, shares, settings, "plain");

    double[] got = training.run(100, List.of());

    assertEquals(at10, got[10], tolerance);
    assertEquals(at50, got[50], tolerance);
    assertEquals(at100, got[100], tolerance);
  }

  @ParameterizedTest
  @EnumSource(names = {"SIGN_FLIP", "ALIE"})
  void aPerceptronWithTwoOfEightByzantineComesWithinOneAndAHalfPointsOfTheReference(
      Misconduct misconduct) {
    FederatedTask task = FederatedTask.fashion();

    double[] accuracies =
        fashion(task, PreMixing.NEAREST_NEIGHBOURS, RobustRule.TRIMMED_MEAN, FAULTY)
            .run(ROUNDS, List.of(misconduct, misconduct));

    // Accuracy wanders by a point from round to round: the mean of the last five says more than
    // the last.
    double last = 0;
    for (int round = ROUNDS - 4; round <= ROUNDS; round++) {
      last += accuracies[round] / 5;
    }
    assertTrue(last >= task.reference() - FederatedTask.TOLERANCE, "got " + last);
  }

  @Test
  void plainAveragingFailsWithTheSameClients() {
    double[] accuracies =
        fashion(FederatedTask.fashion(), PreMixing.NONE, RobustRule.MEAN, 0)
            .run(12, List.of(Misconduct.ALIE, Misconduct.SIGN_FLIP));

    for (int version = 1; version <= 12; version++) {
      assertTrue(accuracies[version] < 0.5, "got " + Arrays.toString(accuracies));
    }
  }

  private static Training fashion(
      FederatedTask task, PreMixing mixing, RobustRule rule, int faulty) {
    FederatedTestSettings settings =
        new FederatedTestSettings()
            .clients(CLIENTS)
            .round(CLIENTS, CLIENTS, 0)
            .robust(mixing, rule, faulty)
            .codecs("qsgd-64")
            .elementBytes(Float.BYTES);
    return new Training(task, task.shares(CLIENTS, 1, SEED), settings, "qsgd-64");
  }

  /** Clients with images of their own, each a client of the operators. */
  private static final class Training {
    private final FederatedTask task;
    private final List<LabelledImages> shares;
    private final UpdateCodec codec;
    private final Federation run;
    private List<float[]> updates = List.of();

    Training(
        FederatedTask task,
        List<LabelledImages> shares,
        FederatedTestSettings settings,
        String codec) {
      this.task = task;
      this.shares = shares;
      this.codec = UpdateCodecs.named(codec);
      this.run = new Federation(settings.build(), task.perceptron().initial(SEED), CHUNK);
      for (int i = 0; i < shares.size(); i++) {
        int client = i;
        run.client(
            name(client),
            (given, model, control) ->
                new Federation.Sent(
                    payloads(updates.get(client), given), List.of(), shares.get(client).count()));
      }
    }

    /**
     * Trains.
     *
     * @param against what the last clients do
     * @return accuracy of every version, the first included
     */
    double[] run(int rounds, List<Misconduct> against) {
      double[] accuracies = new double[rounds + 1];
      List<String> names =
          IntStream.range(0, shares.size()).mapToObj(FederatedImagesTest::name).toList();
      for (int round = 0; round <= rounds; round++) {
        double[] model = run.model();
        accuracies[round] = task.accuracy(model);
        if (round < rounds) {
          updates = updates(model, round, against);
          run.round(names);
        }
      }
      assertEquals(rounds + 1, run.versions.size());
      assertEquals(List.of(), run.refusals);
      return accuracies;
    }

    private List<float[]> updates(double[] model, int round, List<Misconduct> against) {
      int honest = shares.size() - against.size();
      List<float[]> all = new ArrayList<>();
      for (int client = 0; client < shares.size(); client++) {
        float[] own = task.update(model, shares.get(client), round, seed(round, client));
        all.add(
            client < honest
                ? own
                : against.get(client - honest).instead(own, List.copyOf(all.subList(0, honest))));
      }
      return all;
    }

    private List<byte[]> payloads(float[] update, UpdateTask given) {
      List<byte[]> payloads = new ArrayList<>();
      for (int chunk = 0; chunk * CHUNK < update.length; chunk++) {
        payloads.add(codec.encode(ChunkRecords.slice(update, chunk, CHUNK), given.getSeed()));
      }
      return payloads;
    }
  }

  private static long seed(long round, int client) {
    return SEED * 1_000_003 + round * 1_009 + client;
  }

  private static String name(int client) {
    return "client-" + client;
  }
}
