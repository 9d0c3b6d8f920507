package io.millrace.operator.federated;

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

  private static Federation rounds(Federation run, int rounds) {
    for (int round = 0; round < rounds; round++) {
      run.round(names());
    }
    assertEquals(rounds + 1, run.versions.size());
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
