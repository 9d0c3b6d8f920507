package io.millrace.app.cache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Numbers as bytes, the way NumPy's '&lt;f4' and '&lt;f8' read them. */
final class LittleEndian {
  private LittleEndian() {}

  static byte[] floats(float[] values) {
    ByteBuffer out =
        ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    out.asFloatBuffer().put(values);
    return out.array();
  }

  static byte[] doubles(double[] values) {
    ByteBuffer out =
        ByteBuffer.allocate(Double.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    out.asDoubleBuffer().put(values);
    return out.array();
  }

  /** Whole floats from bytes; what is left over is not read. */
  static float[] floats(byte[] bytes) {
    float[] values = new float[bytes.length / Float.BYTES];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }
}
