package io.millrace.operator.dictionary;

import static io.millrace.operator.dictionary.BatchOrthogonalMatchingPursuitTest.assertFinite;
import static io.millrace.operator.dictionary.BatchOrthogonalMatchingPursuitTest.assertSame;
import static io.millrace.operator.dictionary.BatchOrthogonalMatchingPursuitTest.mask;
import static io.millrace.operator.dictionary.BatchOrthogonalMatchingPursuitTest.support;
import static io.millrace.operator.dictionary.BatchOrthogonalMatchingPursuitTest.values;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.dictionary.HardThreshold.Settings;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("T-CODER: hard threshold")
class HardThresholdTest {

  @Test
  void keepsTheLargestCorrelations() {
    int d = 32;
    PlantedRecords source = new PlantedRecords(d, 64, 3, 0.1, 1);
    float[] records = source.next(200);
    ReferenceCoding reference = ReferenceCoding.of(source.dictionary());
    SparseCodes codes = code(source.dictionary(), new Settings(5, 0f, false), records, 200);
    for (int r = 0; r < 200; r++) {
      double[] x = ReferenceCoding.record(records, r * d, d);
      int[] expected = largest(reference, x, 5);
      assertArrayEquals(expected, support(codes, r), "record " + r);
      for (int i = 0; i < 5; i++) {
        double value = reference.correlation(expected[i], x);
        assertEquals(value, values(codes, r)[i], 1e-5);
      }
    }
  }

  @Test
  void keepsOnlyWhatExceedsTheThreshold() {
    int d = 32;
    PlantedRecords source = new PlantedRecords(d, 64, 3, 0.1, 2);
    float[] records = source.next(200);
    ReferenceCoding reference = ReferenceCoding.of(source.dictionary());
    SparseCodes codes = code(source.dictionary(), new Settings(64, 0.7f, false), records, 200);
    for (int r = 0; r < 200; r++) {
      double[] x = ReferenceCoding.record(records, r * d, d);
      int[] expected =
          IntStream.range(0, 64)
              .filter(j -> Math.abs(reference.correlation(j, x)) > 0.7f)
              .toArray();
      assertArrayEquals(expected, support(codes, r), "record " + r);
    }
  }

  @Test
  void refittedCoefficientsAreTheLeastSquaresOnes() {
    int d = 32;
    PlantedRecords source = new PlantedRecords(d, 64, 3, 0.1, 3);
    float[] records = source.next(200);
    ReferenceCoding reference = ReferenceCoding.of(source.dictionary());
    SparseCodes codes = code(source.dictionary(), new Settings(5, 0f, true), records, 200);
    for (int r = 0; r < 200; r++) {
      double[] x = ReferenceCoding.record(records, r * d, d);
      int[] support = support(codes, r);
      assertArrayEquals(largest(reference, x, 5), support, "record " + r);
      assertArrayEquals(reference.leastSquares(x, support, 5), values(codes, r), 1e-4);
    }
  }

  @Test
  void isExactForAnOrthonormalDictionary() {
    int d = 16;
    float[] atoms = new float[d * d]; // Walsh-Hadamard
    for (int j = 0; j < d; j++) {
      for (int i = 0; i < d; i++) {
        atoms[j * d + i] = (Integer.bitCount(i & j) & 1) == 0 ? 0.25f : -0.25f;
      }
    }
    Dictionary dictionary = Dictionary.of(atoms, d, d);
    float[] records = new float[d];
    for (int i = 0; i < d; i++) {
      records[i] = 3f * atoms[5 * d + i] - 2f * atoms[11 * d + i];
    }
    SparseCodes codes = code(dictionary, new Settings(4, 0f, false), records, 1);
    assertArrayEquals(new int[] {5, 11}, support(codes, 0));
    assertArrayEquals(new double[] {3, -2}, values(codes, 0));
    assertEquals(0f, codes.residualEnergy(0));
    assertEquals(13f, codes.energy(0));
    assertSame(codes, code(dictionary, new Settings(4, 0f, true), records, 1));
  }

  @Test
  void duplicateAndDeadAtomsStayFinite() {
    PlantedRecords source = new PlantedRecords(16, 12, 3, 0.1, 4);
    float[] atoms = Arrays.copyOf(source.dictionary().atoms(), 28 * 16);
    System.arraycopy(atoms, 0, atoms, 12 * 16, 12 * 16);
    Dictionary dictionary = Dictionary.of(atoms, 28, 16); // the last four are dead
    SparseCodes codes = code(dictionary, new Settings(28, 0f, true), source.next(100), 100);
    assertFinite(codes);
    assertTrue(codes.entryCount() > 0 && codes.entryCount() <= 12 * 100);
  }

  @Test
  void zeroRecordHasTheEmptyCode() {
    PlantedRecords source = new PlantedRecords(16, 32, 3, 0.1, 5);
    SparseCodes codes = code(source.dictionary(), new Settings(3, 0f, true), new float[32], 2);
    assertEquals(2, codes.count());
    assertEquals(0, codes.entryCount());
  }

  @Test
  void maskedRecordIsCodedAsTheReducedSystem() {
    int d = 64;
    PlantedRecords source = new PlantedRecords(d, 128, 3, 0.05, 6);
    HardThreshold coder = new HardThreshold(new Settings(3, 0f, true));
    for (int r = 0; r < 100; r++) {
      float[] record = source.next(1);
      float[] mask = mask(d, r, record);
      SparseCodes codes = new SparseCodes();
      coder.codeMasked(source.dictionary(), record, 0, mask, codes);
      ReferenceCoding reduced = ReferenceCoding.masked(source.dictionary(), mask);
      double[] x = ReferenceCoding.observed(record, mask);
      int[] support = largest(reduced, x, 3);
      assertArrayEquals(support, support(codes, 0), "record " + r);
      double[] expected = reduced.leastSquares(x, support, 3);
      double[] norms = ReferenceCoding.maskedNorms(source.dictionary(), mask);
      for (int i = 0; i < 3; i++) {
        assertEquals(expected[i] / norms[support[i]], codes.values()[i], 1e-4);
      }
    }
  }

  @Test
  void refusesSettingsOutOfRange() {
    assertThrows(IllegalArgumentException.class, () -> new Settings(0, 0f, false));
    assertThrows(IllegalArgumentException.class, () -> new Settings(1, -1f, false));
    assertThrows(IllegalArgumentException.class, () -> new Settings(1, Float.NaN, false));
  }

  private static int[] largest(ReferenceCoding reference, double[] x, int count) {
    return IntStream.range(0, reference.atomCount)
        .boxed()
        .sorted(Comparator.comparingDouble(j -> -Math.abs(reference.correlation(j, x))))
        .limit(count)
        .mapToInt(j -> j)
        .sorted()
        .toArray();
  }

  private static SparseCodes code(
      Dictionary dictionary, Settings settings, float[] records, int count) {
    SparseCodes codes = new SparseCodes();
    new HardThreshold(settings).code(dictionary, records, 0, count, codes);
    return codes;
  }
}
