package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.kvcache.SymmetricEigen.Decomposition;
import java.util.Arrays;
import java.util.Random;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.EigenDecomposition_F64;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SymmetricEigenTest {

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5, 17, 64, 129})
  void agreesWithAnotherLibrary(int n) {
    Random random = new Random(n);
    int rank = random.nextInt(n) + 1;
    double[] matrix = new double[n * n];
    for (int r = 0; r < rank; r++) {
      double[] x = random.doubles(n, -1, 1).toArray();
      double weight = Math.pow(10, -4.0 * r / n);
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          matrix[i * n + j] += weight * x[i] * x[j];
        }
      }
    }
    Decomposition got = SymmetricEigen.of(matrix, n);
    EigenDecomposition_F64<DMatrixRMaj> reference = DecompositionFactory_DDRM.eig(n, false, true);
    assertTrue(reference.decompose(DMatrixRMaj.wrap(n, n, matrix.clone())));
    double[] expected = new double[n];
    for (int i = 0; i < n; i++) {
      expected[i] = -reference.getEigenvalue(i).getReal();
    }
    Arrays.sort(expected);
    double scale = Math.abs(expected[0]) + 1e-300;
    for (int j = 0; j < n; j++) {
      assertEquals(-expected[j], got.values()[j], 1e-12 * scale * n, "value " + j);
      for (int k = 0; k <= j; k++) {
        assertEquals(
            j == k ? 1 : 0, product(got.vectors()[j], got.vectors()[k]), 1e-12 * n, j + ", " + k);
      }
      for (int i = 0; i < n; i++) {
        double image = product(Arrays.copyOfRange(matrix, i * n, (i + 1) * n), got.vectors()[j]);
        assertEquals(got.values()[j] * got.vectors()[j][i], image, 1e-12 * scale * n);
      }
    }
  }

  private static double product(double[] x, double[] y) {
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += x[i] * y[i];
    }
    return sum;
  }
}
