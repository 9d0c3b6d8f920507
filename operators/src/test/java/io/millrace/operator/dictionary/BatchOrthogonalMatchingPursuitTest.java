package io.millrace.operator.dictionary;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.dictionary.BatchOrthogonalMatchingPursuit.Settings;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@DisplayName("T-CODER: batch orthogonal matching pursuit")
class BatchOrthogonalMatchingPursuitTest {

  @ParameterizedTest(name = "d={0}, k={1}, s={2}, {4} records, seed {5}")
  @CsvSource({
    "64, 128, 5, 5, 3000, 1",
    "64, 128, 5, 5, 3000, 2",
    "64, 128, 5, 5, 3000, 3",
    "64, 256, 8, 5, 1000, 4",
    "64, 256, 8, 5, 1000, 5",
    "256, 1024, 16, 16, 60, 6"
  })
  void choosesTheAtomsOfANaivePursuitInDouble(
      int d, int k, int s, int planted, int count, long seed) {
    PlantedRecords source = new PlantedRecords(d, k, planted, 0.1, seed);
    float[] records = source.next(count);
    SparseCodes codes = code(source.dictionary(), Settings.atoms(s), records, count);
    ReferenceCoding reference = ReferenceCoding.of(source.dictionary());
    int compared = 0;
    int equal = 0;
    for (int r = 0; r < count; r++) {
      double[] x = ReferenceCoding.record(records, r * d, d);
      ReferenceCoding.Pursuit expected = reference.pursue(x, s);
      if (!expected.tied()) {
        compared++;
        if (Arrays.equals(expected.support(), support(codes, r))) {
          equal++;
          assertClose(expected.coefficients(), codes, r);
          assertResidual(reference, x, codes, r);
        }
      }
    }
    assertTrue(compared > 0.9 * count, "ties: got " + (count - compared) + " of " + count);
    assertTrue(equal >= 0.999 * compared, "equal: got " + equal + " of " + compared);
  }

  private static void assertClose(double[] expected, SparseCodes codes, int record) {
    for (int i = 0; i < expected.length; i++) {
      // A thousand roundings of the record's norm: least squares of up to 16 coherent atoms.
      double tolerance = 1e-4 * Math.sqrt(codes.energy(record));
      assertEquals(expected[i], codes.values()[codes.start(record) + i], tolerance);
    }
  }

  private static void assertResidual(
      ReferenceCoding reference, double[] x, SparseCodes codes, int record) {
    int[] support = support(codes, record);
    double[] residual = reference.residual(x, support, values(codes, record), support.length);
    assertEquals(energy(residual), codes.residualEnergy(record), 1e-5 * energy(x));
    assertEquals(energy(x), codes.energy(record), 1e-5 * energy(x));
  }

  @Test
  void codesARecordTheSameAloneAndInABatch() {
    PlantedRecords source = new PlantedRecords(30, 50, 3, 0.1, 11);
    float[] records = source.next(131);
    SparseCodes batch = code(source.dictionary(), Settings.atoms(4), records, 131);
    BatchOrthogonalMatchingPursuit coder = new BatchOrthogonalMatchingPursuit(Settings.atoms(4));
    SparseCodes single = new SparseCodes();
    for (int r = 0; r < 131; r++) {
      coder.code(source.dictionary(), records, r * 30, 1, single);
    }
    assertSame(batch, single);
  }

  @Test
  void stopsAtTheRelativeError() {
    PlantedRecords source = new PlantedRecords(64, 128, 5, 0.02, 12);
    float[] records = source.next(500);
    SparseCodes codes = code(source.dictionary(), new Settings(20, 0.1f, 0f), records, 500);
    ReferenceCoding reference = ReferenceCoding.of(source.dictionary());
    for (int r = 0; r < 500; r++) {
      assertTrue(codes.residualEnergy(r) <= 0.010001 * codes.energy(r), "record " + r);
      int[] support = support(codes, r);
      double[] x = ReferenceCoding.record(records, r * 64, 64);
      int fewer = support.length - 1;
      double[] before =
          reference.residual(x, support, reference.leastSquares(x, support, fewer), fewer);
      assertTrue(energy(before) > 0.009999 * energy(x), "record " + r + " has an atom too many");
    }
  }

  @Test
  void stopsAtTheAbsoluteError() {
    PlantedRecords source = new PlantedRecords(16, 32, 3, 0.1, 13);
    float[] records = source.next(100);
    SparseCodes codes = code(source.dictionary(), new Settings(16, 0f, 0.5f), records, 100);
    for (int r = 0; r < 100; r++) {
      assertTrue(codes.residualEnergy(r) <= 0.25001, "record " + r);
    }
    assertEquals(0, entries(code(source.dictionary(), new Settings(16, 0f, 1e3f), records, 100)));
  }

  @Test
  void zeroRecordHasTheEmptyCode() {
    PlantedRecords source = new PlantedRecords(16, 32, 3, 0.1, 14);
    SparseCodes codes = code(source.dictionary(), Settings.atoms(3), new float[16 * 5], 5);
    assertEquals(5, codes.count());
    assertEquals(0, codes.entryCount());
    assertEquals(0f, codes.residualEnergy(4));
  }

  @Test
  void sparseRecordWithoutNoiseGetsNoAtomsBeyondItsOwn() {
    PlantedRecords source = new PlantedRecords(64, 128, 2, 0, 15);
    float[] records = source.next(300);
    SparseCodes codes = code(source.dictionary(), Settings.atoms(10), records, 300);
    for (int r = 0; r < 300; r++) {
      for (int i = codes.start(r); i < codes.start(r + 1); i++) {
        assertTrue(Math.abs(codes.values()[i]) < 10f);
      }
      assertTrue(codes.residualEnergy(r) <= 1e-11 * codes.energy(r), "record " + r);
    }
    assertTrue(codes.entryCount() < 3 * 300, "entries: got " + codes.entryCount());
  }

  @Test
  void duplicateAndDeadAtomsAreNeverAddedAndNeverMakeNaN() {
    PlantedRecords source = new PlantedRecords(16, 12, 3, 0.1, 16);
    float[] atoms = Arrays.copyOf(source.dictionary().atoms(), 40 * 16);
    System.arraycopy(atoms, 0, atoms, 12 * 16, 12 * 16);
    for (int i = 0; i < 12 * 16; i++) {
      atoms[24 * 16 + i] = -atoms[i];
    }
    Dictionary dictionary = Dictionary.of(atoms, 40, 16); // the last four are dead
    float[] records = source.next(200);
    SparseCodes codes = code(dictionary, Settings.atoms(16), records, 200);
    assertFinite(codes);
    for (int r = 0; r < 200; r++) {
      int[] support = support(codes, r);
      assertTrue(support.length <= 12, "atoms: got " + support.length + " of rank 12");
      long distinct = Arrays.stream(support).map(atom -> atom % 12).distinct().count();
      assertEquals(support.length, distinct, "record " + r);
      assertTrue(Arrays.stream(support).allMatch(atom -> atom < 36));
    }
  }

  @Test
  void moreAtomsThanRankStayFinite() {
    Random random = new Random(17);
    float[] atoms = new float[40 * 20];
    for (int j = 0; j < 40; j++) { // a plane of 3 dimensions in 20
      for (int i = 0; i < 3; i++) {
        atoms[j * 20 + i] = (float) random.nextGaussian();
      }
    }
    Dictionary dictionary = Dictionary.normalized(atoms, 40, 20);
    float[] records = new PlantedRecords(20, 40, 5, 0.1, 18).next(200);
    SparseCodes codes = code(dictionary, Settings.atoms(30), records, 200);
    assertFinite(codes);
    for (int r = 0; r < 200; r++) {
      assertTrue(support(codes, r).length <= 3, "record " + r);
    }
    SparseCodes full =
        code(new PlantedRecords(6, 40, 5, 0.1, 19).dictionary(), Settings.atoms(30), records, 200);
    assertFinite(full);
  }

  @Test
  void hugeAndTinyRecordsStayFinite() {
    PlantedRecords source = new PlantedRecords(16, 32, 3, 0.1, 20);
    for (float scale : new float[] {1e18f, 1e-15f, 1e-25f, Float.MIN_VALUE}) {
      float[] records = source.next(20);
      for (int i = 0; i < records.length; i++) {
        records[i] *= scale;
      }
      assertFinite(code(source.dictionary(), Settings.atoms(5), records, 20));
    }
  }

  @Test
  void maskedRecordIsCodedAsTheReducedSystem() {
    int d = 64;
    PlantedRecords source = new PlantedRecords(d, 128, 3, 0.05, 21);
    BatchOrthogonalMatchingPursuit coder = new BatchOrthogonalMatchingPursuit(Settings.atoms(4));
    int compared = 0;
    for (int r = 0; r < 300; r++) {
      float[] record = source.next(1);
      float[] mask = mask(d, r / 3, record); // each mask three times: once new, twice kept
      SparseCodes codes = new SparseCodes();
      coder.codeMasked(source.dictionary(), record, 0, mask, codes);
      double[] x = ReferenceCoding.observed(record, mask);
      ReferenceCoding.Pursuit expected =
          ReferenceCoding.masked(source.dictionary(), mask).pursue(x, 4);
      if (!expected.tied()) {
        compared++;
        assertArrayEquals(expected.support(), support(codes, 0), "record " + r);
        double[] norms = ReferenceCoding.maskedNorms(source.dictionary(), mask);
        for (int i = 0; i < 4; i++) {
          double value = expected.coefficients()[i] / norms[expected.support()[i]];
          assertEquals(value, codes.values()[i], 1e-4 * Math.sqrt(codes.energy(0)) + 1e-5);
        }
        assertEquals(energy(x), codes.energy(0), 1e-5 * energy(x));
      }
    }
    assertTrue(compared > 270, "ties: got " + (300 - compared) + " of 300");
  }

  @Test
  void fullMaskIsNoMaskAndEmptyMaskIsTheEmptyCode() {
    PlantedRecords source = new PlantedRecords(20, 40, 3, 0.1, 22);
    BatchOrthogonalMatchingPursuit coder = new BatchOrthogonalMatchingPursuit(Settings.atoms(4));
    float[] records = source.next(1);
    float[] mask = new float[20];
    SparseCodes none = new SparseCodes();
    coder.codeMasked(source.dictionary(), records, 0, mask, none);
    assertEquals(0, entries(none));
    assertEquals(0f, none.energy(0));
    Arrays.fill(mask, 1f);
    SparseCodes all = new SparseCodes();
    coder.codeMasked(source.dictionary(), records, 0, mask, all);
    assertSame(code(source.dictionary(), Settings.atoms(4), records, 1), all);
    assertThrows(
        IllegalArgumentException.class,
        () -> coder.codeMasked(source.dictionary(), records, 0, new float[19], all));
  }

  @Test
  void refusesSettingsOutOfRange() {
    assertThrows(IllegalArgumentException.class, () -> Settings.atoms(0));
    assertThrows(IllegalArgumentException.class, () -> new Settings(1, Float.NaN, 0f));
    assertThrows(IllegalArgumentException.class, () -> new Settings(1, 1f, 0f));
    assertThrows(IllegalArgumentException.class, () -> new Settings(1, 0f, -1f));
  }

  /** A fifth missing, by a seed; missing components become NaN, which no coder may read. */
  static float[] mask(int d, long seed, float[] record) {
    Random random = new Random(1000 + seed);
    float[] mask = new float[d];
    for (int i = 0; i < d; i++) {
      mask[i] = random.nextInt(5) == 0 ? 0f : 1f;
      if (mask[i] == 0f) {
        record[i] = Float.NaN;
      }
    }
    return mask;
  }

  static int[] support(SparseCodes codes, int record) {
    return Arrays.copyOfRange(codes.atoms(), codes.start(record), codes.start(record + 1));
  }

  static double[] values(SparseCodes codes, int record) {
    double[] values = new double[codes.start(record + 1) - codes.start(record)];
    for (int i = 0; i < values.length; i++) {
      values[i] = codes.values()[codes.start(record) + i];
    }
    return values;
  }

  static double energy(double[] x) {
    return Arrays.stream(x).map(value -> value * value).sum();
  }

  static void assertFinite(SparseCodes codes) {
    for (int i = 0; i < codes.entryCount(); i++) {
      assertTrue(Float.isFinite(codes.values()[i]), "entry " + i + ": got " + codes.values()[i]);
    }
    for (int r = 0; r < codes.count(); r++) {
      assertTrue(Float.isFinite(codes.residualEnergy(r)), "record " + r);
    }
  }

  static void assertSame(SparseCodes expected, SparseCodes got) {
    assertEquals(expected.count(), got.count());
    for (int r = 0; r < expected.count(); r++) {
      assertArrayEquals(support(expected, r), support(got, r), "record " + r);
      assertArrayEquals(values(expected, r), values(got, r), "record " + r);
      assertEquals(expected.energy(r), got.energy(r));
      assertEquals(expected.residualEnergy(r), got.residualEnergy(r));
    }
  }

  private static int entries(SparseCodes codes) {
    return codes.entryCount();
  }

  private static SparseCodes code(
      Dictionary dictionary, Settings settings, float[] records, int count) {
    SparseCodes codes = new SparseCodes();
    new BatchOrthogonalMatchingPursuit(settings).code(dictionary, records, 0, count, codes);
    return codes;
  }
}
