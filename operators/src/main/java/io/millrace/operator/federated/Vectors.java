package io.millrace.operator.federated;

import java.nio.ByteBuffer;

/** Conversions between vectors of float and double, and double vectors as bytes. */
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

  /** Bytes that {@link #put} writes. */
  static int bytes(double[] values) {
    return Math.multiplyExact(values.length, Double.BYTES);
  }

  static void put(ByteBuffer out, double[] values) {
    out.asDoubleBuffer().put(values);
    out.position(out.position() + bytes(values));
  }

  /**
   * @param values overwritten
   * @throws IllegalArgumentException for a number that is not finite
   */
  static void get(ByteBuffer in, double[] values) {
    in.asDoubleBuffer().get(values);
    in.position(in.position() + bytes(values));
    for (double value : values) {
      if (!Double.isFinite(value)) {
        throw new IllegalArgumentException("saved number is " + value + ", expected finite ones");
      }
    }
  }
}
