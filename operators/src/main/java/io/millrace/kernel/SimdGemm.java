package io.millrace.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Blocked product with packed panels (Goto, van de Geijn, 2008). Every output continues its chain
 * in rising k through memory, so the blocks do not show in the bits.
 */
final class SimdGemm {
  private static final VectorSpecies<Float> F = SimdLanes.FLOATS;
  private static final int LANES = SimdLanes.COUNT;
  private static final int TILE_ROWS = LANES == 16 ? 8 : 6;
  private static final int TILE_COLUMNS = 2 * LANES;
  // A block of A (96 x 256) and a panel of B (256 x 512) share the second-level cache.
  private static final int DEPTH_BLOCK = 256;
  private static final int ROW_BLOCK = 96;
  private static final int COLUMN_BLOCK = 512;

  private SimdGemm() {}

  static void add(
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
    add(a, aFrom, b, bFrom, c, cFrom, m, n, k, false, scratch);
  }

  /**
   * @param upper whether to leave out tiles below the diagonal of a square C
   */
  static void add(
      float[] a,
      int aFrom,
      float[] b,
      int bFrom,
      float[] c,
      int cFrom,
      int m,
      int n,
      int k,
      boolean upper,
      GemmScratch scratch) {
    float[] packedA = scratch.packedA(roundUp(Math.min(m, ROW_BLOCK), TILE_ROWS) * DEPTH_BLOCK);
    float[] packedB =
        scratch.packedB(roundUp(Math.min(n, COLUMN_BLOCK), TILE_COLUMNS) * DEPTH_BLOCK);
    float[] tile = scratch.tile(TILE_ROWS * TILE_COLUMNS);
    for (int j0 = 0; j0 < n; j0 += COLUMN_BLOCK) {
      int columns = Math.min(COLUMN_BLOCK, n - j0);
      for (int p0 = 0; p0 < k; p0 += DEPTH_BLOCK) {
        int depth = Math.min(DEPTH_BLOCK, k - p0);
        packB(b, bFrom + p0 * n + j0, n, depth, columns, packedB);
        int rowEnd = upper ? j0 + columns : m;
        for (int i0 = 0; i0 < rowEnd; i0 += ROW_BLOCK) {
          int rows = Math.min(ROW_BLOCK, rowEnd - i0);
          // Rows of the block above the diagonal at its first column, fewer than none if below.
          int reach = upper ? j0 - i0 : rows;
          packA(a, aFrom + i0 * k + p0, k, depth, rows, packedA);
          block(packedA, packedB, depth, rows, reach, columns, c, cFrom + i0 * n + j0, n, tile);
        }
      }
    }
  }

  private static int roundUp(int value, int unit) {
    return (value + unit - 1) / unit * unit;
  }

  /** Strips of TILE_COLUMNS columns, each [depth x TILE_COLUMNS], the last padded with zeros. */
  private static void packB(
      float[] b, int bFrom, int bRow, int depth, int columns, float[] packed) {
    int o = 0;
    for (int j = 0; j < columns; j += TILE_COLUMNS) {
      int width = Math.min(TILE_COLUMNS, columns - j);
      if (width == TILE_COLUMNS) {
        packStrip(b, bFrom + j, bRow, depth, packed, o);
      } else {
        packRest(b, bFrom + j, bRow, depth, width, packed, o);
      }
      o += depth * TILE_COLUMNS;
    }
  }

  private static void packStrip(
      float[] b, int bFrom, int bRow, int depth, float[] packed, int packedFrom) {
    for (int p = 0, i = bFrom, o = packedFrom; p < depth; p++, i += bRow, o += TILE_COLUMNS) {
      FloatVector.fromArray(F, b, i).intoArray(packed, o);
      FloatVector.fromArray(F, b, i + LANES).intoArray(packed, o + LANES);
    }
  }

  private static void packRest(
      float[] b, int bFrom, int bRow, int depth, int width, float[] packed, int packedFrom) {
    for (int p = 0; p < depth; p++) {
      for (int l = 0; l < TILE_COLUMNS; l++) {
        packed[packedFrom + p * TILE_COLUMNS + l] = l < width ? b[bFrom + p * bRow + l] : 0f;
      }
    }
  }

  /** Strips of TILE_ROWS rows, each [depth x TILE_ROWS], the last padded with zeros. */
  private static void packA(float[] a, int aFrom, int aRow, int depth, int rows, float[] packed) {
    int o = 0;
    for (int i = 0; i < rows; i += TILE_ROWS, o += depth * TILE_ROWS) {
      for (int r = 0; r < TILE_ROWS; r++) {
        if (i + r < rows) {
          spread(a, aFrom + (i + r) * aRow, depth, packed, o + r);
        } else {
          for (int p = 0; p < depth; p++) {
            packed[o + r + p * TILE_ROWS] = 0f;
          }
        }
      }
    }
  }

  private static void spread(float[] a, int aFrom, int depth, float[] packed, int packedFrom) {
    for (int p = 0, o = packedFrom; p < depth; p++, o += TILE_ROWS) {
      packed[o] = a[aFrom + p];
    }
  }

  private static void block(
      float[] packedA,
      float[] packedB,
      int depth,
      int rows,
      int reach,
      int columns,
      float[] c,
      int cFrom,
      int cRow,
      float[] tile) {
    for (int j = 0; j < columns; j += TILE_COLUMNS) {
      int width = Math.min(TILE_COLUMNS, columns - j);
      int rowEnd = Math.min(rows, reach + j + width);
      for (int i = 0; i < rowEnd; i += TILE_ROWS) {
        int height = Math.min(TILE_ROWS, rows - i);
        int cAt = cFrom + i * cRow + j;
        if (height == TILE_ROWS && width == TILE_COLUMNS) {
          micro(depth, packedA, i * depth, packedB, j * depth, c, cAt, cRow);
        } else {
          copyRows(c, cAt, cRow, tile, 0, TILE_COLUMNS, height, width);
          micro(depth, packedA, i * depth, packedB, j * depth, tile, 0, TILE_COLUMNS);
          copyRows(tile, 0, TILE_COLUMNS, c, cAt, cRow, height, width);
        }
      }
    }
  }

  private static void micro(
      int depth, float[] a, int aAt, float[] b, int bAt, float[] c, int cAt, int cRow) {
    if (TILE_ROWS == 8) {
      SimdMicroKernel.rows8(depth, a, aAt, b, bAt, c, cAt, cRow);
    } else {
      SimdMicroKernel.rows6(depth, a, aAt, b, bAt, c, cAt, cRow);
    }
  }

  private static void copyRows(
      float[] from, int fromAt, int fromRow, float[] to, int toAt, int toRow, int rows, int width) {
    for (int r = 0; r < rows; r++) {
      System.arraycopy(from, fromAt + r * fromRow, to, toAt + r * toRow, width);
    }
  }
}
