package io.millrace.operator.dictionary;

import static io.millrace.operator.dictionary.BatchOrthogonalMatchingPursuitTest.assertFinite;
import static io.millrace.operator.dictionary.BatchOrthogonalMatchingPursuitTest.assertSame;
import static io.millrace.operator.dictionary.BatchOrthogonalMatchingPursuitTest.energy;
import static io.millrace.operator.dictionary.BatchOrthogonalMatchingPursuitTest.mask;
import static io.millrace.operator.dictionary.BatchOrthogonalMatchingPursuitTest.support;
import static io.millrace.operator.dictionary.BatchOrthogonalMatchingPursuitTest.values;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.dictionary.LassoCoordinateDescent.Settings;
import java.util.Arrays;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@DisplayName("T-CODER: lasso by coordinate descent")
class LassoCoordinateDescentTest {

  @ParameterizedTest(name = "d={0}, k={1}, lambda={3}, {4} records, seed {5}")
  @CsvSource({
    "64, 128, 5, 0.39, 1000, 1",
    "64, 256, 5, 0.39, 1000, 2",
    "256, 1024, 16, 0.369, 200, 3",
    "64, 256, 5, 0.096, 1000, 4"
  })
  void meetsTheOptimalityConditions(int d, int k, int planted, float lambda, int count, long seed) {
    PlantedRecords source = new PlantedRecords(d, k, planted, 0.1, seed);
    float[] records = source.next(count);
    SparseCodes codes = code(source.dictionary(), Settings.absolute(lambda), records, count);
    ReferenceCoding reference = ReferenceCoding.of(source.dictionary());
    assertTrue(codes.entryCount() > count, "entries: got " + codes.entryCount());
    for (int r = 0; r < count; r++) {
      double[] x = ReferenceCoding.record(records, r * d, d);
      int[] support = support(codes, r);
      double[] z = values(codes, r);
      // 1e-6 lambda, and what rounding the coefficients to float can add.
      double tolerance = 1e-6 * lambda + rounding(z);
      double violation = violation(reference, x, support, z, lambda);
      assertTrue(
          violation <= tolerance, "record " + r + ": got " + violation + ", expected " + tolerance);
    }
  }

  /** Half a unit in the last place of the largest coefficient, for the atom and its neighbours. */
  private static double rounding(double[] z) {
    double largest = Arrays.stream(z).map(Math::abs).max().orElse(0);
    return Math.ulp((float) largest);
  }

  private static double violation(
      ReferenceCoding reference, double[] x, int[] support, double[] z, double lambda) {
    double[] residual = reference.residual(x, support, z, support.length);
    double[] dense = new double[reference.atomCount];
    for (int i = 0; i < support.length; i++) {
      dense[support[i]] = z[i];
    }
    double worst = 0;
    for (int j = 0; j < dense.length; j++) {
      double gradient = reference.correlation(j, residual);
      double excess =
          dense[j] == 0
              ? Math.abs(gradient) - lambda
              : Math.abs(gradient - Math.signum(dense[j]) * lambda);
      worst = Math.max(worst, excess);
    }
    return worst;
  }

  @Test
  void codesARecordTheSameAloneAndInABatch() {
    PlantedRecords source = new PlantedRecords(30, 50, 3, 0.1, 11);
    float[] records = source.next(131);
    SparseCodes batch = code(source.dictionary(), Settings.absolute(0.2f), records, 131);
    LassoCoordinateDescent coder = new LassoCoordinateDescent(Settings.absolute(0.2f));
    SparseCodes single = new SparseCodes();
    for (int r = 0; r < 131; r++) {
      coder.code(source.dictionary(), records, r * 30, 1, single);
    }
    assertSame(batch, single);
  }

  @Test
  void relativeLambdaScalesWithTheRecord() {
    PlantedRecords source = new PlantedRecords(32, 64, 3, 0.1, 12);
    float[] records = source.next(50);
    float[] larger = records.clone();
    for (int i = 0; i < larger.length; i++) {
      larger[i] *= 1024f;
    }
    Settings settings = new Settings(0.2f, true, 1000);
    SparseCodes codes = code(source.dictionary(), settings, records, 50);
    SparseCodes scaled = code(source.dictionary(), settings, larger, 50);
    assertEquals(codes.entryCount(), scaled.entryCount());
    for (int i = 0; i < codes.entryCount(); i++) {
      assertEquals(codes.atoms()[i], scaled.atoms()[i]);
      assertEquals(1024f * codes.values()[i], scaled.values()[i]);
    }
  }

  @Test
  void zeroRecordHasTheEmptyCode() {
    PlantedRecords source = new PlantedRecords(16, 32, 3, 0.1, 13);
    for (boolean relative : new boolean[] {true, false}) {
      Settings settings = new Settings(0.1f, relative, 100);
      SparseCodes codes = code(source.dictionary(), settings, new float[16 * 5], 5);
      assertEquals(5, codes.count());
      assertEquals(0, codes.entryCount());
    }
  }

  @Test
  void recordBelowLambdaHasTheEmptyCode() {
    PlantedRecords source = new PlantedRecords(16, 32, 3, 0.1, 14);
    SparseCodes codes = code(source.dictionary(), Settings.absolute(1e3f), source.next(10), 10);
    assertEquals(0, codes.entryCount());
    assertEquals(codes.energy(3), codes.residualEnergy(3));
  }

  @Test
  void duplicateAndDeadAtomsStayFiniteAndOptimal() {
    PlantedRecords source = new PlantedRecords(16, 12, 3, 0.1, 15);
    float[] atoms = Arrays.copyOf(source.dictionary().atoms(), 28 * 16);
    System.arraycopy(atoms, 0, atoms, 12 * 16, 12 * 16);
    Dictionary dictionary = Dictionary.of(atoms, 28, 16); // the last four are dead
    float[] records = source.next(200);
    SparseCodes codes = code(dictionary, Settings.absolute(0.1f), records, 200);
    assertFinite(codes);
    ReferenceCoding reference = ReferenceCoding.of(dictionary);
    for (int r = 0; r < 200; r++) {
      int[] support = support(codes, r);
      assertTrue(Arrays.stream(support).allMatch(atom -> atom < 24), "record " + r);
      double[] x = ReferenceCoding.record(records, r * 16, 16);
      double[] z = values(codes, r);
      double tolerance = 1e-7 + rounding(z);
      assertTrue(violation(reference, x, support, z, 0.1f) <= tolerance, "record " + r);
    }
  }

  @Test
  void tinyLambdaInAnOvercompleteDictionaryStaysFinite() {
    PlantedRecords source = new PlantedRecords(8, 64, 5, 0.1, 16);
    float[] records = source.next(20);
    SparseCodes codes = code(source.dictionary(), Settings.absolute(1e-4f), records, 20);
    assertFinite(codes);
    for (int r = 0; r < 20; r++) {
      assertTrue(codes.residualEnergy(r) < 1e-4 * codes.energy(r), "record " + r);
    }
  }

  @Test
  void maskedRecordMeetsTheConditionsOfTheReducedSystem() {
    int d = 64;
    float lambda = 0.3f;
    PlantedRecords source = new PlantedRecords(d, 128, 3, 0.05, 17);
    LassoCoordinateDescent coder = new LassoCoordinateDescent(Settings.absolute(lambda));
    for (int r = 0; r < 200; r++) {
      float[] record = source.next(1);
      float[] mask = mask(d, r / 3, record);
      SparseCodes codes = new SparseCodes();
      coder.codeMasked(source.dictionary(), record, 0, mask, codes);
      double[] norms = ReferenceCoding.maskedNorms(source.dictionary(), mask);
      double[] z = values(codes, 0);
      int[] support = support(codes, 0);
      for (int i = 0; i < z.length; i++) {
        z[i] *= norms[support[i]];
      }
      double[] x = ReferenceCoding.observed(record, mask);
      ReferenceCoding reduced = ReferenceCoding.masked(source.dictionary(), mask);
      // Renormalising rounds the atoms to float once more: some roundings of the record.
      double tolerance = 1e-6 * lambda + 3e-7 * Math.sqrt(energy(x));
      assertTrue(violation(reduced, x, support, z, lambda) <= tolerance, "record " + r);
    }
  }

  @Test
  void refusesSettingsOutOfRange() {
    assertThrows(IllegalArgumentException.class, () -> Settings.absolute(0f));
    assertThrows(IllegalArgumentException.class, () -> Settings.absolute(Float.NaN));
    assertThrows(IllegalArgumentException.class, () -> new Settings(1f, true, 10));
    assertThrows(IllegalArgumentException.class, () -> new Settings(1f, false, 0));
  }

  private static SparseCodes code(
      Dictionary dictionary, Settings settings, float[] records, int count) {
    SparseCodes codes = new SparseCodes();
    new LassoCoordinateDescent(settings).code(dictionary, records, 0, count, codes);
    return codes;
  }
}
