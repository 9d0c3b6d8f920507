package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Control and chunks together, on ten quadratics that disagree. */
class FederationTest {
  private static final int CLIENTS = Quadratics.CLIENTS;
  private static final int LENGTH = Quadratics.LENGTH;
  private static final int CHUNK = 7;
  private static final int STEPS = 10;

  private final Quadratics problem = new Quadratics(3);

  /** T1 over both operators. */
  @ParameterizedTest
  @CsvSource({
    "plain, NONE, MEAN",
    "random-k-0.5, NONE, MEAN",
    "qsgd-16, NEAREST_NEIGHBOURS, TRIMMED_MEAN",
    "plain, BUCKETING, GEOMETRIC_MEDIAN",
    "plain, NONE, CENTERED_CLIPPING"
  })
  void orderRepetitionAndRestartsLeaveNoTrace(String codec, PreMixing mixing, RobustRule rule) {
    FederatedTestSettings settings =
        new FederatedTestSettings().codecs(codec).robust(mixing, rule, 2).round(10, 5, 0);
    List<String> clean = averaging(federation(settings), codec, 0.02, 4).fingerprints();
    assertEquals(5, clean.size(), clean.toString());
    for (long seed = 1; seed <= 3; seed++) {
      Federation shuffled = federation(settings).chaos(seed);
      assertEquals(clean, averaging(shuffled, codec, 0.02, 4).fingerprints(), "seed " + seed);
      assertTrue(shuffled.refusals.size() > 50, shuffled.refusals.size() + " repeats");
    }
    Federation restored = federation(settings).chaos(9).restoring();
    assertEquals(clean, averaging(restored, codec, 0.02, 4).fingerprints());
  }

  /** T2: a hundred runs, each killed at random records, half of them without transactions. */
  @ParameterizedTest
  @CsvSource({
    "FEDAVG, plain, MEAN",
    "FEDAVG, qsgd-16, TRIMMED_MEAN",
    "EF21, top-k-0.3, MEAN",
    "SCAFFOLD, plain, MEAN"
  })
  void killsAtAnyRecordLoseNothingAndDoubleNothing(
      AveragingMethod method, String codec, RobustRule rule) {
    PreMixing mixing = rule == RobustRule.MEAN ? PreMixing.NONE : PreMixing.NEAREST_NEIGHBOURS;
    FederatedTestSettings settings =
        new FederatedTestSettings()
            .method(method)
            .codecs(codec)
            .robust(mixing, rule, 2)
            .round(10, 5, 0);
    Federation clean = rounds(remembering(federation(settings), method, codec), 4);
    assertEquals(4 * CLIENTS, included(clean));
    int kills = 0;
    for (long seed = 1; seed <= 25; seed++) {
      boolean transactions = seed % 2 == 0;
      Federation run = federation(settings).killed(seed, transactions);
      remembering(run, method, codec);
      for (int round = 0; round < 4; round++) {
        run.round(names());
      }
      kills += run.kills;
      // without transactions a commit may be said again, in the same words
      assertEquals(
          clean.fingerprints(),
          transactions ? run.fingerprints() : run.fingerprints().stream().distinct().toList(),
          "seed " + seed);
      if (transactions) {
        assertEquals(List.of(), run.refusals);
      }
    }
    assertTrue(kills >= 100, kills + " kills");
  }

  /** T12: the parent is the version rolled back to, and those after it can still be read. */
  @Test
  void aRoundAfterARollBackStartsFromTheOlderVersion() {
    Federation run = averaging(federation(new FederatedTestSettings()), "plain", 0.02, 5);
    double[] second = run.model(2);
    double[] fifth = run.model(5);
    run.rollBack(2);
    rounds(run, 1);
    assertEquals(2, run.versions.get(6).getParent());
    assertEquals(6, run.versions.get(6).getVersion());
    assertArrayEquals(second, run.model(2));
    assertArrayEquals(fifth, run.model(5));
    Federation straight = averaging(federation(new FederatedTestSettings()), "plain", 0.02, 3);
    assertArrayEquals(straight.model(), run.model());
  }

  /** T3 over both operators. */
  @Test
  void aChunkThatNeverComesKeepsItsUpdateOutOfAllChunks() {
    FederatedTestSettings settings = new FederatedTestSettings().round(10, 3, 1000);
    Federation run = federation(settings);
    Federation without = federation(settings);
    train(run, "plain", 0.02);
    train(without, "plain", 0.02);
    run.withhold(name(4), 2);
    List<String> nine = new ArrayList<>(names());
    nine.remove(4);
    run.round(names());
    without.round(nine);
    assertEquals(1, run.versions.size());
    run.tick(5000);
    run.settle();
    without.tick(5000);
    without.settle();
    assertEquals(2, run.versions.size());
    assertEquals(9, run.versions.get(1).getContributions().size());
    assertEquals(without.versions.get(1).getChunkDigests(), run.versions.get(1).getChunkDigests());
  }

  private Federation federation(FederatedTestSettings settings) {
    return new Federation(settings.build(), new double[LENGTH], CHUNK);
  }

  private Federation averaging(Federation run, String codec, double rate, int rounds) {
    train(run, codec, rate);
    return rounds(run, rounds);
  }

  private void train(Federation run, String codec, double rate) {
    for (int client = 0; client < CLIENTS; client++) {
      Gradient gradient = gradient(client);
      LocalSteps local = new LocalSteps(STEPS, rate, 0);
      run.client(
          name(client),
          (task, model, control) ->
              new Federation.Sent(
                  payloads(codec, local.update(gradient, model), task.getSeed()), List.of()));
    }
  }

  private Federation remembering(Federation run, AveragingMethod method, String codec) {
    TaskParameters parameters = TaskParameters.of(new FederatedTestSettings().build());
    for (int client = 0; client < CLIENTS; client++) {
      ClientMethod half = ClientMethods.of(method, parameters, LENGTH);
      LocalSteps local = new LocalSteps(STEPS, 0.02, 0);
      run.client(name(client), new MethodClient(half, local, gradient(client), codec, CHUNK));
    }
    return run;
  }

  private static int included(Federation run) {
    return run.versions.stream().mapToInt(version -> version.getContributions().size()).sum();
  }

  private static Federation rounds(Federation run, int rounds) {
    int before = run.versions.size();
    for (int round = 0; round < rounds; round++) {
      run.round(names());
    }
    assertEquals(before + rounds, run.versions.size());
    return run;
  }

  private static List<byte[]> payloads(String codec, float[] values, long seed) {
    List<byte[]> payloads = new ArrayList<>();
    for (int chunk = 0; chunk * CHUNK < LENGTH; chunk++) {
      float[] part = ChunkRecords.slice(values, chunk, CHUNK);
      payloads.add(UpdateCodecs.named(codec).encode(part, seed));
    }
    return payloads;
  }

  private static List<String> names() {
    List<String> names = new ArrayList<>();
    for (int client = 0; client < CLIENTS; client++) {
      names.add(name(client));
    }
    return names;
  }

  private static String name(int client) {
    return "client-" + client;
  }

  private Gradient gradient(int client) {
    return (x, out) -> problem.gradient(client, x, out);
  }
}
