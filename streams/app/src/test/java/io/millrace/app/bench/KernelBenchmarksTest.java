package io.millrace.app.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.millrace.operator.dictionary.BatchOrthogonalMatchingPursuit;
import io.millrace.operator.dictionary.LassoCoordinateDescent;
import io.millrace.operator.dictionary.SparseCoder;
import io.millrace.operator.dictionary.SparseCodes;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class KernelBenchmarksTest {
  private static final long SEED = 4;

  /** Records and CPU nanoseconds of one iteration. */
  private record Iteration(double records, double cpuNanos) {}

  private static KernelMeasurement measurement(Iteration... iterations) {
    return KernelMeasurement.of(List.of(iterations), Iteration::records, Iteration::cpuNanos);
  }

  @Test
  void rateIsTheMedianOfIterationsPerCpuSecond() {
    KernelMeasurement measured =
        measurement(new Iteration(500, 1e9), new Iteration(600, 0.5e9), new Iteration(10, 0.25e9));
    assertEquals(500, measured.recordsPerCpuSecond());
    assertEquals(1.75, measured.cpuSeconds());
  }

  @Test
  void refusesAnIterationWithoutCpuTime() {
    assertThrows(IllegalStateException.class, () -> measurement(new Iteration(500, 0)));
  }

  @Test
  void rowHoldsBothFiguresAndTheirRatio() {
    KernelMeasurement own = measurement(new Iteration(300, 1e9));
    BenchmarkResult row = own.against("coder", "A", "rival", measurement(new Iteration(200, 1e9)));
    assertEquals(
        new BenchmarkResult("coder", "A", 300, "records/CPU s", 1, "rival", 200, 1.5), row);
  }

  @Test
  void benchmarkListIsInTheClassPath() {
    assertNotNull(
        getClass().getResource("/META-INF/BenchmarkList"), "the annotation processor did not run");
  }

  @ParameterizedTest
  @EnumSource
  void lassoWeightGivesAboutTheNonzerosOfTheShape(Shape shape) {
    SparseCoder lasso =
        new LassoCoordinateDescent(LassoCoordinateDescent.Settings.absolute(shape.lambda()));
    SparseCodes codes = codes(shape, lasso, 200);
    double mean = codes.entryCount() / 200.0;
    assertEquals(shape.nonzeros(), mean, 0.1 * shape.nonzeros(), "seed " + SEED);
  }

  @ParameterizedTest
  @EnumSource
  void plantedRecordsAreNoisyAtTwentyDecibel(Shape shape) {
    SparseCoder pursuit =
        new BatchOrthogonalMatchingPursuit(
            BatchOrthogonalMatchingPursuit.Settings.atoms(shape.plantedAtoms()));
    SparseCodes codes = codes(shape, pursuit, 500);
    double energy = 0;
    double residual = 0;
    for (int r = 0; r < codes.count(); r++) {
      energy += codes.energy(r);
      residual += codes.residualEnergy(r);
    }
    // a code of as many atoms as were planted also fits some noise, and misses some small atoms
    assertEquals(0.01, residual / energy, 0.005, "seed " + SEED);
  }

  @Test
  void sameSeedPlantsTheSameRecords() {
    assertArrayEquals(
        PlantedRecords.of(Shape.A, SEED).next(3), PlantedRecords.of(Shape.A, SEED).next(3));
  }

  private static SparseCodes codes(Shape shape, SparseCoder coder, int count) {
    PlantedRecords planted = PlantedRecords.of(shape, SEED);
    SparseCodes codes = new SparseCodes();
    coder.code(planted.dictionary(), planted.next(count), 0, count, codes);
    return codes;
  }
}
