package io.millrace.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Both twins against the definition of every kernel, written out naively. The build runs this class
 * with and without the vector module.
 */
class KernelsTest {
  private static final long SEED = 20261101;
  private static final VectorKernels SCALAR = new ScalarKernels();

  private final Random random = new Random(SEED);

  @Test
  void thisProcessHasTheFingerprint() {
    String expected = Long.toHexString(KernelFingerprint.EXPECTED);
    assertEquals(expected, Long.toHexString(KernelFingerprint.compute()), Kernels.provider());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3, 4, 7, 8, 15, 16, 17, 63, 64, 65, 127, 255, 1000, 4098})
  void vectorsOfAnyLengthHaveTheDefinedBits(int length) {
    for (int offset : new int[] {0, 1, 13}) {
      float[] a = values(length + 20);
      float[] b = values(length + 20);
      String place = "length " + length + ", offset " + offset + ", seed " + SEED;

      float dot = definedDot(a, offset, b, 7, length);
      assertSameBits(dot, Kernels.dot(a, offset, b, 7, length), place);
      assertSameBits(dot, SCALAR.dot(a, offset, b, 7, length), place);

      int argmax = definedArgmax(a, offset, length);
      assertEquals(argmax, Kernels.argmaxAbs(a, offset, length), place);
      assertEquals(argmax, SCALAR.argmaxAbs(a, offset, length), place);
      float largest = length == 0 ? 0f : Math.abs(a[offset + argmax]);
      assertSameBits(largest, Kernels.maxAbs(a, offset, length), place);
      assertSameBits(largest, SCALAR.maxAbs(a, offset, length), place);

      float[] sums = b.clone();
      float[] scaled = a.clone();
      for (int i = 0; i < length; i++) {
        sums[7 + i] = Math.fma(-0.31f, a[offset + i], b[7 + i]);
        scaled[offset + i] = -0.31f * a[offset + i];
      }
      float[] y = b.clone();
      Kernels.axpy(-0.31f, a, offset, y, 7, length);
      assertSameBits(sums, y, place);
      SCALAR.axpy(-0.31f, a, offset, y = b.clone(), 7, length);
      assertSameBits(sums, y, place);
      float[] x = a.clone();
      Kernels.scale(-0.31f, x, offset, length);
      assertSameBits(scaled, x, place);
      SCALAR.scale(-0.31f, x = a.clone(), offset, length);
      assertSameBits(scaled, x, place);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3, 4, 7, 8, 15, 16, 17, 63, 64, 65, 127, 255, 1000})
  void subtractedRowsAreOneChainInRisingOrder(int length) {
    for (int count : new int[] {0, 1, 2, 5}) {
      float[] matrix = values(8 * length);
      float[] base = values(length + 2);
      float[] coefficients = values(count);
      int[] rows = random.ints(count, 0, 8).toArray();
      float[] expected = new float[length + 3];
      for (int j = 0; j < length; j++) {
        float sum = base[2 + j];
        for (int i = 0; i < count; i++) {
          sum = Math.fma(-coefficients[i], matrix[rows[i] * length + j], sum);
        }
        expected[3 + j] = sum;
      }
      String place = "length " + length + ", rows " + count + ", seed " + SEED;
      float[] out = new float[length + 3];
      Kernels.subtractRows(base, 2, coefficients, rows, count, matrix, length, out, 3);
      assertSameBits(expected, out, place);
      SCALAR.subtractRows(
          base, 2, coefficients, rows, count, matrix, length, out = new float[length + 3], 3);
      assertSameBits(expected, out, place);
      Kernels.subtractRows(base, 2, coefficients, rows, count, matrix, length, base, 2);
      assertSameBits(
          Arrays.copyOfRange(expected, 3, length + 3),
          Arrays.copyOfRange(base, 2, length + 2),
          "in place, " + place);
    }
  }

  @Test
  void productsOfAnyShapeHaveTheDefinedBits() {
    int[] rows = {0, 1, 6, 8, 13, 97};
    int[] columns = {0, 1, 8, 31, 64, 65, 515};
    int[] depths = {0, 1, 7, 64, 65, 259};
    GemmScratch scratch = new GemmScratch();
    GemmScratch scalarScratch = new GemmScratch();
    for (int m : rows) {
      for (int n : columns) {
        for (int k : depths) {
          float[] a = values(m * k + 3);
          float[] b = values(k * n + 1);
          float[] start = values(m * n + 2);
          String place = m + " x " + n + " x " + k + ", seed " + SEED;

          float[] sums = definedSum(a, b, start, m, n, k);
          float[] c = start.clone();
          Kernels.gemmAdd(a, 3, b, 1, c, 2, m, n, k, scratch);
          assertSameBits(sums, c, place);
          SCALAR.gemmAdd(a, 3, b, 1, c = start.clone(), 2, m, n, k, scalarScratch);
          assertSameBits(sums, c, place);

          Arrays.fill(start, 2, start.length, 0f);
          float[] product = definedSum(a, b, start, m, n, k);
          Kernels.gemm(a, 3, b, 1, c, 2, m, n, k, scratch);
          assertSameBits(product, c, place);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 5, 8, 9, 64, 70})
  void matrixVectorProductHasTheBitsOfAMatrixProduct(int m) {
    for (int n : new int[] {0, 1, 7, 16, 33, 128, 515}) {
      float[] a = values(m * n + 5);
      float[] x = values(m + 1);
      float[] product = new float[n + 4];
      Kernels.gemm(x, 1, a, 5, product, 4, 1, n, m, new GemmScratch());
      String place = m + " x " + n + ", seed " + SEED;
      float[] y = values(n + 4);
      Arrays.fill(y, 0, 4, 0f);
      Kernels.gemv(a, 5, x, 1, y, 4, m, n);
      assertSameBits(product, y, place);
      SCALAR.gemv(a, 5, x, 1, y, 4, m, n);
      assertSameBits(product, y, place);
    }
  }

  @Test
  void productIsCloseToTheExactOne() {
    int m = 33;
    int n = 70;
    for (int k : new int[] {1, 64, 1000}) {
      float[] a = normals(m * k);
      float[] b = normals(k * n);
      float[] c = new float[m * n];
      Kernels.gemm(a, 0, b, 0, c, 0, m, n, k, new GemmScratch());
      for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
          double exact = 0;
          double magnitude = 0;
          for (int p = 0; p < k; p++) {
            exact += (double) a[i * k + p] * b[p * n + j];
            magnitude += Math.abs((double) a[i * k + p] * b[p * n + j]);
          }
          // One rounding of half an ulp per link of the chain: k u times the sum of |products|.
          assertEquals(exact, c[i * n + j], k * 0x1p-24 * magnitude, "depth " + k);
        }
      }
    }
  }

  @Test
  void gramMatrixHasTheBitsOfTheWholeProduct() {
    for (int m : new int[] {1, 7, 33, 128, 200, 530}) {
      for (int k : new int[] {1, 17, 300}) {
        float[] a = values(m * k + 2);
        float[] turned = new float[m * k + 1];
        Kernels.transpose(a, 2, turned, 1, m, k);
        float[] whole = new float[m * m + 3];
        GemmScratch scratch = new GemmScratch();
        Kernels.gemm(a, 2, turned, 1, whole, 3, m, m, k, scratch);
        Kernels.gemmAdd(a, 2, turned, 1, whole, 3, m, m, k, scratch);
        float[] gram = new float[m * m + 3];
        Kernels.gramAdd(a, 2, turned, 1, gram, 3, m, k, scratch);
        Kernels.gramAdd(a, 2, turned, 1, gram, 3, m, k, scratch);
        assertSameBits(whole, gram, m + " x " + k);
      }
    }
  }

  @Test
  void transposedTwiceIsTheSame() {
    for (int m : new int[] {0, 1, 15, 16, 33}) {
      for (int n : new int[] {1, 7, 16, 50}) {
        float[] a = values(m * n + 2);
        float[] turned = new float[m * n + 1];
        Kernels.transpose(a, 2, turned, 1, m, n);
        if (m > 0) {
          assertSameBits(a[2 + n - 1], turned[1 + (n - 1) * m], "corner");
        }
        float[] back = new float[m * n + 2];
        System.arraycopy(a, 0, back, 0, 2);
        Kernels.transpose(turned, 1, back, 2, n, m);
        assertSameBits(a, back, m + " x " + n);
      }
    }
  }

  @Test
  void firstOfEqualMagnitudesWins() {
    for (int length : new int[] {1, 5, 16, 64, 100}) {
      for (int first = 0; first < length; first++) {
        float[] x = new float[length];
        x[first] = -2f;
        x[length - 1] = 2f;
        assertEquals(first, Kernels.argmaxAbs(x, 0, length));
      }
      assertEquals(0, Kernels.argmaxAbs(new float[length], 0, length));
    }
    assertEquals(2, Kernels.argmaxAbs(new float[] {1f, Float.NEGATIVE_INFINITY, Float.NaN}, 0, 3));
  }

  @Test
  void extremesKeepTheirDefinedBits() {
    float[] extremes = {
      Float.MIN_VALUE,
      -Float.MIN_VALUE,
      Float.MIN_NORMAL,
      -0f,
      0f,
      1e-30f,
      -1e-30f,
      1e30f,
      Float.MAX_VALUE,
      -1f,
      1f,
      0x1.fffffep-1f
    };
    for (int length : new int[] {5, 64, 65, 130}) {
      for (int trial = 0; trial < 200; trial++) {
        float[] a = new float[length];
        float[] b = new float[length];
        for (int i = 0; i < length; i++) {
          a[i] = extremes[random.nextInt(extremes.length)];
          b[i] = extremes[random.nextInt(7)]; // small ones, so that no sum overflows
        }
        String place = Arrays.toString(a) + Arrays.toString(b);
        float dot = definedDot(a, 0, b, 0, length);
        assertSameBits(dot, Kernels.dot(a, 0, b, 0, length), place);
        assertSameBits(dot, SCALAR.dot(a, 0, b, 0, length), place);
      }
    }
  }

  @Test
  void underflowToNegativeZeroIsTheSameInBothTwins() {
    for (int length : new int[] {1, 63, 64, 65, 128}) {
      float[] a = new float[length];
      float[] b = new float[length];
      Arrays.fill(a, -1e-30f);
      Arrays.fill(b, 1e-30f);
      float dot = definedDot(a, 0, b, 0, length);
      assertSameBits(dot, Kernels.dot(a, 0, b, 0, length), "length " + length);
      assertSameBits(dot, SCALAR.dot(a, 0, b, 0, length), "length " + length);
    }
  }

  @Test
  void readingPastAnArrayIsRefused() {
    float[] three = new float[3];
    float[] many = new float[100];
    assertThrows(IndexOutOfBoundsException.class, () -> Kernels.dot(three, 0, many, 0, 4));
    assertThrows(IndexOutOfBoundsException.class, () -> Kernels.axpy(1f, many, 0, three, 0, 64));
    assertThrows(IndexOutOfBoundsException.class, () -> Kernels.argmaxAbs(three, 1, 3));
  }

  private static float definedDot(float[] a, int aFrom, float[] b, int bFrom, int length) {
    float[] p = new float[64];
    for (int i = 0; i < (length + 63) / 64 * 64; i++) {
      float x = i < length ? a[aFrom + i] : 0f;
      float y = i < length ? b[bFrom + i] : 0f;
      p[i % 64] = Math.fma(x, y, p[i % 64]);
    }
    for (int l = 0; l < 16; l++) {
      p[l] = (p[l] + p[l + 16]) + (p[l + 32] + p[l + 48]);
    }
    for (int half = 8; half >= 1; half /= 2) {
      for (int l = 0; l < half; l++) {
        p[l] = p[l] + p[l + half];
      }
    }
    return p[0];
  }

  private static int definedArgmax(float[] x, int from, int length) {
    int best = length == 0 ? -1 : 0;
    for (int i = 1; i < length; i++) {
      if (Math.abs(x[from + i]) > Math.abs(x[from + best])) {
        best = i;
      }
    }
    return best;
  }

  private static float[] definedSum(float[] a, float[] b, float[] start, int m, int n, int k) {
    float[] c = start.clone();
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < n; j++) {
        float sum = start[2 + i * n + j];
        for (int p = 0; p < k; p++) {
          sum = Math.fma(a[3 + i * k + p], b[1 + p * n + j], sum);
        }
        c[2 + i * n + j] = sum;
      }
    }
    return c;
  }

  /** Normal values over 24 binades, some exact zeros of both signs. */
  private float[] values(int length) {
    float[] values = normals(length);
    for (int i = 0; i < length; i++) {
      int kind = random.nextInt(24);
      values[i] = kind == 0 ? 0f * values[i] : Math.scalb(values[i], kind - 12);
    }
    return values;
  }

  private float[] normals(int length) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static void assertSameBits(float expected, float got, String place) {
    assertEquals(Float.floatToRawIntBits(expected), Float.floatToRawIntBits(got), place);
  }

  private static void assertSameBits(float[] expected, float[] got, String place) {
    assertArrayEquals(bits(expected), bits(got), place);
  }

  private static int[] bits(float[] values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < values.length; i++) {
      bits[i] = Float.floatToRawIntBits(values[i]);
    }
    return bits;
  }
}
