package io.millrace.operator.dictionary;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LearnerStateTest {
  private static final int D = 16;

  private final SparseCoder coder =
      new BatchOrthogonalMatchingPursuit(BatchOrthogonalMatchingPursuit.Settings.atoms(3));

  private static DictionaryLearner learner(String name) {
    return name.equals(OnlineDictionaryLearning.NAME)
        ? new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT)
        : new FrankWolfeDictionaryLearning(FrankWolfeDictionaryLearning.Settings.DEFAULT);
  }

  private static int atoms(String name) {
    return name.equals(OnlineDictionaryLearning.NAME) ? 2 * D : D;
  }

  @ParameterizedTest
  @ValueSource(strings = {OnlineDictionaryLearning.NAME, FrankWolfeDictionaryLearning.NAME})
  void learnsTheSameBitsThroughItsBytesAtEveryStep(String name) {
    int k = atoms(name);
    PlantedStream planted = new PlantedStream(D, k, 3, 20, 1);
    LearnerState plain = learner(name).createState(planted.next(k), k, D);
    LearnerState restored = LearningLoop.copy(plain);
    LearningLoop plainLoop = new LearningLoop(learner(name), coder);
    for (int round = 0; round < 60; round++) {
      for (int call = 0; call < 3; call++) {
        float[] records = planted.next(1 + 11 * call);
        plainLoop.accumulate(plain, records);
        // A new learner as well: nothing may live there.
        new LearningLoop(learner(name), coder).accumulate(restored, records);
        restored = LearningLoop.copy(restored);
      }
      if (round == 40) {
        learner(name).forget(plain);
        learner(name).forget(restored);
        restored = LearningLoop.copy(restored);
      }
      RoundResult expected = learner(name).endRound(plain);
      assertEquals(expected, learner(name).endRound(restored));
      restored = LearningLoop.copy(restored);
      assertArrayEquals(LearningLoop.bytes(plain), LearningLoop.bytes(restored), "round " + round);
    }
    assertEquals(60, restored.rounds());
    assertEquals(60 * 36, restored.windows());
  }

  @ParameterizedTest
  @ValueSource(strings = {OnlineDictionaryLearning.NAME, FrankWolfeDictionaryLearning.NAME})
  void revisionsMoveWithTheBytesTheyStandFor(String name) {
    int k = atoms(name);
    PlantedStream planted = new PlantedStream(D, k, 3, 20, 1);
    DictionaryLearner learner = learner(name);
    LearnerState state = learner.createState(planted.next(k), k, D);
    LearningLoop loop = new LearningLoop(learner, coder);
    long statistics = state.statisticsRevision();
    long dictionary = state.dictionaryRevision();
    loop.accumulate(state, planted.next(5));
    assertNotEquals(statistics, state.statisticsRevision());
    assertEquals(dictionary, state.dictionaryRevision());
    statistics = state.statisticsRevision();
    learner.endRound(state);
    assertNotEquals(statistics, state.statisticsRevision());
    assertNotEquals(dictionary, state.dictionaryRevision());
    statistics = state.statisticsRevision();
    learner.forget(state);
    assertNotEquals(statistics, state.statisticsRevision());
  }

  @ParameterizedTest
  @ValueSource(strings = {OnlineDictionaryLearning.NAME, FrankWolfeDictionaryLearning.NAME})
  void refusesTruncatedAndDamagedBytes(String name) {
    int k = atoms(name);
    PlantedStream planted = new PlantedStream(D, k, 3, 20, 1);
    LearnerState state = learner(name).createState(planted.next(k), k, D);
    new LearningLoop(learner(name), coder).accumulate(state, planted.next(9));
    byte[] bytes = LearningLoop.bytes(state);
    int split = state.statisticsBytes();
    for (int length = 0; length < bytes.length; length += 7) {
      int kept = length;
      assertThrows(
          IllegalArgumentException.class,
          () -> decode(bytes, Math.min(kept, split), split, Math.max(kept, split)),
          "length " + kept);
    }
    // Any four bytes of the shape fields: refused, or decoded without an error of another kind.
    Random random = new Random(2);
    int refused = 0;
    for (int trial = 0; trial < 2_000; trial++) {
      byte[] damaged = bytes.clone();
      int field = random.nextBoolean() ? random.nextInt(16) : split + random.nextInt(12);
      damaged[field] ^= (byte) (1 << random.nextInt(8));
      try {
        decode(damaged, split, split, bytes.length);
      } catch (IllegalArgumentException expected) {
        refused++;
      }
    }
    assertTrue(refused > 1_000, "refused " + refused);
  }

  private static LearnerState decode(byte[] bytes, int statisticsEnd, int split, int end) {
    return LearnerState.decode(
        ByteBuffer.wrap(bytes, 0, statisticsEnd).order(ByteOrder.LITTLE_ENDIAN),
        ByteBuffer.wrap(bytes, split, end - split).order(ByteOrder.LITTLE_ENDIAN));
  }

  @Test
  void usageSharesAreDecayedSharesOfRecords() {
    DictionaryLearner learner = learner(OnlineDictionaryLearning.NAME);
    LearnerState state = learner.createState(new float[] {1, 0, 0, 1}, 2, 2);
    LearningLoop loop =
        new LearningLoop(
            learner,
            new BatchOrthogonalMatchingPursuit(BatchOrthogonalMatchingPursuit.Settings.atoms(1)));
    loop.round(state, new float[] {3, 0, 2, 0, 1, 0, 0, 2});
    assertEquals(0.75f, state.statistics().usageShare(0), 1e-6f);
    assertEquals(0.25f, state.statistics().usageShare(1), 1e-6f);
  }
}
