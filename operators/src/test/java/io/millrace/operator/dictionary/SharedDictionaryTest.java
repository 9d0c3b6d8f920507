package io.millrace.operator.dictionary;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.schema.DictionaryStatistics;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SparseCode;
import io.millrace.schema.VersionCause;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Workers and merge stage together. */
class SharedDictionaryTest {
  private static SensorSettings settings() {
    return new SensorSettings().atoms(8).shared(SharedLoop.NAME).undetected();
  }

  private static SparseCoder pursuit() {
    return new BatchOrthogonalMatchingPursuit(BatchOrthogonalMatchingPursuit.Settings.atoms(3));
  }

  private static DictionaryLearner online() {
    return new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT);
  }

  private static DictionaryLearner frankWolfe() {
    return new FrankWolfeDictionaryLearning(FrankWolfeDictionaryLearning.Settings.DEFAULT);
  }

  private static SharedLoop loop(SensorDictionarySettings settings, String learner) {
    return new SharedLoop(
        settings,
        settings,
        SharedDictionaryTest::pursuit,
        learner.equals(OnlineDictionaryLearning.NAME)
            ? SharedDictionaryTest::online
            : SharedDictionaryTest::frankWolfe,
        3);
  }

  @ParameterizedTest
  @ValueSource(strings = {OnlineDictionaryLearning.NAME, FrankWolfeDictionaryLearning.NAME})
  void aBoundHoldsWithTheAtomsThatTheMergeStagePublished(String learner) {
    SharedLoop loop = loop(settings().bound(0.02f).rounds(8, 64, 4).build(), learner);
    SparseCodeReader reader = new SparseCodeReader();
    for (int worker = 0; worker < 3; worker++) {
      List<SensorReading> readings = Readings.tones(8 * 150, 1, 1000, worker);
      for (int i = 0; i < readings.size(); i++) {
        for (SparseCode code : loop.accept(worker, readings.get(i)).codes) {
          assertEquals(SharedLoop.NAME, code.getDictionary());
          float[] atoms = atoms(loop, code.getDictionaryVersion(), learner);
          float[] restored = reader.decode(Outputs.received(code), atoms, 8);
          for (int step = 0; step < 8; step++) {
            double value = readings.get(i - 7 + step).getValues().get(0);
            assertEquals(value, restored[step], 0.02, "version " + code.getDictionaryVersion());
          }
        }
      }
    }
    assertTrue(loop.merged.dictionaryVersion() > 10, "versions");
    assertEquals(VersionCause.INITIAL, loop.published.get(0).getCause());
    for (int i = 0; i < loop.published.size(); i++) {
      DictionaryVersion version = loop.published.get(i);
      assertEquals(i, version.getVersion());
      assertEquals(learner, version.getLearner());
    }
  }

  /** Before the first contribution version 0 is coded with, but not published yet. */
  private static float[] atoms(SharedLoop loop, long version, String learner) {
    if (loop.published.isEmpty()) {
      assertEquals(0, version);
      DictionaryLearner fresh =
          learner.equals(OnlineDictionaryLearning.NAME) ? online() : frankWolfe();
      return fresh.createState(Cosines.atoms(8, 1, 8), 8, 8).dictionary().atoms();
    }
    DictionaryModel model =
        (DictionaryModel) loop.models.version(SharedLoop.NAME, version).orElseThrow();
    return model.dictionary().atoms();
  }

  @Test
  void versionZeroIsPublishedInTheBitsThatWorkersCodeWith() {
    SharedLoop loop = loop(settings().atoms(13).build(), OnlineDictionaryLearning.NAME);
    Readings.tones(8 * 30, 1, 1000, 1).forEach(reading -> loop.accept(0, reading));
    DictionaryModel published =
        (DictionaryModel) loop.models.version(SharedLoop.NAME, 0).orElseThrow();
    assertArrayEquals(
        online().createState(Cosines.atoms(13, 1, 8), 13, 8).dictionary().atoms(),
        published.dictionary().atoms());
  }

  @Test
  void whatTheOldVersionCodedLeavesUnderItsName() {
    SensorDictionaryLearning operator =
        new SensorDictionaryLearning(settings().rounds(1000, 1000, 4).build(), pursuit(), online());
    SensorState state = operator.createState("sensor");
    MemoryModels models = new MemoryModels();
    List<SensorReading> readings = Readings.tones(8 * 8, 1, 1000, 1);
    Outputs outputs = new Outputs();
    readings
        .subList(0, 8 * 6)
        .forEach(reading -> operator.accept(state, reading, 0, models, outputs));
    assertTrue(outputs.statistics.isEmpty());
    models.add(model(1));
    readings
        .subList(8 * 6, 8 * 7)
        .forEach(reading -> operator.accept(state, reading, 0, models, outputs));
    DictionaryStatistics sums = outputs.statistics.get(0);
    assertEquals(1, outputs.statistics.size());
    assertEquals(0, sums.getVersion());
    assertEquals(6, sums.getWindows());
    assertEquals("sensor", sums.getContributor());
    assertEquals(0, sums.getSequence());
    assertEquals(1, outputs.code().getDictionaryVersion());
    assertEquals(1, state.dictionaryVersion());
  }

  @Test
  void sumsTooOldForTheMergeStageAreDropped() {
    SensorDictionaryLearning operator =
        new SensorDictionaryLearning(settings().rounds(1000, 1000, 4).build(), pursuit(), online());
    for (int newest : new int[] {63, 64}) {
      SensorState state = operator.createState("sensor");
      MemoryModels models = new MemoryModels();
      Outputs outputs = new Outputs();
      List<SensorReading> readings = Readings.tones(8 * 7, 1, 1000, 1);
      readings
          .subList(0, 8 * 6)
          .forEach(reading -> operator.accept(state, reading, 0, models, outputs));
      models.add(model(newest));
      readings
          .subList(8 * 6, 8 * 7)
          .forEach(reading -> operator.accept(state, reading, 0, models, outputs));
      assertEquals(newest == 63 ? 1 : 0, outputs.statistics.size(), "newest version " + newest);
      assertEquals(newest, outputs.code().getDictionaryVersion());
      assertEquals(7, outputs.codes.size());
    }
  }

  private static DictionaryModel model(long version) {
    return new DictionaryModel(
        SharedLoop.NAME, version, Dictionary.of(Cosines.atoms(8, 1, 8), 8, 8), 8, 1);
  }

  @Test
  void theMergeStageRefusesSumsThatAreTooOld() {
    SharedDictionaryMerge merge =
        new SharedDictionaryMerge(settings().rounds(1, 1, 1).build(), online());
    SharedDictionaryState state = merge.createState(SharedLoop.NAME);
    SharedLoop loop = loop(settings().rounds(1, 1, 1).build(), OnlineDictionaryLearning.NAME);
    Readings.tones(8, 1, 1000, 1).forEach(reading -> loop.accept(0, reading));
    DictionaryStatistics first = loop.sent.get(0);
    Outputs outputs = new Outputs();
    for (int round = 0; round < 64; round++) {
      merge.accept(state, first, 0, Models.NONE, outputs);
    }
    assertEquals(64, state.dictionaryVersion());
    InvalidInputException refusal =
        assertThrows(
            InvalidInputException.class, () -> merge.accept(state, first, 0, Models.NONE, outputs));
    assertEquals(Reason.UNKNOWN_MODEL, refusal.reason());
    assertEquals("statistics are of version 0, expected 1 to 64", refusal.getMessage());
  }

  @Test
  void wideDictionariesTravelInSlicesThatFitARecord() {
    int length = 4096;
    SensorDictionarySettings settings =
        new SensorSettings()
            .windows(length, length)
            .atoms(40)
            .rounds(4, 4, 4)
            .shared(SharedLoop.NAME)
            .undetected()
            .build();
    SharedLoop loop = loop(settings, OnlineDictionaryLearning.NAME);
    for (SensorReading reading : Readings.tones(5 * length, 1, 1000, 1)) {
      loop.accept(0, reading);
    }
    assertEquals(1, loop.merged.dictionaryVersion());
    assertTrue(loop.sent.size() > 2 && loop.published.size() > 4, "slices");
    for (DictionaryStatistics slice : loop.sent) {
      int bytes = Outputs.bytes(slice).length;
      assertTrue(bytes < 1_000_000, bytes + " bytes in a record");
    }
    for (DictionaryVersion slice : loop.published) {
      int bytes = Outputs.bytes(slice).length;
      assertTrue(bytes < 300_000, bytes + " bytes in a record");
    }
    DictionaryModel newest = (DictionaryModel) loop.models.latest(SharedLoop.NAME).orElseThrow();
    assertArrayEquals(loop.merged.learner.dictionary().atoms(), newest.dictionary().atoms());
  }
}
