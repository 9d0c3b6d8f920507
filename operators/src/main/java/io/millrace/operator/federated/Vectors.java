package io.millrace.operator.federated;

/** Conversions between vectors of float and double. */
final class Vectors {
  private Vectors() {}

  /** Each value rounded to float. */
  static float[] floats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  /** a - b, each value rounded to float once. */
  static float[] difference(double[] a, double[] b) {
    float[] difference = new float[a.length];
    for (int i = 0; i < a.length; i++) {
      difference[i] = (float) (a[i] - b[i]);
    }
    return difference;
  }
}
