package io.millrace.operator.dictionary;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PolarFactorTest {

  @ParameterizedTest(name = "n {0}, entries times {1}")
  @CsvSource({"1, 1", "2, 1", "16, 1e-18", "33, 1e15", "64, 1"})
  void equalsTheFactorFromSingularValues(int n, float scale) {
    long seed = 11;
    Random random = new Random(seed);
    float[] x = new float[n * n];
    DMatrixRMaj matrix = new DMatrixRMaj(n, n);
    for (int i = 0; i < n * n; i++) {
      float entry = (float) random.nextGaussian() + (i % (n + 1) == 0 ? 1 : 0);
      x[i] = entry * scale;
      matrix.data[i] = entry;
    }
    SingularValueDecomposition_F64<DMatrixRMaj> svd =
        DecompositionFactory_DDRM.svd(n, n, true, true, false);
    assertTrue(svd.decompose(matrix));
    DMatrixRMaj expected = new DMatrixRMaj(n, n);
    CommonOps_DDRM.mult(svd.getU(null, false), svd.getV(null, true), expected);
    float[] far = x.clone();
    assertTrue(new PolarFactor().apply(x, n), "seed " + seed);
    assertTrue(new PolarFactor().applyFromFar(far, n), "from far, seed " + seed);
    double worst = 0;
    for (int i = 0; i < n * n; i++) {
      worst = Math.max(worst, Math.abs(x[i] - expected.data[i]));
      worst = Math.max(worst, Math.abs(far[i] - expected.data[i]));
    }
    // Float rounding of the matrix times its condition, some hundreds.
    assertTrue(worst < 1e-4, "difference " + worst + " (seed " + seed + ")");
  }

  @Test
  void saysWhenThereIsNone() {
    assertFalse(new PolarFactor().apply(new float[4], 2));
    assertFalse(new PolarFactor().apply(new float[] {1, 1, 1, 1}, 2));
    assertFalse(new PolarFactor().apply(new float[] {Float.NaN, 0, 0, 1}, 2));
  }
}
