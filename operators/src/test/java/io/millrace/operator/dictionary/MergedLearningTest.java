package io.millrace.operator.dictionary;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.TreeMap;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MergedLearningTest {
  private static final int D = 64;
  private static final int K = 128;
  private static final int WORKERS = 4;

  private final SparseCoder coder =
      new BatchOrthogonalMatchingPursuit(BatchOrthogonalMatchingPursuit.Settings.atoms(5));
  private final DictionaryLearner learner =
      new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT);

  @DisplayName("T-MERGE (a): sums")
  @Test
  void partialSumsEqualTheSumOfOneRun() {
    long seed = 1;
    PlantedStream planted = new PlantedStream(D, K, 5, 20, seed);
    Dictionary dictionary = Dictionary.normalized(planted.next(K), K, D);
    SufficientStatistics whole = learner.createStatistics(K, D);
    SufficientStatistics merged = learner.createStatistics(K, D);
    double[] codeProducts = new double[K * K];
    double[] recordProducts = new double[K * D];
    for (int worker = 0; worker < WORKERS; worker++) {
      SufficientStatistics partial = learner.createStatistics(K, D);
      float[] records = planted.next(2_500);
      SparseCodes codes = new SparseCodes();
      coder.code(dictionary, records, 0, 2_500, codes);
      learner.accumulate(partial, dictionary, records, 0, 2_500, codes);
      learner.accumulate(whole, dictionary, records, 0, 2_500, codes);
      merged.add(partial);
      addInDouble(records, codes, codeProducts, recordProducts);
    }
    assertEquals(10_000, merged.windows());
    assertEquals(whole.energy(), merged.energy(), 1e-12 * whole.energy());
    assertEquals(whole.residualEnergy(), merged.residualEnergy(), 1e-12 * whole.residualEnergy());
    assertArrayEquals(whole.usage(), merged.usage());
    for (SufficientStatistics sums : new SufficientStatistics[] {whole, merged}) {
      assertClose(codeProducts, sums.codeProducts());
      assertClose(recordProducts, sums.recordProducts());
    }
  }

  private static void addInDouble(float[] records, SparseCodes codes, double[] a, double[] b) {
    for (int r = 0; r < codes.count(); r++) {
      for (int e = codes.start(r); e < codes.start(r + 1); e++) {
        int j = codes.atoms()[e];
        for (int f = codes.start(r); f < codes.start(r + 1); f++) {
          a[j * K + codes.atoms()[f]] += (double) codes.values()[e] * codes.values()[f];
        }
        for (int i = 0; i < D; i++) {
          b[j * D + i] += (double) codes.values()[e] * records[r * D + i];
        }
      }
    }
  }

  /** Float sums: 1e-12 is out of reach, a millionth of the largest entry is not. */
  private static void assertClose(double[] expected, float[] got) {
    double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
    double worst = 0;
    for (int i = 0; i < got.length; i++) {
      worst = Math.max(worst, Math.abs(got[i] - expected[i]));
    }
    assertTrue(worst <= 1e-6 * largest, "difference " + worst + ", largest entry " + largest);
  }

  @DisplayName("T-MERGE (a): order")
  @Test
  void addedInKeyOrderTheBitsDoNotDependOnArrival() {
    byte[] inOrder = mergedInKeyOrder(new int[] {0, 1, 2, 3});
    assertArrayEquals(inOrder, mergedInKeyOrder(new int[] {3, 1, 0, 2}));
    assertArrayEquals(inOrder, mergedInKeyOrder(new int[] {2, 3, 1, 0}));
  }

  private byte[] mergedInKeyOrder(int[] arrival) {
    TreeMap<Integer, SufficientStatistics> arrived = new TreeMap<>();
    LearnerState state = null;
    for (int worker : arrival) {
      PlantedStream planted = new PlantedStream(D, K, 5, 20, 7);
      state = learner.createState(planted.next(K), K, D);
      planted.next(worker * 300);
      arrived.put(worker, partial(state.dictionary(), planted.next(300)));
    }
    for (SufficientStatistics partial : arrived.values()) {
      state.statistics().add(partial);
    }
    learner.endRound(state);
    return LearningLoop.bytes(state);
  }

  private SufficientStatistics partial(Dictionary dictionary, float[] records) {
    SufficientStatistics partial = learner.createStatistics(K, D);
    SparseCodes codes = new SparseCodes();
    coder.code(dictionary, records, 0, records.length / D, codes);
    learner.accumulate(partial, dictionary, records, 0, records.length / D, codes);
    return partial;
  }

  @DisplayName("T-MERGE (b)")
  @ParameterizedTest(name = "4 workers, 40 rounds, seed {0}")
  @ValueSource(longs = {1, 2, 3})
  void fourWorkersRecoverTheDictionaryInFortyRounds(long seed) {
    PlantedStream planted = new PlantedStream(D, K, 5, 20, seed);
    LearnerState state = learner.createState(planted.next(K), K, D);
    for (int round = 0; round < 40; round++) {
      SufficientStatistics[] partials = new SufficientStatistics[WORKERS];
      for (int worker = 0; worker < WORKERS; worker++) {
        partials[worker] = partial(state.dictionary(), planted.next(256));
      }
      for (SufficientStatistics partial : partials) {
        state.statistics().add(partial);
      }
      learner.endRound(state);
    }
    double recovered = planted.recovered(state.dictionary());
    assertEquals(40_960, state.windows());
    assertTrue(recovered >= 0.85, "recovered " + recovered + " (seed " + seed + ")");
  }

  @Test
  void sumsThatArriveInSlicesEqualTheWhole() {
    PlantedStream planted = new PlantedStream(D, K, 5, 20, 2);
    Dictionary dictionary = Dictionary.normalized(planted.next(K), K, D);
    SufficientStatistics sent = partial(dictionary, planted.next(200));
    SufficientStatistics received = learner.createStatistics(K, D);
    for (int first = 0; first < K; first += 50) {
      int count = Math.min(50, K - first);
      received.addRows(
          first,
          count,
          Arrays.copyOfRange(sent.codeProducts(), first * K, (first + count) * K),
          Arrays.copyOfRange(sent.recordProducts(), first * D, (first + count) * D),
          Arrays.copyOfRange(sent.usage(), first, first + count));
    }
    received.addTotals(sent.windows(), sent.energy(), sent.residualEnergy(), sent.medianEnergy());
    float[] candidate = new float[D];
    for (int c = 0; c < sent.candidates(); c++) {
      sent.candidate(c, candidate, 0);
      received.offerCandidate(sent.candidateEnergy(c), candidate, 0);
    }
    assertArrayEquals(bytes(sent), bytes(received));
    assertThrows(
        IllegalArgumentException.class,
        () -> received.addRows(K - 1, 2, new float[2 * K], new float[2 * D], new float[2]));
  }

  @Test
  void keepsTheWorstRecordsInOrder() {
    WorstRecords worst = new WorstRecords(1);
    float[] residuals = {3, 1, 4, 1, 5, 9, 2, 6};
    for (int r = 0; r < residuals.length; r++) {
      worst.offer(residuals[r], new float[] {r}, 0);
    }
    float[] kept = new float[WorstRecords.CAPACITY];
    for (int c = 0; c < worst.count(); c++) {
      worst.copy(c, kept, c);
    }
    assertArrayEquals(new float[] {5, 7, 4, 2}, kept);
  }

  private static byte[] bytes(SufficientStatistics statistics) {
    ByteBuffer buffer = ByteBuffer.allocate(statistics.encodedBytes());
    statistics.encode(buffer);
    return buffer.array();
  }
}
