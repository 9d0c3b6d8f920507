package io.millrace.kernel;

/**
 * Packing buffers of a matrix product. Reusable for any shape; grows to what the largest product
 * needs, at most about 0.7 MiB. Belongs to one thread at a time: it is written by every product
 * that is given it.
 */
public final class GemmScratch {
  private float[] packedA = new float[0];
  private float[] packedB = new float[0];
  private float[] tile = new float[0];
  private float[][] rows = new float[0][];

  float[] packedA(int length) {
    if (packedA.length < length) {
      packedA = new float[length];
    }
    return packedA;
  }

  float[] packedB(int length) {
    if (packedB.length < length) {
      packedB = new float[length];
    }
    return packedB;
  }

  float[] tile(int length) {
    if (tile.length < length) {
      tile = new float[length];
    }
    return tile;
  }

  float[][] rows(int count, int length) {
    if (rows.length != count || rows[0].length != length) {
      rows = new float[count][length];
    }
    return rows;
  }
}
