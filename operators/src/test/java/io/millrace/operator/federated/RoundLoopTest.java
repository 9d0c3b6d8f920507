package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.federated.FederatedSettings.Buffered;
import io.millrace.operator.federated.FederatedSettings.Immediate;
import io.millrace.operator.federated.FederatedSettings.Synchronous;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.VersionCommit;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Control and chunks together, against formulas and against themselves in other orders. */
class RoundLoopTest {
  private static final int LENGTH = 25;

  private static float[] update(long seed, double scale) {
    Random random = new Random(seed);
    float[] values = new float[LENGTH];
    for (int i = 0; i < LENGTH; i++) {
      values[i] = (float) (scale * random.nextGaussian());
    }
    return values;
  }

  private static RoundLoop loop(ControlTestSettings settings, long seed, boolean chaos) {
    RoundLoop loop =
        new RoundLoop(settings.build(), new double[LENGTH], 10, new Random(seed), chaos);
    loop.tick(1_000);
    return loop;
  }

  @Test
  void aRoundIsTheMeanOfItsUpdatesTimesTheRate() {
    RoundLoop loop =
        loop(new ControlTestSettings().policy(new Synchronous(3, 2, 1000, false)), 1, false);
    for (int i = 0; i < 3; i++) {
      loop.upload(loop.ask("c" + i), update(i, 1));
    }
    loop.deliver();
    double[] expected = new double[LENGTH];
    for (int i = 0; i < 3; i++) {
      float[] update = update(i, 1);
      for (int j = 0; j < LENGTH; j++) {
        expected[j] += 0.5 * update[j] / 3;
      }
    }
    assertArrayEquals(expected, loop.model(), 1e-6);
    assertEquals(2, loop.versions.size());
    assertEquals(List.of(), loop.refusals);
  }

  /** T7, with the chunks' sums behind it. */
  @Test
  void aBufferIsTheClosedFormula() {
    RoundLoop loop =
        loop(
            new ControlTestSettings()
                .averaging(AveragingMethod.FEDBUFF)
                .policy(new Buffered(2, 1, 100)),
            2,
            false);
    TaskOffer old = loop.ask("old");
    loop.upload(loop.ask("a"), update(1, 1));
    loop.upload(loop.ask("b"), update(2, 1));
    loop.deliver();
    double[] before = loop.model().clone();
    loop.upload(old, update(3, 1));
    loop.upload(loop.ask("c"), update(4, 1));
    loop.deliver();
    double[] after = loop.model();
    float[] stale = update(3, 1);
    float[] fresh = update(4, 1);
    for (int i = 0; i < LENGTH; i++) {
      double step = 0.5 / 2 * (Math.pow(2, -0.5) * stale[i] + fresh[i]);
      assertEquals(before[i] + step, after[i], 1e-6);
    }
  }

  /** x = (1 - a) x + a y with a = rate s(age): the base counts. */
  @Test
  void anUpdateAtOnceIsMixedIn() {
    RoundLoop loop =
        loop(
            new ControlTestSettings().averaging(AveragingMethod.FEDASYNC).policy(new Immediate()),
            3,
            false);
    TaskOffer old = loop.ask("old");
    loop.upload(loop.ask("a"), update(1, 1));
    loop.deliver();
    double[] before = loop.model().clone();
    loop.upload(old, update(2, 1));
    loop.deliver();
    float[] mixed = update(2, 1);
    double share = 0.5 * Math.pow(2, -0.5);
    for (int i = 0; i < LENGTH; i++) {
      assertEquals((1 - share) * before[i] + share * mixed[i], loop.model()[i], 1e-6);
    }
  }

  @Test
  void anAttackedRoundIsSavedByItsRuleAndOnlyByIt() {
    for (boolean robust : new boolean[] {false, true}) {
      ControlTestSettings settings =
          new ControlTestSettings().policy(new Synchronous(8, 8, 0, false));
      if (robust) {
        settings.robust(PreMixing.NEAREST_NEIGHBOURS, RobustRule.TRIMMED_MEAN, 2);
      }
      RoundLoop loop = loop(settings, 4, false);
      for (int i = 0; i < 8; i++) {
        loop.upload(loop.ask("c" + i), update(i, i < 2 ? 1000 : 1));
      }
      loop.deliver();
      double largest = 0;
      for (double value : loop.model()) {
        largest = Math.max(largest, Math.abs(value));
      }
      assertTrue(robust ? largest < 2 : largest > 20, "largest is " + largest);
      assertEquals(
          robust ? List.of("c0", "c1") : List.of(),
          loop.versions.get(1).getRejected().stream()
              .map(rejection -> rejection.getClient())
              .toList());
    }
  }

  /** T5 as the control sees it: what the chunk refuses leaves the client out everywhere. */
  @Test
  void anUpdateWithANaNIsInNoChunk() {
    RoundLoop loop =
        loop(new ControlTestSettings().policy(new Synchronous(3, 2, 1000, false)), 5, false);
    float[] bad = update(9, 1);
    bad[13] = Float.NaN;
    loop.upload(loop.ask("bad"), bad);
    loop.upload(loop.ask("c1"), update(1, 1));
    loop.upload(loop.ask("c2"), update(2, 1));
    loop.deliver();
    assertEquals(1, loop.versions.size());
    loop.tick(2_000);
    double[] model = loop.model();
    for (int i = 0; i < LENGTH; i++) {
      assertEquals(0.25 * (update(1, 1)[i] + update(2, 1)[i]), model[i], 1e-6);
    }
    assertTrue(loop.refusals.stream().anyMatch(line -> line.startsWith("NOT_FINITE")));
    assertEquals("INCOMPLETE", loop.versions.get(1).getRejected().get(0).getReason());
  }

  /** T1 through both stages: any interleaving, repetition and restart, the same history. */
  @Test
  void interleavingRepetitionAndRestartsLeaveNoTrace() {
    List<ControlTestSettings> all =
        List.of(
            new ControlTestSettings().policy(new Synchronous(4, 2, 1000, false)),
            new ControlTestSettings()
                .policy(new Synchronous(4, 4, 0, false))
                .robust(PreMixing.NEAREST_NEIGHBOURS, RobustRule.TRIMMED_MEAN, 1),
            new ControlTestSettings()
                .policy(new Synchronous(4, 4, 0, false))
                .robust(PreMixing.NONE, RobustRule.GEOMETRIC_MEDIAN, 1),
            new ControlTestSettings()
                .policy(new Synchronous(4, 2, 1000, false))
                .privacy(2, 4, 0, 1e-5, 0));
    for (ControlTestSettings settings : all) {
      List<List<String>> histories = new ArrayList<>();
      for (long seed = 0; seed < 6; seed++) {
        histories.add(history(settings, seed));
      }
      for (List<String> history : histories) {
        assertEquals(histories.get(0), history);
      }
    }
  }

  private static List<String> history(ControlTestSettings settings, long seed) {
    RoundLoop loop = loop(settings, seed, seed > 0);
    for (int round = 0; round < 4; round++) {
      List<TaskOffer> offers = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        offers.add(loop.ask("c" + i));
      }
      for (int i = 0; i < 4; i++) {
        loop.upload(offers.get(i), update(10 * round + i, 1));
      }
      loop.deliver();
    }
    List<String> history = new ArrayList<>();
    for (VersionCommit commit : loop.versions) {
      history.add(HexFormat.of().formatHex(CanonicalBytes.array(commit.getLineage())));
      for (int chunk = 0; chunk < 3; chunk++) {
        assertArrayEquals(
            loop.digests.get(RoundLoop.key(commit.getVersion(), chunk)),
            CanonicalBytes.array(commit.getChunkDigests().get(chunk)));
      }
    }
    assertEquals(5, history.size());
    return history;
  }
}
