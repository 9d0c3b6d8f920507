package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.federated.FederatedSettings.Masked;
import io.millrace.operator.federated.FederatedSettings.Masking;
import io.millrace.operator.federated.FederatedSettings.Synchronous;
import io.millrace.schema.Contribution;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** Secure aggregation through both operators. */
class MaskedRoundsTest {
  private static final double RATE = 0.5;

  static ControlTestSettings settings(int target, int minimum) {
    return new ControlTestSettings()
        .admission(1e6, 7, false)
        .policy(
            new Masked(
                new Synchronous(target, minimum, 5000, false), new Masking(0.5, 0, 0.5f, 1000)));
  }

  private static TreeSet<String> names(int n) {
    TreeSet<String> names = new TreeSet<>();
    for (int i = 0; i < n; i++) {
      names.add("client-" + i);
    }
    return names;
  }

  /** T11 over both operators: version 1 is the weighted mean of the survivors, to 1e-7. */
  @Test
  void versionIsTheExactMeanOfTheSurvivorsThroughCrashes() {
    MaskedFederation run = new MaskedFederation(settings(8, 5).build(), true, 1);
    TreeSet<String> partly = new TreeSet<>(List.of("client-1", "client-6"));
    run.round(names(8), partly);
    assertEquals(1, run.versions.size());
    TreeSet<String> survivors = names(8);
    survivors.removeAll(partly);
    survivors.stream().skip(1).forEach(run::reveal);
    assertEquals(2, run.versions.size(), run.refusals.toString());
    assertEquals(List.of(), run.refusals);
    assertEquals(
        List.copyOf(survivors),
        run.versions.get(1).getContributions().stream().map(Contribution::getClient).toList());
    assertMean(run, survivors, 56, 1);
    // the next round starts anew
    run.round(names(8), new TreeSet<>());
    names(8).forEach(name -> reveal(run, name));
    assertEquals(3, run.versions.size(), run.refusals.toString());
  }

  private static void reveal(MaskedFederation run, String name) {
    if (run.controlState.secureOrNull != null) {
      run.reveal(name);
    }
  }

  private static void assertMean(
      MaskedFederation run, TreeSet<String> survivors, long totalWeight, long version) {
    MaskedScale scale = MaskedScale.finest(0.5f, totalWeight);
    for (int chunk = 0; chunk < MaskedFederation.CHUNKS; chunk++) {
      long[] sum = new long[MaskedFederation.length(chunk)];
      long weights = 0;
      for (String name : survivors) {
        int weight = MaskedFederation.examples(name);
        weights += weight;
        float[] values = run.values(name, chunk);
        for (int i = 0; i < sum.length; i++) {
          sum[i] += (long) Math.rint((double) values[i] * weight / scale.unit());
        }
      }
      double[] got = run.published.get(FederatedKeys.modelChunk(ControlRun.MODEL, version, chunk));
      double[] expected = new double[sum.length];
      for (int i = 0; i < sum.length; i++) {
        expected[i] = (float) (RATE * (sum[i] * (scale.unit() / weights)));
      }
      assertArrayEquals(expected, got, 1e-7, "chunk " + chunk);
    }
  }

  @Test
  void roundWithoutEnoughRevealsFailsAndTheNextOneIsWhole() {
    MaskedFederation run = new MaskedFederation(settings(4, 3).build(), true, 2);
    run.round(names(4), new TreeSet<>());
    run.reveal("client-0");
    run.reveal("client-1");
    run.tick(run.now() + 1_000);
    assertEquals(1, run.versions.size());
    assertEquals(1, run.controlState.currentRound());
    run.round(names(4), new TreeSet<>());
    names(4).forEach(name -> reveal(run, name));
    assertEquals(2, run.versions.size());
    assertMean(run, names(4), 28, 1);
  }

  /** Another chunk under the same task after survivors were named: no version holds either. */
  @Test
  void updateContestedAfterSurvivorsWereNamedFailsTheRound() {
    MaskedFederation run = new MaskedFederation(settings(4, 3).build(), true, 3);
    run.round(names(4), new TreeSet<>());
    run.forge("client-2");
    assertEquals(1, run.controlState.currentRound());
    assertEquals(1, run.versions.size());
  }

  /**
   * Central noise on the sum that nobody sees without it: drawn by the aggregator, rounded to the
   * grid of the sum, the same after a crash, and charged as in open rounds.
   */
  @Test
  void centralNoiseLiesOnTheGridOfTheSumAndIsChargedOnce() {
    double clip = 0.25;
    double multiplier = 4;
    FederatedSettings noisy =
        settings(4, 3).privacy(clip, multiplier, 0, 1e-5, 0).admission(1e6, 7, false).build();
    MaskedFederation run = new MaskedFederation(noisy, false, 9);
    MaskedFederation crashing = new MaskedFederation(noisy, true, 9);
    for (MaskedFederation one : List.of(run, crashing)) {
      one.largestExamples = 1; // all count alike: noise is for one client's part
      one.round(names(4), new TreeSet<>(List.of("client-2")));
      names(4).stream().filter(name -> !name.equals("client-2")).forEach(name -> reveal(one, name));
      assertEquals(2, one.versions.size(), one.refusals.toString());
    }
    TreeSet<String> survivors = names(4);
    survivors.remove("client-2");
    MaskedScale scale = MaskedScale.finest(0.5f, 4);
    CounterNoise noise = ControlRun.AUTHORITY.noise();
    double squares = 0;
    for (int chunk = 0; chunk < MaskedFederation.CHUNKS; chunk++) {
      String key = FederatedKeys.modelChunk(ControlRun.MODEL, 1, chunk);
      double[] got = run.published.get(key);
      assertArrayEquals(got, crashing.published.get(key), 0);
      double[] drawn = noise.chunk(ControlRun.MODEL, 1, chunk, got.length, multiplier * clip);
      for (int i = 0; i < got.length; i++) {
        long sum = Math.round(drawn[i] / scale.unit());
        for (String name : survivors) {
          sum += (long) Math.rint((double) run.values(name, chunk)[i] / scale.unit());
        }
        assertEquals((float) (RATE * (sum * (scale.unit() / 3))), got[i], 1e-7, "chunk " + chunk);
        squares += drawn[i] * drawn[i];
      }
    }
    double deviation = Math.sqrt(squares / MaskedFederation.LENGTH);
    assertEquals(multiplier * clip, deviation, 0.5, "28 draws of deviation 1");
    // 4 at delta 1e-5, once: the research notes' value; who dropped out has given nothing away
    assertEquals(survivors, run.accounts.keySet());
    run.accounts.values().forEach(account -> assertEquals(0.9263, account.getEpsilon(), 1e-3));
    assertEquals(0.9263, run.versions.get(1).getEpsilon(), 1e-3);
  }

  @Test
  void plainUpdatesAreRefusedInMaskedRounds() {
    MaskedFederation run = new MaskedFederation(settings(4, 3).build(), false, 5);
    names(4).forEach(run::ask);
    names(4).forEach(run::keys);
    names(4).forEach(run::deal);
    run.offers.get("client-0").setCodec("plain");
    run.send("client-0", 0, 1, false);
    assertEquals(Reason.INCONSISTENT, run.refusals.get(0).reason());
    run.offers.get("client-0").setCodec("masked");
    run.keys("client-1");
    assertEquals(Reason.DUPLICATE, run.refusals.get(1).reason());
  }

  @Test
  void settingsThatNeedSingleUpdatesAreRefusedWithMasks() {
    settings(4, 3).privacy(1, 2, 0, 1e-5, 0).build();
    for (ControlTestSettings bad :
        List.of(
            settings(4, 3).averaging(AveragingMethod.SCAFFOLD),
            settings(4, 3).robust(PreMixing.NONE, RobustRule.KRUM, 1),
            settings(4, 3).robust(PreMixing.BUCKETING, RobustRule.MEAN, 0),
            settings(4, 3).codecs("sign"),
            settings(4, 3).codecs("plain", "srht-0.5"),
            settings(4, 3).codecs("srht-0.5").privacy(1, 2, 0, 1e-5, 0),
            settings(4, 3).privacy(1, 0, 0, 1e-5, 0.5),
            settings(4, 3).admission(1, 1 << 28, false))) {
      assertThrows(IllegalArgumentException.class, bad::build);
    }
  }

  /** The laws of the control while rounds are masked; the last one is left open. */
  @Nested
  class MaskedLaws extends RoundControlLawsTest.ControlContract {
    @Override
    ControlTestSettings settings() {
      return MaskedRoundsTest.settings(4, 3);
    }

    @Override
    protected List<FederatedInput> inputs(long seed) {
      return run(seed).controlInputs;
    }

    @Override
    protected void overwrite(FederatedInput input) {
      super.overwrite(input);
      if (input instanceof FederatedInput.Keys keys) {
        fill(keys.keys().getMaskingKey());
        fill(keys.keys().getSealingKey());
      } else if (input instanceof FederatedInput.Shares shares) {
        fill(shares.shares().getSeedDigest());
        shares.shares().getShares().forEach(share -> fill(share.getSealed()));
      } else if (input instanceof FederatedInput.Reveal reveal) {
        reveal.reveal().getShares().forEach(share -> fill(share.getShare()));
      }
    }
  }

  /** Four rounds: whole, with a drop-out, failed, and one that waits for its reveals. */
  static MaskedFederation run(long seed) {
    MaskedFederation run = new MaskedFederation(settings(4, 3).build(), false, seed);
    run.round(names(4), new TreeSet<>());
    names(4).forEach(name -> reveal(run, name));
    run.round(names(4), new TreeSet<>(List.of("client-3")));
    names(3).forEach(run::reveal);
    run.round(names(4), new TreeSet<>(List.of("client-0", "client-1")));
    run.round(names(4), new TreeSet<>(List.of("client-0")));
    run.reveal("client-1");
    assertEquals(3, run.versions.size());
    assertTrue(run.refusals.isEmpty(), run.refusals.toString());
    return run;
  }
}
