package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.federated.FederatedSettings.Synchronous;
import io.millrace.schema.RoundFreeze;
import io.millrace.schema.RoundPhase;
import io.millrace.schema.RoundStatus;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.UpdateOutcome;
import io.millrace.schema.VersionCommit;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Rounds, their deadlines, and what becomes of each update. */
class RoundControlTest {
  private static final int CHUNKS = 3;

  private static ControlRun rounds(int target, int minimum, boolean carries) {
    return ControlRun.started(
        new ControlTestSettings().policy(new Synchronous(target, minimum, 1000, carries)), CHUNKS);
  }

  @Test
  void theFirstVersionIsWholeWithItsChunksAndItsDefinitionInAnyOrder() {
    ControlRun run = new ControlRun(new ControlTestSettings().build(), CHUNKS);
    run.done(0, 2);
    run.done(0, 0);
    run.authorised(run.definition());
    assertEquals(-1, run.state.newestVersion());
    assertEquals(RoundPhase.STARTING, run.all(FederatedOutput.Status.class).isEmpty()
        ? RoundPhase.STARTING
        : run.all(FederatedOutput.Status.class).get(0).status().getPhase());
    run.done(0, 1);
    VersionCommit commit = run.last(FederatedOutput.Version.class).get(0).commit();
    assertEquals(0, commit.getVersion());
    assertEquals(-1, commit.getParent());
    assertEquals(CHUNKS, commit.getChunkDigests().size());
    assertArrayEquals(
        ControlRun.versionDigest(0, 1), CanonicalBytes.array(commit.getChunkDigests().get(1)));
    assertEquals(
        "PUBLISHED", run.last(FederatedOutput.Pointer.class).get(0).pointer().getCause());
  }

  @Test
  void aRoundClosesAtItsTargetAndItsVersionNamesWhatIsInIt() {
    ControlRun run = rounds(3, 2, false);
    for (String client : List.of("c", "a", "b")) {
      run.contribute(client);
    }
    RoundFreeze freeze = run.freeze();
    assertEquals(List.of("a", "b", "c"), ControlRun.clients(freeze));
    assertEquals(1, freeze.getVersion());
    assertEquals(0, freeze.getParent());
    assertEquals(30, freeze.getTotalWeight());
    assertEquals(30.0, freeze.getDivisor());
    assertEquals(0.5, freeze.getRate());
    assertTrue(freeze.getLargest() >= Math.sqrt(4.0 / CHUNKS));
    VersionCommit commit = run.publish();
    assertEquals(freeze.getContributions(), commit.getContributions());
    assertEquals("fedavg/mean/sgd", commit.getRule());
    assertEquals(Map.of("loss", 0.5), commit.getMeasures());
    assertEquals(List.of(), commit.getRejected());
    assertEquals(List.of("a:INCLUDED", "b:INCLUDED", "c:INCLUDED"), run.lastOutcomes());
    assertEquals(1, run.state.newestVersion());
  }

  @Test
  void aChunkHasItsCommandUnderItsOwnKeyAlone() {
    ControlRun run = rounds(1, 1, false);
    run.contribute("a");
    List<FederatedOutput.Command> commands = run.last(FederatedOutput.Command.class);
    assertEquals(CHUNKS, commands.size());
    Set<String> keys = new TreeSet<>();
    commands.forEach(command -> keys.add(command.key()));
    assertEquals(Set.of("digits/000000", "digits/000001", "digits/000002"), keys);
    commands.forEach(command -> ControlRun.AUTHORITY.open(command.key(), command.record()));
  }

  @Test
  void whoAsksAgainGetsTheSameTaskWithWhatIsMissing() {
    ControlRun run = rounds(3, 2, false);
    TaskOffer offer = run.ask("a");
    assertEquals(List.of(), offer.getMissing());
    assertEquals(offer, run.ask("a"));
    run.receipt(offer, 1);
    TaskOffer again = run.ask("a");
    assertEquals(offer.getTask(), again.getTask());
    assertEquals(List.of(0, 2), again.getMissing());
    run.receipt(offer, 0);
    run.receipt(offer, 2);
    // only the commit is missing; an empty list would mean all chunks
    assertEquals(List.of(2), run.ask("a").getMissing());
    run.commit(offer);
    run.accept(ControlRun.request("a"));
    assertEquals(List.of(), run.offers(), "one update a round");
  }

  @Test
  void whoComesBetweenRoundsGetsATaskWhenTheNextOpens() {
    ControlRun run = rounds(1, 1, false);
    run.contribute("a");
    run.accept(ControlRun.request("b"));
    run.accept(ControlRun.request("a"));
    run.accept(ControlRun.request("b"));
    assertEquals(List.of(), run.offers());
    run.publish();
    assertEquals(
        List.of("a", "b"),
        run.offers().stream().map(offer -> offer.getTask().getClient()).toList());
    assertEquals(
        Set.of(1L),
        run.offers().stream().map(offer -> offer.getTask().getBaseVersion()).collect(
            Collectors.toSet()));
  }

  /** T3: an update that lacks its last chunk is in no chunk of the version. */
  @Test
  void anUpdateWithoutItsLastChunkIsLeftOutEverywhere() {
    ControlRun run = rounds(3, 2, false);
    run.contribute("a");
    run.contribute("b");
    TaskOffer cut = run.ask("c");
    for (int chunk = 0; chunk < CHUNKS - 1; chunk++) {
      run.receipt(cut, chunk);
    }
    run.commit(cut);
    assertTrue(run.freezes().isEmpty());
    run.tick(2_000);
    assertEquals(List.of("c:INCOMPLETE"), run.lastOutcomes());
    assertEquals(List.of("a", "b"), ControlRun.clients(run.freeze()));
    assertEquals(List.of(cut.getTask().getSequence()), run.freeze().getDropped());
    VersionCommit commit = run.publish();
    assertEquals("INCOMPLETE", commit.getRejected().get(0).getReason());
    assertTrue(
        commit.getRejected().get(0).getMessage().contains("2 of 3 chunks and a commit"),
        commit.getRejected().get(0).getMessage());
    // the chunk that comes too late is forgotten with the next freeze
    run.receipt(cut, CHUNKS - 1);
    run.contribute("a");
    run.contribute("b");
    run.contribute("d");
    assertEquals(List.of(cut.getTask().getSequence()), run.freeze().getDropped());
  }

  /** T6, drop: 40 of 64 whole at the deadline, three that did not come through. */
  @Test
  void aDeadlineClosesARoundWithTheMinimumAndDropsStragglers() {
    ControlRun run = rounds(64, 40, false);
    stragglers(run, 40);
    run.tick(1_999);
    assertTrue(run.freezes().isEmpty());
    run.tick(2_000);
    assertEquals(40, run.freeze().getContributions().size());
    assertEquals(List.of("s0:LATE", "s1:INCOMPLETE", "s2:INCOMPLETE"), run.lastOutcomes());
    assertEquals(40.0 * 10, run.freeze().getDivisor());
    VersionCommit commit = run.publish();
    assertEquals(3, commit.getRejected().size());
    assertEquals(0, run.state.tasks.size());
  }

  /** T6, carry: the same, and the third straggler counts by 2^-1/2 in the version after. */
  @Test
  void carriedStragglersCountInTheNextRoundByTheirStaleness() {
    ControlRun run = rounds(64, 40, true);
    List<TaskOffer> late = stragglers(run, 40);
    run.tick(2_000);
    assertEquals(40, run.freeze().getContributions().size());
    assertEquals(List.of("s1:CARRIED", "s2:CARRIED"), run.lastOutcomes());
    run.publish();
    run.commit(late.get(2));
    for (int i = 0; i < 40; i++) {
      run.contribute("h" + i);
    }
    run.tick(4_000);
    RoundFreeze freeze = run.freeze();
    assertEquals(41, freeze.getContributions().size());
    assertEquals("s2", freeze.getContributions().get(40).getClient());
    double fresh = freeze.getContributions().get(0).getWeight();
    double stale = freeze.getContributions().get(40).getWeight();
    assertEquals(Math.pow(2, -0.5), stale / fresh, 1e-6);
    assertEquals(40 * fresh + stale, freeze.getDivisor());
    VersionCommit commit = run.publish();
    assertEquals(41, commit.getContributions().size());
    UpdateOutcome included =
        run.allOutcomes().stream()
            .filter(outcome -> outcome.getClient().equals("s2"))
            .filter(outcome -> outcome.getOutcome().equals("INCLUDED"))
            .findFirst()
            .orElseThrow();
    assertEquals(1, included.getStaleness());
  }

  /** Whole updates, and three more tasks: nothing, two chunks, all chunks without a commit. */
  private static List<TaskOffer> stragglers(ControlRun run, int whole) {
    for (int i = 0; i < whole; i++) {
      run.contribute("h" + i);
    }
    List<TaskOffer> late = List.of(run.ask("s0"), run.ask("s1"), run.ask("s2"));
    run.receipt(late.get(1), 0);
    run.receipt(late.get(1), 2);
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      run.receipt(late.get(2), chunk);
    }
    return late;
  }

  @Test
  void aRoundWithTooFewFailsAndTheNextFollows() {
    ControlRun run = rounds(3, 2, false);
    run.contribute("a");
    run.ask("b");
    run.tick(2_000);
    assertEquals(List.of("b:LATE", "a:QUORUM"), run.lastOutcomes());
    List<FederatedOutput.Status> statuses = run.last(FederatedOutput.Status.class);
    assertEquals(RoundPhase.FAILED, statuses.get(0).status().getPhase());
    assertEquals(0, statuses.get(0).status().getRound());
    assertEquals(RoundPhase.OPEN, statuses.get(1).status().getPhase());
    assertEquals(1, statuses.get(1).status().getRound());
    assertTrue(run.freezes().isEmpty());
    run.tick(60_000);
    assertEquals(List.of(), run.last, "a round that nobody is in has no deadline");
    run.contribute("a");
    run.contribute("b");
    run.tick(61_000);
    assertEquals(List.of("a", "b"), ControlRun.clients(run.freeze()));
    VersionCommit commit = run.publish();
    assertEquals(1, commit.getRound());
    assertEquals(
        List.of("LATE", "QUORUM"),
        commit.getRejected().stream().map(rejection -> rejection.getReason()).toList());
  }

  @Test
  void aFailedRoundThatCarriesKeepsWholeUpdates() {
    ControlRun run = rounds(3, 2, true);
    run.contribute("a");
    run.ask("b");
    run.tick(2_000);
    assertEquals(List.of("a:CARRIED"), run.lastOutcomes());
    assertEquals(1, run.state.whole.size());
    assertEquals(1, run.state.tasks.size());
    run.contribute("c");
    run.contribute("d");
    assertEquals(List.of("a", "c", "d"), ControlRun.clients(run.freeze()));
  }

  @Test
  void beforeAnyTickNoDeadlineRuns() {
    ControlRun run = new ControlRun(new ControlTestSettings().build(), CHUNKS);
    run.authorised(run.definition());
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      run.done(0, chunk);
    }
    TaskOffer offer = run.ask("a");
    assertEquals(TaskOffers.NEVER, offer.getTask().getExpiresMicros());
    run.tick(1_700_000_000_000L);
    assertEquals(1, run.state.tasks.size(), "the clock has only been set");
    run.tick(1_700_000_000_999L);
    assertEquals(1, run.state.tasks.size());
    run.tick(1_700_000_001_000L);
    assertEquals(0, run.state.tasks.size());
  }

  @Test
  void duplicatesChangeNothing() {
    ControlRun run = rounds(3, 2, false);
    TaskOffer offer = run.ask("a");
    run.receipt(offer, 0);
    FederatedInput again = ControlRun.authorise(run.update(offer).receipt(0));
    assertEquals(Reason.DUPLICATE, run.refused(again).reason());
    run.commit(offer);
    FederatedInput commit = new FederatedInput.Commit(run.update(offer).commit());
    assertEquals(Reason.DUPLICATE, run.refused(commit).reason());
    run.receipt(offer, 1);
    run.receipt(offer, 2);
    assertEquals(Reason.DUPLICATE, run.refused(again).reason());
    assertEquals(Reason.DUPLICATE, run.refused(commit).reason());
    run.contribute("b");
    run.contribute("c");
    assertEquals(Reason.DUPLICATE, run.refused(again).reason());
    assertEquals(Reason.DUPLICATE, run.refused(commit).reason());
    run.done(1, 0);
    assertEquals(
        Reason.DUPLICATE, run.refused(ControlRun.authorise(run.chunkDone(1, 0))).reason());
    run.done(1, 1);
    run.done(1, 2);
    assertEquals(
        Reason.DUPLICATE, run.refused(ControlRun.authorise(run.chunkDone(1, 2))).reason());
    assertEquals(Reason.LATE, run.refused(commit).reason());
    assertEquals(
        Reason.DUPLICATE, run.refused(ControlRun.authorise(run.definition())).reason());
  }

  @Test
  void anUpdateIsSummedOnceHoweverOftenItIsSentAgain() {
    ControlRun run = rounds(1, 1, false);
    TaskOffer offer = run.contribute("a");
    run.publish();
    // the chunk stage has forgotten it, so it acknowledges it anew
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      FederatedInput receipt = ControlRun.authorise(run.update(offer).receipt(chunk));
      if (chunk == 0) {
        run.accept(receipt);
      } else {
        assertEquals(Reason.DUPLICATE, run.refused(receipt).reason());
      }
    }
    FederatedInput commit = new FederatedInput.Commit(run.update(offer).commit());
    assertEquals(Reason.LATE, run.refused(commit).reason());
    run.contribute("b");
    assertEquals(List.of("b"), ControlRun.clients(run.freeze()));
    assertEquals(List.of(offer.getTask().getSequence()), run.freeze().getDropped());
  }

  @Test
  void everyTaskHasOneLastWord() {
    for (boolean carries : new boolean[] {false, true}) {
      ControlTestSettings settings =
          new ControlTestSettings()
              .policy(new Synchronous(3, 2, 1000, carries))
              .staleness(new Staleness.Constant(), 4)
              .taskMillis(carries ? 900 : 3_000);
      ControlRun run = new ControlSimulation(settings.build(), CHUNKS, 7, 3_000).run();
      Map<Long, Integer> words = new HashMap<>();
      for (UpdateOutcome outcome : run.allOutcomes()) {
        if (!outcome.getOutcome().equals(UpdateOutcomes.CARRIED)) {
          words.merge(outcome.getSequence(), 1, Integer::sum);
        }
      }
      Set<Long> open = new TreeSet<>(run.state.tasks.keySet());
      run.state.whole.forEach(update -> open.add(update.sequence()));
      if (run.state.openOrNull != null) {
        run.state.openOrNull.parts.forEach(part -> open.add(part.contribution().getSequence()));
      }
      for (long sequence = 0; sequence < run.state.nextSequence; sequence++) {
        assertEquals(open.contains(sequence) ? 0 : 1, words.getOrDefault(sequence, 0), "task " + sequence);
      }
      assertTrue(run.state.newestVersion() > 20, run.state.newestVersion() + " versions");
      Set<String> kinds =
          run.allOutcomes().stream().map(UpdateOutcome::getOutcome).collect(Collectors.toSet());
      assertTrue(
          kinds.containsAll(Set.of("INCLUDED", "INCOMPLETE", "LATE", "EQUIVOCATION", "ROOT", "NORM", "STALE")),
          kinds.toString());
      assertEquals(carries, kinds.contains("CARRIED"));
    }
  }

  @Test
  void aStatusIsSentWheneverItChanges() {
    ControlRun run = rounds(2, 2, false);
    run.ask("a");
    RoundStatus status = run.last(FederatedOutput.Status.class).get(0).status();
    assertEquals(1, status.getOffered());
    assertEquals(2_000_000, status.getDeadlineMicros());
    run.tick(1_500);
    assertEquals(List.of(), run.last(FederatedOutput.Status.class));
    run.ask("a");
    assertEquals(List.of(), run.last(FederatedOutput.Status.class));
    assertFalse(run.last.isEmpty());
  }
}
