package io.millrace.kernel;

/**
 * The twin in plain Java. C2 gives up vectorising a loop over two float arrays as soon as their
 * offsets differ (they might overlap), so the product copies its rows into arrays of their own and
 * the others rely on several independent chains per pass.
 */
final class ScalarKernels implements VectorKernels {
  private final CodeKernels codes = new ScalarCodeKernels();
  private final HalfKernels halves = new ScalarHalfKernels();
  private final LevelKernels levels = new ScalarLevelKernels();

  private static final int DEPTH_BLOCK = 64;
  private static final int COLUMN_BLOCK = 256;
  // Above this the strided passes of a short dot would read memory, not the first-level cache.
  private static final int STRIDED_DOT = 4096;

  @Override
  public String name() {
    return "scalar";
  }

  @Override
  public CodeKernels codes() {
    return codes;
  }

  @Override
  public LevelKernels levels() {
    return levels;
  }

  @Override
  public HalfKernels halves() {
    return halves;
  }

  @Override
  public float dot(float[] a, int aFrom, float[] b, int bFrom, int length) {
    if (length > STRIDED_DOT) {
      return longDot(a, aFrom, b, bFrom, length);
    }
    float even = quarter(a, aFrom, b, bFrom, length, 0) + quarter(a, aFrom, b, bFrom, length, 2);
    float odd = quarter(a, aFrom, b, bFrom, length, 1) + quarter(a, aFrom, b, bFrom, length, 3);
    return even + odd;
  }

  /** Folded partials l, l+8 and l+4, l+12 of sixteen. */
  private static float quarter(float[] a, int aFrom, float[] b, int bFrom, int length, int l) {
    return (column(a, aFrom, b, bFrom, length, l) + column(a, aFrom, b, bFrom, length, l + 8))
        + (column(a, aFrom, b, bFrom, length, l + 4) + column(a, aFrom, b, bFrom, length, l + 12));
  }

  /** The four partials l, l+16, l+32, l+48 of sixty-four, folded. */
  private static float column(float[] a, int aFrom, float[] b, int bFrom, int length, int l) {
    float p0 = 0f;
    float p1 = 0f;
    float p2 = 0f;
    float p3 = 0f;
    int full = length & -64;
    for (int i = l; i < full; i += 64) {
      p0 = Math.fma(a[aFrom + i], b[bFrom + i], p0);
      p1 = Math.fma(a[aFrom + i + 16], b[bFrom + i + 16], p1);
      p2 = Math.fma(a[aFrom + i + 32], b[bFrom + i + 32], p2);
      p3 = Math.fma(a[aFrom + i + 48], b[bFrom + i + 48], p3);
    }
    if (full < length) {
      p0 = last(a, aFrom, b, bFrom, length, full + l, p0);
      p1 = last(a, aFrom, b, bFrom, length, full + l + 16, p1);
      p2 = last(a, aFrom, b, bFrom, length, full + l + 32, p2);
      p3 = last(a, aFrom, b, bFrom, length, full + l + 48, p3);
    }
    return (p0 + p1) + (p2 + p3);
  }

  /** One step into the padded block. Adding the zero is not idle: it turns -0 into +0. */
  private static float last(
      float[] a, int aFrom, float[] b, int bFrom, int length, int i, float partial) {
    return i < length ? Math.fma(a[aFrom + i], b[bFrom + i], partial) : partial + 0f;
  }

  private static float longDot(float[] a, int aFrom, float[] b, int bFrom, int length) {
    float[] p = new float[64];
    int full = length & -64;
    for (int i = 0; i < full; i += 64) {
      for (int l = 0; l < 64; l++) {
        p[l] = Math.fma(a[aFrom + i + l], b[bFrom + i + l], p[l]);
      }
    }
    if (full < length) {
      for (int l = 0; l < 64; l++) {
        p[l] = last(a, aFrom, b, bFrom, length, full + l, p[l]);
      }
    }
    for (int l = 0; l < 16; l++) {
      p[l] = (p[l] + p[l + 16]) + (p[l + 32] + p[l + 48]);
    }
    for (int half = 8; half > 0; half /= 2) {
      for (int l = 0; l < half; l++) {
        p[l] += p[l + half];
      }
    }
    return p[0];
  }

  @Override
  public void axpy(float alpha, float[] x, int xFrom, float[] y, int yFrom, int length) {
    if (xFrom == yFrom) { // one common index: this loop C2 does vectorise
      for (int i = xFrom; i < xFrom + length; i++) {
        y[i] = Math.fma(alpha, x[i], y[i]);
      }
      return;
    }
    for (int i = 0; i < length; i++) {
      y[yFrom + i] = Math.fma(alpha, x[xFrom + i], y[yFrom + i]);
    }
  }

  @Override
  public void scale(float alpha, float[] x, int from, int length) {
    for (int i = from; i < from + length; i++) {
      x[i] = alpha * x[i];
    }
  }

  @Override
  public void gemv(float[] a, int aFrom, float[] x, int xFrom, float[] y, int yFrom, int m, int n) {
    int j = 0;
    for (; j + 7 < n; j += 8) {
      gemvEight(a, aFrom + j, x, xFrom, y, yFrom + j, m, n);
    }
    for (; j < n; j++) {
      float sum = 0f;
      for (int i = 0; i < m; i++) {
        sum = Math.fma(x[xFrom + i], a[aFrom + i * n + j], sum);
      }
      y[yFrom + j] = sum;
    }
  }

  private static void gemvEight(
      float[] a, int aFrom, float[] x, int xFrom, float[] y, int yFrom, int m, int n) {
    float s0 = 0f;
    float s1 = 0f;
    float s2 = 0f;
    float s3 = 0f;
    float s4 = 0f;
    float s5 = 0f;
    float s6 = 0f;
    float s7 = 0f;
    for (int i = 0, o = aFrom; i < m; i++, o += n) {
      float xi = x[xFrom + i];
      s0 = Math.fma(xi, a[o], s0);
      s1 = Math.fma(xi, a[o + 1], s1);
      s2 = Math.fma(xi, a[o + 2], s2);
      s3 = Math.fma(xi, a[o + 3], s3);
      s4 = Math.fma(xi, a[o + 4], s4);
      s5 = Math.fma(xi, a[o + 5], s5);
      s6 = Math.fma(xi, a[o + 6], s6);
      s7 = Math.fma(xi, a[o + 7], s7);
    }
    y[yFrom] = s0;
    y[yFrom + 1] = s1;
    y[yFrom + 2] = s2;
    y[yFrom + 3] = s3;
    y[yFrom + 4] = s4;
    y[yFrom + 5] = s5;
    y[yFrom + 6] = s6;
    y[yFrom + 7] = s7;
  }

  @Override
  public void gemmAdd(
      float[] a,
      int aFrom,
      float[] b,
      int bFrom,
      float[] c,
      int cFrom,
      int m,
      int n,
      int k,
      GemmScratch scratch) {
    float[][] rows = scratch.rows(DEPTH_BLOCK, COLUMN_BLOCK);
    float[] sums = scratch.tile(COLUMN_BLOCK);
    for (int j0 = 0; j0 < n; j0 += COLUMN_BLOCK) {
      int width = Math.min(COLUMN_BLOCK, n - j0);
      for (int p0 = 0; p0 < k; p0 += DEPTH_BLOCK) {
        int depth = Math.min(DEPTH_BLOCK, k - p0);
        for (int p = 0; p < depth; p++) {
          System.arraycopy(b, bFrom + (p0 + p) * n + j0, rows[p], 0, width);
        }
        for (int i = 0; i < m; i++) {
          int o = cFrom + i * n + j0;
          System.arraycopy(c, o, sums, 0, width);
          addRows(a, aFrom + i * k + p0, rows, depth, sums, width);
          System.arraycopy(sums, 0, c, o, width);
        }
      }
    }
  }

  private static void addRows(
      float[] a, int aFrom, float[][] rows, int depth, float[] sums, int width) {
    int p = 0;
    for (; p + 7 < depth; p += 8) {
      addEightRows(a, aFrom + p, rows, p, sums, width);
    }
    for (; p < depth; p++) {
      float alpha = a[aFrom + p];
      float[] row = rows[p];
      for (int j = 0; j < width; j++) {
        sums[j] = Math.fma(alpha, row[j], sums[j]);
      }
    }
  }

  // One output row and eight input rows: small enough a body for JDK 17 to vectorise too.
  private static void addEightRows(
      float[] a, int aFrom, float[][] rows, int p, float[] sums, int width) {
    float a0 = a[aFrom];
    float a1 = a[aFrom + 1];
    float a2 = a[aFrom + 2];
    float a3 = a[aFrom + 3];
    float a4 = a[aFrom + 4];
    float a5 = a[aFrom + 5];
    float a6 = a[aFrom + 6];
    float a7 = a[aFrom + 7];
    float[] r0 = rows[p];
    float[] r1 = rows[p + 1];
    float[] r2 = rows[p + 2];
    float[] r3 = rows[p + 3];
    float[] r4 = rows[p + 4];
    float[] r5 = rows[p + 5];
    float[] r6 = rows[p + 6];
    float[] r7 = rows[p + 7];
    for (int j = 0; j < width; j++) {
      float sum = Math.fma(a0, r0[j], sums[j]);
      sum = Math.fma(a1, r1[j], sum);
      sum = Math.fma(a2, r2[j], sum);
      sum = Math.fma(a3, r3[j], sum);
      sum = Math.fma(a4, r4[j], sum);
      sum = Math.fma(a5, r5[j], sum);
      sum = Math.fma(a6, r6[j], sum);
      sums[j] = Math.fma(a7, r7[j], sum);
    }
  }

  @Override
  public void gramAddUpper(
      float[] a,
      int aFrom,
      float[] transposed,
      int transposedFrom,
      float[] c,
      int cFrom,
      int m,
      int k,
      GemmScratch scratch) {
    gemmAdd(a, aFrom, transposed, transposedFrom, c, cFrom, m, m, k, scratch);
  }

  @Override
  public float maxAbs(float[] x, int from, int length) {
    int largest = 0;
    for (int i = from; i < from + length; i++) {
      largest = Math.max(largest, Float.floatToRawIntBits(x[i]) & Integer.MAX_VALUE);
    }
    return Float.intBitsToFloat(largest);
  }

  @Override
  public int argmaxAbs(float[] x, int from, int length) {
    int best = -1;
    int largest = -1;
    for (int i = 0; i < length; i++) {
      int magnitude = Float.floatToRawIntBits(x[from + i]) & 0x7fffffff;
      if (magnitude > largest) {
        largest = magnitude;
        best = i;
      }
    }
    return best;
  }

  @Override
  public void subtractRows(
      float[] base,
      int baseFrom,
      float[] coefficients,
      int[] rows,
      int count,
      float[] matrix,
      int rowLength,
      float[] out,
      int outFrom) {
    int j = 0;
    for (; j + 7 < rowLength; j += 8) {
      subtractEight(
          base, baseFrom + j, coefficients, rows, count, matrix, rowLength, j, out, outFrom);
    }
    for (; j < rowLength; j++) {
      float sum = base[baseFrom + j];
      for (int i = 0; i < count; i++) {
        sum = Math.fma(-coefficients[i], matrix[rows[i] * rowLength + j], sum);
      }
      out[outFrom + j] = sum;
    }
  }

  private static void subtractEight(
      float[] base,
      int baseFrom,
      float[] coefficients,
      int[] rows,
      int count,
      float[] matrix,
      int rowLength,
      int j,
      float[] out,
      int outFrom) {
    float s0 = base[baseFrom];
    float s1 = base[baseFrom + 1];
    float s2 = base[baseFrom + 2];
    float s3 = base[baseFrom + 3];
    float s4 = base[baseFrom + 4];
    float s5 = base[baseFrom + 5];
    float s6 = base[baseFrom + 6];
    float s7 = base[baseFrom + 7];
    for (int i = 0; i < count; i++) {
      float c = -coefficients[i];
      int o = rows[i] * rowLength + j;
      s0 = Math.fma(c, matrix[o], s0);
      s1 = Math.fma(c, matrix[o + 1], s1);
      s2 = Math.fma(c, matrix[o + 2], s2);
      s3 = Math.fma(c, matrix[o + 3], s3);
      s4 = Math.fma(c, matrix[o + 4], s4);
      s5 = Math.fma(c, matrix[o + 5], s5);
      s6 = Math.fma(c, matrix[o + 6], s6);
      s7 = Math.fma(c, matrix[o + 7], s7);
    }
    out[outFrom + j] = s0;
    out[outFrom + j + 1] = s1;
    out[outFrom + j + 2] = s2;
    out[outFrom + j + 3] = s3;
    out[outFrom + j + 4] = s4;
    out[outFrom + j + 5] = s5;
    out[outFrom + j + 6] = s6;
    out[outFrom + j + 7] = s7;
  }
}
