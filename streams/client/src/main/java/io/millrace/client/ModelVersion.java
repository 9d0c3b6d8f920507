package io.millrace.client;

import io.millrace.schema.VersionCommit;

/**
 * A version of a model, whole and checked against its commit.
 *
 * @param commit what it is made of
 * @param chunks its numbers, chunk by chunk; not to be modified
 * @param controls the server's control c, chunk by chunk, each as long as its chunk or empty; not
 *     to be modified
 */
public record ModelVersion(VersionCommit commit, double[][] chunks, double[][] controls) {
  /** Which. */
  public long version() {
    return commit.getVersion();
  }

  /** All numbers in one array, new. */
  public double[] values() {
    double[] values = new double[length()];
    int offset = 0;
    for (double[] chunk : chunks) {
      System.arraycopy(chunk, 0, values, offset, chunk.length);
      offset += chunk.length;
    }
    return values;
  }

  /** Numbers of the model. */
  public int length() {
    int length = 0;
    for (double[] chunk : chunks) {
      length = Math.addExact(length, chunk.length);
    }
    return length;
  }

  /** Numbers of each chunk. */
  int[] lengths() {
    int[] lengths = new int[chunks.length];
    for (int i = 0; i < lengths.length; i++) {
      lengths[i] = chunks[i].length;
    }
    return lengths;
  }
}
