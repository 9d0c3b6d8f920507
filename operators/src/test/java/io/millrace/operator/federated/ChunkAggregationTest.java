package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.federated.FederatedSettings.Server;
import io.millrace.schema.ChunkReceipt;
import io.millrace.schema.Contribution;
import io.millrace.schema.RoundFreeze;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateTask;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Rounds over the chunks of a model: what becomes of updates, whole, broken, repeated. */
class ChunkAggregationTest {
  private static final int LENGTH = 700;
  private static final int CHUNK = 100;

  /** T1: one to five times each, in any order, on one partition or eight. */
  @ParameterizedTest
  @ValueSource(
      strings = {"plain", "random-k-0.3", "srht-0.3", "count-sketch-3x40", "qsgd-16", "top-k-0.1"})
  void orderRepetitionPartitionsAndRestartsLeaveNoTrace(String codec) {
    FederatedSettings settings =
        new FederatedTestSettings()
            .codecs(codec)
            .server(new Server(OptimiserName.ADAM, 1, 0.9, 0.99, 1e-3, 0))
            .build();
    List<String> clean = rounds(federation(settings, 1), 5).fingerprints();
    assertEquals(6 * 7, clean.size());
    for (long seed = 1; seed <= 3; seed++) {
      ChunkFederation shuffled = rounds(federation(settings, 8).chaos(seed), 5);
      assertEquals(clean, shuffled.fingerprints(), "seed " + seed);
      assertTrue(shuffled.refusals.size() > 100, shuffled.refusals.size() + " repeats");
    }
    assertEquals(clean, rounds(federation(settings, 2).restoring(), 5).fingerprints());
    assertNotEquals(clean, rounds(federation(settings, 1), 5, 77).fingerprints());
  }

  @Test
  void theMeanCountsByWeightAndFactor() {
    ChunkFederation run = federation(new FederatedTestSettings().build(), 1);
    run.update(run.task("a"), filled(1));
    run.update(run.task("b"), filled(-4));
    run.deliver();
    List<Contribution> parts =
        List.of(ChunkRecords.part("a", 0, 3, 1), ChunkRecords.part("b", 1, 1, 0.5));
    RoundFreeze freeze = ChunkRecords.freeze(1, parts, 2);
    freeze.setRate(0.5);
    run.close(freeze);
    // 0.5 x (3 x 1 + 1 x 0.5 x -4) / 4
    assertEquals(0.125, run.model()[LENGTH - 1], 1e-15);
  }

  @ParameterizedTest
  @CsvSource({"random-k-0.3", "srht-0.3", "mask-0.3-7"})
  void packedUpdatesSumLikeUnpackedOnes(String codec) {
    double[] packed = mean(codec, false);
    double[] unpacked = mean(codec, true);
    boolean moved = false;
    for (int i = 0; i < LENGTH; i++) {
      assertEquals(unpacked[i], packed[i], 1e-5, "number " + i);
      moved |= packed[i] != 0;
    }
    assertTrue(moved);
  }

  /** With a seed of their own, updates cannot be summed as they are. */
  private static double[] mean(String codec, boolean seedsDiffer) {
    FederatedSettings settings = new FederatedTestSettings().codecs(codec).build();
    Random random = new Random(9);
    double[] sum = new double[LENGTH];
    ChunkFederation run = federation(settings, 1);
    for (int i = 0; i < 4; i++) {
      float[] values = values(random);
      if (!seedsDiffer) {
        run.update(run.task("client-" + i), values);
        continue;
      }
      for (int chunk = 0; chunk < 7; chunk++) {
        UpdateCodec one = UpdateCodecs.named(codec);
        byte[] payload = one.encode(ChunkRecords.slice(values, chunk, CHUNK), 1);
        float[] unpacked = one.decode(payload, CHUNK, 1);
        for (int j = 0; j < CHUNK; j++) {
          sum[chunk * CHUNK + j] += unpacked[j] / 4;
        }
      }
    }
    if (!seedsDiffer) {
      run.close(1);
      assertEquals(List.of(), run.refusals);
      return run.model();
    }
    return sum;
  }

  @Test
  void coordinatesOutsideAMaskStayAndThoseInOneOfTwoAreNotHalved() {
    FederatedSettings settings =
        new FederatedTestSettings().codecs("mask-0.3-1", "mask-0.3-2").build();
    ChunkFederation run = new ChunkFederation(settings, new double[CHUNK], CHUNK, 1);
    int[] hits = new int[CHUNK];
    for (int i = 0; i < 2; i++) {
      String codec = settings.exchange().codecs().get(i);
      UpdateTask task = run.task("client-" + i);
      byte[] payload =
          UpdateCodecs.named(codec).encode(Arrays.copyOf(filled(1), CHUNK), task.getSeed());
      float[] reached = UpdateCodecs.named(codec).decode(payload, CHUNK, 0);
      for (int j = 0; j < CHUNK; j++) {
        hits[j] += (int) reached[j];
      }
      run.send(ChunkRecords.chunk(task, 0, 1, codec, payload, new byte[0]));
    }
    run.close(1);
    for (int j = 0; j < CHUNK; j++) {
      assertEquals(hits[j] == 0 ? 0 : 1, run.model()[j], 1e-12, hits[j] + " masks at " + j);
    }
    assertTrue(Arrays.stream(hits).anyMatch(hit -> hit == 1));
  }

  /** T4 as the chunk sees it. */
  @Test
  void anotherPayloadUnderTheSameTaskContestsTheUpdateForEver() {
    ChunkFederation run = federation(new FederatedTestSettings().build(), 2);
    UpdateTask task = run.task("two-faced");
    run.update(run.task("honest"), filled(1));
    run.update(task, filled(5));
    run.deliver();
    assertEquals(2, run.whole().size());
    byte[] other = new PlainCodec().encode(Arrays.copyOf(filled(6), CHUNK), 0);
    UpdateChunk second = ChunkRecords.chunk(task, 3, 7, "plain", other, new byte[0]);
    run.send(second);
    run.send(second);
    run.deliver();
    assertEquals(1, run.contested.size(), "contested once, then repeated");
    ChunkReceipt receipt = run.contested.get(0);
    assertEquals(second.getDigest(), receipt.getContestedDigest());
    assertNotEquals(receipt.getDigest(), receipt.getContestedDigest());
    assertEquals(1, run.refusals.size());
    assertTrue(run.refusals.get(0).startsWith("DUPLICATE"), run.refusals.get(0));
    run.close(1);
    assertArrayEquals(new double[] {1, 1}, new double[] {run.model()[0], run.model()[350]}, 1e-12);
    // Nor does it count after the round in which it was dropped.
    run.update(task, filled(5));
    run.deliver();
    assertTrue(run.refusals.get(run.refusals.size() - 1).startsWith("ENDED"));
    assertTrue(run.whole().isEmpty());
  }

  /** T5 as the chunks see it. */
  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, 1e30f})
  void oneBadNumberLeavesTheWholeUpdateOutInAllChunks(float bad) {
    FederatedSettings settings = new FederatedTestSettings().build();
    ChunkFederation run = federation(settings, 2);
    ChunkFederation without = federation(settings, 2);
    for (ChunkFederation each : List.of(run, without)) {
      each.update(each.task("a"), filled(1));
      UpdateTask task = each.task("bad");
      if (each == run) {
        for (int chunk = 0; chunk < 7; chunk++) {
          ByteBuffer payload = ByteBuffer.wrap(new byte[4 * CHUNK]);
          payload.order(ByteOrder.LITTLE_ENDIAN);
          if (chunk == 4) {
            payload.putFloat(4 * 17, bad);
          }
          each.chunk(task, chunk, payload.array(), new byte[0]);
        }
      }
      each.update(each.task("b"), filled(2));
      each.close(1);
    }
    assertEquals(1, run.refusals.size());
    String reason = Float.isFinite(bad) ? "OUT_OF_RANGE" : "NOT_FINITE";
    assertTrue(run.refusals.get(0).startsWith(reason), run.refusals.get(0));
    assertEquals(without.fingerprints(), run.fingerprints());
  }

  /** T10: the noise of a replay is that of the first time. */
  @Test
  void aNoisySumIsTheSameInEveryReplayAndAsLoudAsAsked() {
    FederatedSettings settings = new FederatedTestSettings().privacy(1, 1).build();
    List<String> first = noisy(settings, 1, null).fingerprints();
    assertEquals(first, noisy(settings, 8, 3L).fingerprints());
    double[] model = noisy(settings, 1, null).model();
    double square = 0;
    for (double value : model) {
      square += (value - 1) * (value - 1);
    }
    // Deviation 0.5 on the sum, over 2; its square over 700 numbers is within 6 deviations.
    assertEquals(0.0625, square / LENGTH, 0.0625 * 6 * Math.sqrt(2.0 / LENGTH));
    double[] second = noisy(settings, 2, null).model();
    assertArrayEquals(model, second);
    assertNotEquals(model[0] - 1, model[CHUNK] - 1, "each chunk has its own");
  }

  private static ChunkFederation noisy(FederatedSettings settings, int partitions, Long chaos) {
    ChunkFederation run = federation(settings, partitions);
    if (chaos != null) {
      run.chaos(chaos).restoring();
    }
    run.update(run.task("a"), filled(0.5f));
    run.update(run.task("b"), filled(1.5f));
    run.deliver();
    List<Contribution> parts = run.whole();
    RoundFreeze freeze = ChunkRecords.freeze(1, parts, 2);
    freeze.setNoise(0.5);
    run.close(freeze);
    return run;
  }

  /** T9: all rules, with and without mixing. */
  @ParameterizedTest
  @EnumSource(RobustRule.class)
  void aRuleOverSevenChunksIsTheRuleOverOne(RobustRule rule) {
    for (PreMixing mixing : PreMixing.values()) {
      FederatedSettings settings = new FederatedTestSettings().robust(mixing, rule, 3).build();
      double[] seven = attacked(federation(settings, 2));
      double[] one = attacked(new ChunkFederation(settings, new double[LENGTH], LENGTH, 1));
      for (int i = 0; i < LENGTH; i++) {
        // Rows and their reference are floats; only sums of products differ, in double.
        double tolerance = 1e-12 * Math.max(1, Math.abs(one[i]));
        assertEquals(one[i], seven[i], tolerance, rule + " after " + mixing + ", number " + i);
      }
    }
  }

  @Test
  void averagingFailsUnderAttackWhereMixingAndTrimmingDoNot() {
    double[] mean = attacked(federation(new FederatedTestSettings().build(), 1));
    double[] robust =
        attacked(
            federation(
                new FederatedTestSettings()
                    .robust(PreMixing.NEAREST_NEIGHBOURS, RobustRule.TRIMMED_MEAN, 3)
                    .build(),
                1));
    assertTrue(distance(mean) > 100, "mean is off by " + distance(mean));
    assertTrue(distance(robust) < 0.05 * Math.sqrt(LENGTH), "rule is off by " + distance(robust));
  }

  /** Twelve clients, of whom three send large nonsense; two rounds, for rules with a past. */
  private static double[] attacked(ChunkFederation run) {
    Random random = new Random(12);
    for (int round = 0; round < 2; round++) {
      for (int i = 0; i < 12; i++) {
        float[] values = new float[LENGTH];
        for (int j = 0; j < LENGTH; j++) {
          values[j] = (float) (i % 4 == 3 ? 50 : 1 + 0.1 * random.nextGaussian());
        }
        run.update(run.task("client-" + i), values);
      }
      run.close(0.5);
    }
    assertEquals(List.of(), run.refusals);
    assertEquals(2, run.version());
    return run.model();
  }

  private static double distance(double[] model) {
    return Math.sqrt(Arrays.stream(model).map(value -> (value - 1) * (value - 1)).sum());
  }

  /** T12 as the chunks see it. */
  @Test
  void aRoundStartsFromAnOlderVersionAfterARollBack() {
    ChunkFederation run = federation(new FederatedTestSettings().build(), 1);
    for (int round = 0; round < 3; round++) {
      run.update(run.task("a"), filled(1));
      run.close(1);
    }
    UpdateTask task = run.task("a");
    run.update(task, filled(10));
    run.deliver();
    RoundFreeze freeze =
        ChunkRecords.freeze(4, List.of(ChunkRecords.part("a", task.getSequence(), 1, 1)), 10);
    freeze.setParent(1L);
    run.close(freeze);
    assertEquals(4, run.version());
    assertEquals(11, run.model()[0], 1e-12);
    // Four are kept: version 0 is not.
    assertEquals(List.of(1L, 2L, 3L, 4L), new ArrayList<>(run.states[0].versions.keySet()));
  }

  @ParameterizedTest
  @CsvSource({"MOMENTUM, MEAN", "ADAM, MEAN", "DIFFGRAD, MEAN", "SGD, CENTERED_CLIPPING"})
  void aRollBackTakesTheStepsOfTheServerBackToo(OptimiserName optimiser, RobustRule rule) {
    FederatedSettings settings =
        new FederatedTestSettings()
            .server(new Server(optimiser, 0.5, 0.9, 0.99, 1e-3, 0))
            .robust(PreMixing.NONE, rule, 0)
            .build();
    ChunkFederation run = federation(settings, 1);
    run.update(run.task("a"), filled(3));
    run.close(0.5);
    double[] old = run.model();
    for (int round = 0; round < 2; round++) {
      run.update(run.task("a"), filled(15));
      run.close(0.5);
    }
    stepAfter(run, 1);
    ChunkFederation anew = new ChunkFederation(settings, old, CHUNK, 1);
    stepAfter(anew, 0);
    assertArrayEquals(anew.model(), run.model());
    assertEquals(List.of(), run.refusals);
  }

  /** A version from a parent. */
  private static void stepAfter(ChunkFederation run, long parent) {
    UpdateTask task = run.task("a");
    run.update(task, filled(2));
    run.deliver();
    List<Contribution> parts = List.of(ChunkRecords.part("a", task.getSequence(), 1, 1));
    RoundFreeze freeze = ChunkRecords.freeze(run.version() + 1, parts, 10);
    freeze.setParent(parent);
    freeze.setNeedsDecision(run.settings.robust().needsDecision());
    run.close(freeze);
  }

  @Test
  void aRollBackLeavesWhatIsRememberedOfClients() {
    FederatedSettings settings =
        new FederatedTestSettings().method(AveragingMethod.EF21).server(Server.plain(1)).build();
    ChunkFederation run = federation(settings, 1);
    for (int round = 0; round < 3; round++) {
      run.update(run.task("a"), filled(1));
      run.close(1);
    }
    stepAfter(run, 1);
    for (ChunkState chunk : run.states) {
      assertTrue(chunk.audit());
      assertEquals(5, chunk.memories.get("a").memory.value(0), 1e-9);
    }
  }

  @Test
  void aFreezeWaitsForAnUpdateThatHasNotCome() {
    ChunkFederation run = federation(new FederatedTestSettings().build(), 1);
    UpdateTask task = run.task("a");
    run.close(ChunkRecords.freeze(1, List.of(ChunkRecords.part("a", 0, 1, 1)), 3));
    run.close(ChunkRecords.freeze(2, List.of(ChunkRecords.part("b", 1, 1, 1)), 3));
    assertEquals(0, run.version());
    run.update(run.task("b"), filled(2));
    run.deliver();
    assertEquals(0, run.version());
    run.update(task, filled(3));
    run.deliver();
    assertEquals(2, run.version());
    assertEquals(5, run.model()[0], 1e-12);
    assertEquals(List.of(), run.refusals);
  }

  @Test
  void aStepToNumbersThatCannotBePublishedIsNotTaken() {
    FederatedSettings settings =
        new FederatedTestSettings().elementBytes(Float.BYTES).largestNorm(1e100).build();
    ChunkFederation run = federation(settings, 1).restoring();
    run.update(run.task("a"), filled(3e38f));
    run.close(1);
    run.update(run.task("a"), filled(3e38f));
    run.close(1);
    assertEquals(2, run.version());
    assertEquals(3e38f, (float) run.model()[0]);
    assertFalse(Double.isInfinite(run.model()[0]));
  }

  static ChunkFederation federation(FederatedSettings settings, int partitions) {
    return new ChunkFederation(settings, new double[LENGTH], CHUNK, partitions);
  }

  private static ChunkFederation rounds(ChunkFederation run, int rounds) {
    return rounds(run, rounds, 7);
  }

  /** Six clients a round. */
  private static ChunkFederation rounds(ChunkFederation run, int rounds, long seed) {
    Random random = new Random(seed);
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < 6; i++) {
        run.update(run.task("client-" + i), values(random));
      }
      run.close(0.1);
    }
    return run;
  }

  private static float[] values(Random random) {
    float[] values = new float[LENGTH];
    for (int i = 0; i < LENGTH; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  static float[] filled(float value) {
    float[] filled = new float[LENGTH];
    Arrays.fill(filled, value);
    return filled;
  }
}
