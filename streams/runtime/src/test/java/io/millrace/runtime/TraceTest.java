package io.millrace.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.schema.DeadLetter;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.KeyValuePage;
import io.millrace.schema.RoundStatus;
import io.millrace.schema.SingleObject;
import io.millrace.schema.SparseCode;
import io.millrace.schema.UpdateOutcome;
import io.millrace.schema.VersionCommit;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The traces that both engines replay: they are what the runtime does, and hold what they must. */
final class TraceTest {

  @ParameterizedTest(name = "{0}, restart after every {1}")
  @CsvSource({
    "sensors, 1000000", "sensors, 1", "sensors, 7",
    "shared, 1000000", "shared, 1", "shared, 7",
    "merge, 1000000", "merge, 1", "merge, 7",
    "window, 1000000", "window, 1", "window, 7",
    "learning, 1000000", "learning, 1", "learning, 7",
    "aggregation, 1000000", "aggregation, 1", "aggregation, 7",
    "control, 1000000", "control, 1", "control, 7",
    "masked-aggregation, 1000000", "masked-aggregation, 1", "masked-aggregation, 7",
    "masked-control, 1000000", "masked-control, 1", "masked-control, 7",
    "mixing, 1000000", "mixing, 1", "mixing, 7"
  })
  void isWhatTheRuntimeDoesWithAndWithoutRestarts(String name, int every) {
    Trace trace = Trace.load(name);
    TraceRun run = new TraceRun(trace.deployment(), trace.stage());
    int taken = 0;
    for (Trace.Event event : trace.events()) {
      List<OutputLine> expected = event.outputs().stream().map(OutputLine::of).toList();
      List<OutputLine> got = run.take(event.record()).stream().map(OutputLine::of).toList();
      assertEquals(expected, got, name + ", event " + taken);
      if (++taken % every == 0) {
        run.restart();
      }
    }
  }

  @Test
  void isRecordedAnewToTheSameBytes() {
    assertArrayEquals(Trace.resource("sensors.bin"), TraceRecording.sensors().encode());
    List<Trace> shared = TraceRecording.shared();
    assertArrayEquals(Trace.resource("shared.bin"), shared.get(0).encode());
    assertArrayEquals(Trace.resource("merge.bin"), shared.get(1).encode());
    List<Trace> cache = KeyValueTraceRecording.record();
    assertArrayEquals(Trace.resource("window.bin"), cache.get(0).encode());
    assertArrayEquals(Trace.resource("learning.bin"), cache.get(1).encode());
    List<Trace> federated = FederatedTraceRecording.record();
    assertArrayEquals(Trace.resource("aggregation.bin"), federated.get(0).encode());
    assertArrayEquals(Trace.resource("control.bin"), federated.get(1).encode());
    List<Trace> masked = MaskedTraceRecording.record();
    assertArrayEquals(Trace.resource("masked-aggregation.bin"), masked.get(0).encode());
    assertArrayEquals(Trace.resource("masked-control.bin"), masked.get(1).encode());
    assertArrayEquals(Trace.resource("mixing.bin"), MixingTraceRecording.record().encode());
  }

  @Test
  void holdsEveryKindOfFaultAndFlushesOfSilentSensorsByOthers() {
    Trace trace = Trace.load(Trace.SENSORS);
    SingleObject<DeadLetter> letters = SingleObject.of(DeadLetter.class);
    Set<String> reasons = new TreeSet<>();
    Set<Integer> partitions = new TreeSet<>();
    Set<String> anomalies = new TreeSet<>();
    int byOthers = 0;
    for (Trace.Event event : trace.events()) {
      partitions.add(event.record().partition());
      for (TopicRecord output : event.outputs()) {
        if (output.topic().equals(trace.pipeline().deadLetterTopic())) {
          reasons.add(letters.decode(output.value()).getReason());
        } else if (output.topic().equals("p.anomalies")) {
          anomalies.add(new String(output.key()));
        } else if (output.topic().equals("p.codes")
            && !new String(output.key()).equals(new String(event.record().key()))) {
          byOthers++;
        }
      }
    }
    assertEquals(
        Set.of(
            "BAD_KEY",
            "EMPTY",
            "MALFORMED",
            "TOO_LARGE",
            "DUPLICATE",
            "LATE",
            "NOT_FINITE",
            "BAD_TIME",
            "UNKNOWN_SCHEMA"),
        reasons);
    assertEquals(Set.of(0, 1, 2, 3), partitions);
    assertTrue(anomalies.size() >= 4, anomalies.toString());
    assertTrue(byOthers >= 4, "windows flushed by other sensors: " + byOthers);
    assertTrue(versions(trace, "p.codes").size() > 4, versions(trace, "p.codes").toString());
  }

  @Test
  void holdsVersionsOfTheSharedDictionaryThatSensorsFollow() {
    Trace trace = Trace.load(Trace.SHARED);
    assertTrue(versions(trace, "p.codes").size() > 4, versions(trace, "p.codes").toString());
    SingleObject<DictionaryVersion> framing = SingleObject.of(DictionaryVersion.class);
    List<Long> followed = new ArrayList<>();
    for (Trace.Event event : trace.events()) {
      if (trace.isModel(event.record())) {
        followed.add(framing.decode(event.record().value()).getVersion());
      }
    }
    assertEquals(followed.stream().sorted().toList(), followed);
    assertTrue(followed.size() > 6, followed.toString());
    assertTrue(
        Trace.load(Trace.MERGE).events().stream()
            .flatMap(event -> event.outputs().stream())
            .anyMatch(output -> output.topic().equals("p.dead-letters")));
  }

  @Test
  void holdsEveryTierOfPagesTheirRemovalsAndTheBasesThatTheyName() {
    Trace trace = Trace.load(Trace.WINDOW);
    SingleObject<KeyValuePage> pages = SingleObject.of(KeyValuePage.class);
    SingleObject<DeadLetter> letters = SingleObject.of(DeadLetter.class);
    Set<String> tiers = new TreeSet<>();
    Set<String> bases = new TreeSet<>();
    Set<String> reasons = new TreeSet<>();
    int removed = 0;
    int summaries = 0;
    for (Trace.Event event : trace.events()) {
      for (TopicRecord output : event.outputs()) {
        if (output.topic().equals("p.dead-letters")) {
          reasons.add(letters.decode(output.value()).getReason());
        } else if (output.topic().equals("p.pages")) {
          String name = output.value() == null ? "" : SingleObject.recordName(output.value());
          removed += name.isEmpty() ? 1 : 0;
          summaries += name.equals("KeyValueSummary") ? 1 : 0;
          if (name.equals("KeyValuePage")) {
            KeyValuePage page = pages.decode(output.value());
            tiers.add(page.getTier() + " " + page.getCodec().replaceAll("-.*", ""));
            if (page.getBasisVersion() > 0) {
              bases.add(page.getBasis() + "@" + page.getBasisVersion());
            }
          }
        }
      }
    }
    assertTrue(removed > 10, "removed " + removed);
    assertTrue(summaries > 2, "summaries " + summaries);
    assertTrue(tiers.contains("EXACT bf16"), tiers.toString());
    assertTrue(tiers.contains("FINE transform"), tiers.toString());
    assertTrue(tiers.contains("FINE kivi"), tiers.toString());
    assertTrue(tiers.contains("COARSE transform"), tiers.toString());
    assertTrue(tiers.contains("COARSE dictionary"), tiers.toString());
    assertTrue(bases.stream().anyMatch(basis -> basis.startsWith("acme/")), bases.toString());
    assertTrue(bases.stream().anyMatch(basis -> basis.startsWith("beta/")), bases.toString());
    assertTrue(reasons.containsAll(Set.of("EMPTY", "GAP", "MALFORMED")), reasons.toString());
  }

  @Test
  void holdsVersionsTheirRemovalsDecisionsAndEveryEndOfARound() {
    Set<String> reasons = new TreeSet<>();
    Set<String> records = new TreeSet<>();
    Set<String> phases = new TreeSet<>();
    Set<String> outcomes = new TreeSet<>();
    List<Long> versions = new ArrayList<>();
    int removed = 0;
    for (String name : List.of(Trace.AGGREGATION, Trace.CONTROL)) {
      for (Trace.Event event : Trace.load(name).events()) {
        for (TopicRecord output : event.outputs()) {
          removed += output.value() == null ? 1 : 0;
          String record = output.value() == null ? "" : SingleObject.recordName(output.value());
          records.add(record);
          switch (record) {
            case "DeadLetter" ->
                reasons.add(SingleObject.of(DeadLetter.class).decode(output.value()).getReason());
            case "RoundStatus" ->
                phases.add(
                    SingleObject.of(RoundStatus.class)
                        .decode(output.value())
                        .getPhase()
                        .toString());
            case "UpdateOutcome" ->
                outcomes.add(
                    SingleObject.of(UpdateOutcome.class).decode(output.value()).getOutcome());
            case "VersionCommit" ->
                versions.add(
                    SingleObject.of(VersionCommit.class).decode(output.value()).getVersion());
            default -> {}
          }
        }
      }
    }
    assertEquals(List.of(0L, 1L, 2L, 3L, 4L), versions);
    assertTrue(removed >= 4, "removed " + removed);
    assertTrue(
        phases.containsAll(Set.of("OPEN", "DECIDING", "PUBLISHING", "FAILED")), phases.toString());
    assertTrue(
        outcomes.containsAll(Set.of("INCLUDED", "LATE", "EQUIVOCATION", "QUORUM")),
        outcomes.toString());
    assertTrue(
        records.containsAll(Set.of("AuthorisedRecord", "ModelChunk", "ModelPointer", "TaskOffer")),
        records.toString());
    assertTrue(
        reasons.containsAll(
            Set.of("BAD_KEY", "DUPLICATE", "MALFORMED", "NOT_FINITE", "UNAUTHORISED", "LATE")),
        reasons.toString());
  }

  @Test
  void holdsMaskedRoundsWithAndWithoutEverybodyAndOneThatFails() {
    Set<String> records = new TreeSet<>();
    Set<String> reasons = new TreeSet<>();
    Set<String> phases = new TreeSet<>();
    List<Integer> contributions = new ArrayList<>();
    for (Trace.Event event : Trace.load(Trace.MASKED_CONTROL).events()) {
      for (TopicRecord output : event.outputs()) {
        String record = output.value() == null ? "" : SingleObject.recordName(output.value());
        records.add(record);
        switch (record) {
          case "DeadLetter" ->
              reasons.add(SingleObject.of(DeadLetter.class).decode(output.value()).getReason());
          case "RoundStatus" ->
              phases.add(
                  SingleObject.of(RoundStatus.class).decode(output.value()).getPhase().toString());
          case "VersionCommit" ->
              contributions.add(
                  SingleObject.of(VersionCommit.class)
                      .decode(output.value())
                      .getContributions()
                      .size());
          default -> {}
        }
      }
    }
    assertEquals(List.of(0, 4, 3), contributions);
    assertTrue(phases.contains("FAILED"), phases.toString());
    assertTrue(
        records.containsAll(Set.of("MaskCohort", "MaskDelivery", "MaskSurvivors")),
        records.toString());
    assertTrue(reasons.containsAll(Set.of("MALFORMED", "UNAUTHORISED")), reasons.toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "sensors",
        "shared",
        "merge",
        "window",
        "learning",
        "aggregation",
        "control",
        "masked-aggregation",
        "masked-control",
        "mixing"
      })
  void isSmall(String name) {
    assertTrue(Trace.resource(name + ".bin").length < 300_000);
  }

  private static Set<Long> versions(Trace trace, String codes) {
    SingleObject<SparseCode> framing = SingleObject.of(SparseCode.class);
    Set<Long> versions = new TreeSet<>();
    for (Trace.Event event : trace.events()) {
      for (TopicRecord output : event.outputs()) {
        if (output.topic().equals(codes)) {
          versions.add(framing.decode(output.value()).getDictionaryVersion());
        }
      }
    }
    return versions;
  }
}
