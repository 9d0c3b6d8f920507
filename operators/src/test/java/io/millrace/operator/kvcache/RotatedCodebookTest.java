package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RotatedCodebookTest {

  /** Mean squared error of normal values: that of the best quantiser of so many levels (Max). */
  @ParameterizedTest(name = "{0} bits")
  @CsvSource({"2, 0.1175", "3, 0.03454", "4, 0.009497"})
  void normalValuesLoseWhatTheBestQuantiserLoses(int bits, double error) {
    PageShape shape = new PageShape(512, 4, 256);
    float[] values = DumpTools.normal(bits, shape.values());
    float[] restored = DumpTools.through(new RotatedCodebook(bits), shape, PageKind.KEYS, values);
    double relative = DumpTools.error(values, restored);
    // the norm is that of the codes chosen, which gains up to 2 %
    assertEquals(error, relative * relative, 0.025 * error);
  }

  @ParameterizedTest
  @ValueSource(ints = {8, 32, 40, 64})
  void rotationIsOrthogonalAndUndone(int d) {
    float[] a = DumpTools.normal(1, d);
    float[] b = DumpTools.normal(2, d);
    float[] ra = a.clone();
    float[] rb = b.clone();
    new HeadRotation(d).rotate(ra, 0, 1);
    new HeadRotation(d).rotate(rb, 0, 1);
    assertEquals(product(a, b), product(ra, rb), 1e-4);
    assertEquals(product(a, a), product(ra, ra), 1e-4);
    new HeadRotation(d).rotateBack(ra, 0, 1);
    assertArrayEquals(a, ra, 1e-5f);
  }

  /** The code is that of the rotated vector, rotated back: nothing else happens to it. */
  @Test
  void isTheQuantiserConjugatedByTheRotation() {
    int d = 64;
    PageShape shape = new PageShape(1, 1, d);
    float[] values = DumpTools.normal(3, d);
    float[] rotated = values.clone();
    new HeadRotation(d).rotate(rotated, 0, 1);
    double unit = Math.sqrt(product(rotated, rotated) / d);
    // of the polynomial; the optimum of Max (1960) is 0.1284, 0.3881, 0.6568, ... 2.7326
    double[] levels = {0.1310, 0.3936, 0.6603, 0.9394, 1.2481, 1.6157, 2.0869, 2.7259};
    double[] coded = new double[d];
    double along = 0;
    double square = 0;
    for (int i = 0; i < d; i++) {
      double best = levels[0];
      for (double level : levels) {
        best =
            Math.abs(Math.abs(rotated[i]) / unit - level)
                    < Math.abs(Math.abs(rotated[i]) / unit - best)
                ? level
                : best;
      }
      coded[i] = Math.copySign(best, rotated[i]);
      along += coded[i] * rotated[i];
      square += coded[i] * coded[i];
    }
    float[] expected = new float[d];
    for (int i = 0; i < d; i++) {
      expected[i] = (float) (coded[i] * along / square);
    }
    new HeadRotation(d).rotateBack(expected, 0, 1);
    // the norm is a half
    assertArrayEquals(
        expected, DumpTools.through(new RotatedCodebook(4), shape, PageKind.VALUES, values), 2e-3f);
  }

  /** One or two entries that are not zero are the worst for rounding, and harmless here. */
  @ParameterizedTest
  @CsvSource({"2, 0.5", "3, 0.35", "4, 0.25"})
  void singleEntriesAreBounded(int bits, double bound) {
    int d = 64;
    PageShape shape = new PageShape(1, 1, d);
    for (int first = 0; first < d; first++) {
      float[] one = new float[d];
      one[first] = -3f;
      float[] two = one.clone();
      two[(first * 7 + 1) % d] += 2f;
      for (float[] values : new float[][] {one, two}) {
        float[] restored =
            DumpTools.through(new RotatedCodebook(bits), shape, PageKind.KEYS, values);
        double error = DumpTools.error(values, restored);
        assertTrue(error < bound, first + ": " + error);
      }
    }
  }

  private static double product(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }
}
