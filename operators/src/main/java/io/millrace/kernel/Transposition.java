package io.millrace.kernel;

/**
 * Moves a matrix into its transpose, a block of one cache line each way at a time. Each block goes
 * through a buffer: rows that lie a power of two apart share a set of the first-level cache, so
 * that writing along the columns of a block would push out its own lines.
 */
final class Transposition {
  private static final int BLOCK = 16;

  private Transposition() {}

  /** out [n x m, rows outRow apart] = A' of A [m x n, rows aRow apart]. */
  static void copy(
      float[] a, int aFrom, int aRow, float[] out, int outFrom, int outRow, int m, int n) {
    float[] buffer = new float[BLOCK * BLOCK];
    for (int i = 0; i < m; i += BLOCK) {
      int rows = Math.min(BLOCK, m - i);
      for (int j = 0; j < n; j += BLOCK) {
        int columns = Math.min(BLOCK, n - j);
        int o = outFrom + j * outRow + i;
        block(a, aFrom + i * aRow + j, aRow, out, o, outRow, rows, columns, buffer);
      }
    }
  }

  /** Copies what is above the diagonal of C [m x m] to below it. */
  static void mirrorUpper(float[] c, int cFrom, int m) {
    float[] buffer = new float[BLOCK * BLOCK];
    for (int i = 0; i < m; i += BLOCK) {
      int rows = Math.min(BLOCK, m - i);
      for (int r = 1; r < rows; r++) {
        for (int j = 0; j < r; j++) {
          c[cFrom + (i + r) * m + i + j] = c[cFrom + (i + j) * m + i + r];
        }
      }
      for (int j = i + BLOCK; j < m; j += BLOCK) {
        int columns = Math.min(BLOCK, m - j);
        block(c, cFrom + i * m + j, m, c, cFrom + j * m + i, m, rows, columns, buffer);
      }
    }
  }

  private static void block(
      float[] a,
      int aFrom,
      int aRow,
      float[] out,
      int outFrom,
      int outRow,
      int rows,
      int columns,
      float[] buffer) {
    for (int i = 0; i < rows; i++) {
      System.arraycopy(a, aFrom + i * aRow, buffer, i * BLOCK, columns);
    }
    for (int j = 0; j < columns; j++) {
      int o = outFrom + j * outRow;
      for (int i = 0; i < rows; i++) {
        out[o + i] = buffer[i * BLOCK + j];
      }
    }
  }
}
