package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.federated.FederatedSettings.Buffered;
import io.millrace.operator.federated.FederatedSettings.Immediate;
import io.millrace.operator.federated.FederatedSettings.Synchronous;
import io.millrace.schema.Contribution;
import io.millrace.schema.ModelPointer;
import io.millrace.schema.RoundDecision;
import io.millrace.schema.RoundFreeze;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.VersionCommit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Buffers, versions at once, roll-backs, robust decisions, and plans of codecs. */
class RoundPolicyTest {
  private static final int CHUNKS = 3;

  private static ControlRun buffered(int size, double correction) {
    return ControlRun.started(
        new ControlTestSettings()
            .averaging(AveragingMethod.FEDBUFF)
            .policy(new Buffered(size, correction, 500)),
        CHUNKS);
  }

  /**
   * T7: whatever the order of arrival, a buffer's updates weigh as the closed formula says: (age +
   * 1)^-1/2 / K.
   */
  @Test
  void aBufferWeighsByStalenessInAnyOrder() {
    for (long seed = 0; seed < 5; seed++) {
      ControlRun run = buffered(4, 1);
      List<TaskOffer> aged = new ArrayList<>();
      for (int age = 3; age >= 0; age--) {
        aged.add(run.ask("aged-" + age));
        for (int i = 0; i < 4 && age > 0; i++) {
          run.contribute("other");
        }
        if (age > 0) {
          run.publish();
        }
      }
      Collections.shuffle(aged, new Random(seed));
      aged.forEach(run::upload);
      RoundFreeze freeze = run.freeze();
      for (int age = 0; age < 4; age++) {
        Contribution part = freeze.getContributions().get(age);
        assertEquals("aged-" + age, part.getClient());
        assertEquals(
            Math.pow(age + 1, -0.5) / 4, part.getWeight() / freeze.getDivisor(), 1e-6);
      }
    }
  }

  @Test
  void aFastClientFillsABufferAloneAndNeedsNoRounds() {
    ControlRun run = buffered(3, 1);
    for (int i = 0; i < 3; i++) {
      run.contribute("fast");
    }
    assertEquals(3, run.freeze().getContributions().size());
    // while the version is being made, work goes on, on the newest there is
    TaskOffer during = run.contribute("fast");
    assertEquals(0, during.getTask().getBaseVersion());
    run.contribute("slow");
    run.publish();
    run.contribute("slow");
    assertEquals(
        List.of("fast", "slow", "slow"), ControlRun.clients(run.freeze()), "leftovers count");
    assertEquals(2, run.freeze().getVersion());
  }

  /** Half of the clients come four times as often: corrected, each counts as much as another. */
  @Test
  void correctionMakesUpForTheFrequencyOfClients() {
    for (double bound : new double[] {1, 8}) {
      ControlRun run = buffered(10, bound);
      double[] weights = new double[10];
      Random random = new Random(3);
      for (int arrival = 0; arrival < 4000; arrival++) {
        int dice = random.nextInt(25);
        int client = dice < 5 ? dice : 5 + (dice - 5) / 4;
        run.contribute("c" + client);
        if (run.state.openOrNull != null) {
          for (Contribution part : run.freeze().getContributions()) {
            if (arrival > 2000) {
              weights[part.getClient().charAt(1) - '0'] +=
                  part.getWeight() / run.freeze().getDivisor();
            }
          }
          run.publish();
          run.outputs.clear();
        }
      }
      double slow = Arrays.stream(weights, 0, 5).sum();
      double fast = Arrays.stream(weights, 5, 10).sum();
      assertEquals(bound == 1 ? 4 : 1, fast / slow, bound == 1 ? 0.5 : 0.15);
    }
  }

  @Test
  void everyUpdateMakesAVersionAtOnce() {
    ControlRun run =
        ControlRun.started(
            new ControlTestSettings()
                .averaging(AveragingMethod.FEDASYNC)
                .policy(new Immediate())
                .staleness(new Staleness.Hinge(10, 0), 2),
            CHUNKS);
    TaskOffer old = run.ask("old");
    TaskOffer older = run.ask("older");
    run.contribute("a");
    run.publish();
    run.upload(old);
    Contribution part = run.freeze().getContributions().get(0);
    assertEquals(1.0 / 11, part.getWeight() / run.freeze().getDivisor(), 1e-6);
    run.publish();
    run.contribute("b");
    run.publish();
    assertEquals(List.of("older:STALE", "b:INCLUDED"), sorted(run.lastOutcomes()));
    FederatedInput late = ControlRun.authorise(run.update(older).receipt(0));
    run.accept(late);
    assertFalse(run.state.dropped.isEmpty());
  }

  private static List<String> sorted(List<String> outcomes) {
    return outcomes.stream().sorted(Collections.reverseOrder()).toList();
  }

  @Test
  void tasksExpireByTicks() {
    ControlRun run =
        ControlRun.started(
            new ControlTestSettings()
                .averaging(AveragingMethod.FEDBUFF)
                .policy(new Buffered(3, 1, 100))
                .taskMillis(500),
            CHUNKS);
    TaskOffer offer = run.ask("a");
    assertEquals(1_500_000, offer.getTask().getExpiresMicros());
    run.receipt(offer, 0);
    run.ask("b");
    run.tick(1_499);
    assertEquals(List.of(), run.lastOutcomes());
    run.tick(1_500);
    assertEquals(List.of("a:INCOMPLETE", "b:LATE"), run.lastOutcomes());
    assertEquals(
        Reason.LATE,
        run.refused(new FederatedInput.Commit(run.update(offer).commit())).reason());
  }

  @Test
  void whatFailedRoundsLeaveIsForgottenBeforeItTakesAllRoom() {
    ControlRun run =
        ControlRun.started(
            new ControlTestSettings().policy(new Synchronous(4, 4, 1000, false)).pendingUpdates(8),
            CHUNKS);
    long forgotten = 0;
    for (int round = 0; round < 20; round++) {
      run.contribute("a");
      run.contribute("b");
      run.contribute("c");
      run.tick(1_000L * (round + 2));
    }
    for (RoundFreeze freeze : run.freezes()) {
      assertEquals(List.of(), freeze.getContributions());
      forgotten += freeze.getDropped().size();
    }
    assertTrue(forgotten >= 57, forgotten + " forgotten");
    assertTrue(run.state.dropped.size() <= 2);
  }

  /** T12. */
  @Test
  void aRollBackMakesTheOlderVersionTheNextOnesParent() {
    ControlRun run =
        ControlRun.started(
            new ControlTestSettings().policy(new Synchronous(1, 1, 1000, false)), CHUNKS);
    List<VersionCommit> commits = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      run.contribute("a");
      commits.add(run.publish());
    }
    TaskOffer lost = run.ask("b");
    run.receipt(lost, 0);
    run.accept(ControlRun.authorise(new ModelPointer(ControlRun.MODEL, 2L, "ROLLED_BACK")));
    assertEquals(List.of("b:STALE"), run.lastOutcomes());
    ModelPointer pointer = run.last(FederatedOutput.Pointer.class).get(0).pointer();
    assertEquals(2, pointer.getVersion());
    assertEquals("ROLLED_BACK", pointer.getCause());
    assertEquals(
        Reason.LATE, run.refused(new FederatedInput.Commit(run.update(lost).commit())).reason());
    TaskOffer next = run.contribute("a");
    assertEquals(2, next.getTask().getBaseVersion());
    assertEquals(2, run.freeze().getParent());
    assertEquals(6, run.freeze().getVersion());
    assertEquals(List.of(lost.getTask().getSequence()), run.freeze().getDropped());
    VersionCommit commit = run.publish();
    assertEquals(2, commit.getParent());
    assertEquals(6, commit.getVersion());
    assertEquals(
        List.of("a:INCLUDED"), run.lastOutcomes(), "it is not stale: it started from version 2");
    assertEquals(0, run.allOutcomes().get(run.allOutcomes().size() - 1).getStaleness());
    byte[] lineage = Digests.lineage(commit, commits.get(1).getLineage());
    assertEquals(java.nio.ByteBuffer.wrap(lineage), commit.getLineage());
    // versions 3 to 6 are kept
    assertEquals(
        Reason.UNKNOWN_MODEL,
        run.refused(ControlRun.authorise(new ModelPointer(ControlRun.MODEL, 2L, ""))).reason());
    assertEquals(
        Reason.DUPLICATE,
        run.refused(ControlRun.authorise(new ModelPointer(ControlRun.MODEL, 6L, ""))).reason());
  }

  @Test
  void aRollBackWaitsForTheVersionBeingMade() {
    ControlRun run =
        ControlRun.started(
            new ControlTestSettings().policy(new Synchronous(1, 1, 1000, false)), CHUNKS);
    run.contribute("a");
    run.rollBack(0);
    assertEquals(List.of(), run.last);
    run.publish();
    List<FederatedOutput.Pointer> pointers = run.last(FederatedOutput.Pointer.class);
    assertEquals(1, pointers.get(0).pointer().getVersion());
    assertEquals(0, pointers.get(1).pointer().getVersion());
    run.contribute("a");
    assertEquals(0, run.freeze().getParent());
  }

  /** Six honest vectors, two of far away, as rows a to h. */
  private static double[][] attacked() {
    double[][] rows = new double[8][6];
    Random random = new Random(1);
    for (int i = 0; i < 8; i++) {
      for (int c = 0; c < 6; c++) {
        rows[i][c] = (i == 2 || i == 5 ? 100 : 1) + 0.1 * random.nextGaussian();
      }
    }
    return rows;
  }

  private static ControlRun robust(PreMixing mixing, RobustRule rule) {
    ControlRun run =
        ControlRun.started(
            new ControlTestSettings()
                .policy(new Synchronous(8, 8, 0, false))
                .robust(mixing, rule, 2),
            CHUNKS);
    for (String client : List.of("a", "b", "c", "d", "e", "f", "g", "h")) {
      run.contribute(client);
    }
    return run;
  }

  private static RoundDecision decision(ControlRun run, double[][] rows, int... order) {
    for (int chunk : order) {
      assertEquals(List.of(), run.last(FederatedOutput.Command.class).stream()
          .filter(command -> chunk != order[0]).toList());
      run.authorised(run.gram(rows, chunk));
    }
    FederatedOutput.Command command = run.last(FederatedOutput.Command.class).get(1);
    return SingleObject.of(RoundDecision.class)
        .decode(ControlRun.AUTHORITY.open(command.key(), command.record()));
  }

  @Test
  void multiKrumIsDecidedFromTheSumOfAllChunks() {
    ControlRun run = robust(PreMixing.NONE, RobustRule.MULTI_KRUM);
    assertEquals(List.of(1, 1, 1, 1, 1, 1, 1, 1),
        run.freeze().getContributions().stream().map(Contribution::getWeight).toList());
    assertTrue(run.freeze().getNeedsDecision());
    RoundDecision decision = decision(run, attacked(), 2, 0, 1);
    double sixth = 1.0 / 6;
    assertEquals(
        List.of(sixth, sixth, 0.0, sixth, sixth, 0.0, sixth, sixth), decision.getWeights());
    assertEquals(List.of("c:RULE", "f:RULE"), run.lastOutcomes());
    VersionCommit commit = run.publish();
    assertEquals("fedavg/multi-krum/sgd", commit.getRule());
    assertEquals(
        List.of("a", "b", "d", "e", "g", "h"),
        commit.getContributions().stream().map(Contribution::getClient).toList());
    assertEquals(2, commit.getRejected().size());
  }

  @Test
  void nearestNeighbourMixingYieldsGroupsAndTellsWhoIsNobodysNeighbour() {
    ControlRun run = robust(PreMixing.NEAREST_NEIGHBOURS, RobustRule.TRIMMED_MEAN);
    RoundDecision decision = decision(run, attacked(), 1, 2, 0);
    assertEquals(List.of(), decision.getWeights());
    assertEquals(8, decision.getGroups().size());
    assertEquals(List.of(0, 1, 3, 4, 6, 7), decision.getGroups().get(0));
    assertTrue(decision.getGroups().get(2).containsAll(List.of(2, 5)));
    assertEquals(List.of("c:RULE", "f:RULE"), run.lastOutcomes());
  }

  /** Summed in the order of chunks, so that the weights are the same bits in any order. */
  @Test
  void theOrderOfGramMatricesLeavesNoTrace() {
    for (RobustRule rule : List.of(RobustRule.FLAG, RobustRule.MULTI_KRUM)) {
      List<RoundDecision> decisions = new ArrayList<>();
      for (int[] order : new int[][] {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {1, 0, 2}}) {
        decisions.add(decision(robust(PreMixing.NONE, rule), attacked(), order));
      }
      for (RoundDecision decision : decisions) {
        assertEquals(decisions.get(0), decision);
      }
    }
  }

  @Test
  void rulesWithAReferenceHaveOneMoreRow() {
    double[][] rows = Arrays.copyOf(attacked(), 9);
    rows[8] = new double[] {1, 1, 1, 1, 1, 1};
    RoundDecision decision =
        decision(robust(PreMixing.NONE, RobustRule.NEAREST_NEIGHBOUR_AVERAGING), rows, 0, 1, 2);
    assertEquals(9, decision.getWeights().size());
    assertEquals(0.0, decision.getWeights().get(5));
    assertEquals(1.0 / 6, decision.getWeights().get(7));
    assertEquals(0.0, decision.getWeights().get(8));
    ControlRun run = robust(PreMixing.NONE, RobustRule.GEOMETRIC_MEDIAN);
    assertEquals(
        Reason.WRONG_DIMENSION,
        run.refused(ControlRun.authorise(run.gram(attacked(), 0))).reason());
  }

  @Test
  void roundsTooSmallForTheRuleAreRefusedAtTheStart() {
    for (RobustRule rule :
        List.of(
            RobustRule.KRUM,
            RobustRule.MULTI_KRUM,
            RobustRule.NEAREST_NEIGHBOUR_AVERAGING,
            RobustRule.TRIMMED_MEAN)) {
      FederatedSettings settings =
          new ControlTestSettings()
              .policy(new Synchronous(8, 3, 0, false))
              .robust(PreMixing.NONE, rule, 3)
              .build();
      assertThrows(
          IllegalArgumentException.class,
          () -> new RoundControl(settings, ControlRun.AUTHORITY),
          rule.id());
    }
  }

  /** One chunk is noise, where coarse codecs cost much; the others hardly care. */
  @Test
  void aPlanSavesBytesWithinTheErrorOfTheFirstCodec() {
    ControlRun run =
        ControlRun.started(
            new ControlTestSettings()
                .policy(new Synchronous(2, 2, 0, false))
                .codecs("qsgd-16", "qsgd-2", "qsgd-255"),
            CHUNKS);
    List<Float> errors = List.of(1f, 40f, 0.01f, 1f, 1.2f, 0.9f, 1f, 1.3f, 0.9f);
    assertEquals(-1, run.ask("a").getPlan());
    for (String client : List.of("a", "b")) {
      TaskOffer offer = run.ask(client);
      run.upload(
          run.update(offer),
          commit -> {
            commit.setCodecErrors(errors);
            return commit;
          });
    }
    run.publish();
    FederatedOutput.Plan plan = run.all(FederatedOutput.Plan.class).get(0);
    assertEquals(0, plan.plan().getVersion());
    assertEquals("digits/plan", plan.key());
    assertTrue(plan.plan().getBytes() <= plan.plan().getUniformBytes());
    double spent = 0;
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      int level =
          List.of("qsgd-16", "qsgd-2", "qsgd-255").indexOf(plan.plan().getCodecs().get(chunk));
      spent += errors.get(3 * chunk + level);
    }
    assertTrue(spent <= 3, "error " + spent);
    assertEquals(best(run, errors), plan.plan().getBytes());
    assertEquals(0, run.ask("a").getPlan());
  }

  /** Least bytes of all 27 plans whose errors sum to no more than 3. */
  private static long best(ControlRun run, List<Float> errors) {
    List<String> codecs = List.of("qsgd-16", "qsgd-2", "qsgd-255");
    long best = Long.MAX_VALUE;
    for (int code = 0; code < 27; code++) {
      int[] levels = {code % 3, code / 3 % 3, code / 9};
      double error = 0;
      long bytes = 0;
      for (int chunk = 0; chunk < 3; chunk++) {
        error += errors.get(3 * chunk + levels[chunk]);
        int length = chunk < 2 ? 10 : 7;
        float[] noise = new float[length];
        for (int i = 0; i < length; i++) {
          noise[i] = (float) (SeededBits.uniform(1, i) - 0.5);
        }
        bytes += UpdateCodecs.named(codecs.get(levels[chunk])).encode(noise, 1).length;
      }
      best = error <= 3 ? Math.min(best, bytes) : best;
    }
    return best;
  }
}
