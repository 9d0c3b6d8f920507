package io.millrace.operator.federated;

import io.millrace.kernel.Kernels;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Bounds-checked reading and writing of update payloads, little endian. Stateless. */
final class Payload {
  private Payload() {}

  /** A payload, or what it says, holds a NaN or an infinity. */
  static final class NotFiniteException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    NotFiniteException(String message) {
      super(message);
    }
  }

  static ByteBuffer allocate(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * @throws IllegalArgumentException unless the payload has this many bytes
   */
  static ByteBuffer open(byte[] payload, long bytes) {
    if (payload.length != bytes) {
      throw new IllegalArgumentException(
          "update payload has " + payload.length + " bytes, expected " + bytes);
    }
    return ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * @throws IllegalArgumentException for a payload shorter than this
   */
  static ByteBuffer openAtLeast(byte[] payload, long bytes) {
    if (payload.length < bytes) {
      throw new IllegalArgumentException(
          "update payload has " + payload.length + " bytes, expected at least " + bytes);
    }
    return ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * @throws NotFiniteException for a value that is not finite
   */
  static void requireFinite(float[] x) {
    int worst = Kernels.argmaxAbs(x, 0, x.length);
    if (worst >= 0 && !Float.isFinite(x[worst])) {
      throw new NotFiniteException(
          "update is " + x[worst] + " at coordinate " + worst + ", expected finite values");
    }
  }

  /** Reads {@code count} finite floats; so many bytes must be there. */
  static void getFinite(ByteBuffer buffer, float[] out, int count) {
    buffer.asFloatBuffer().get(out, 0, count);
    buffer.position(buffer.position() + count * Float.BYTES);
    requireFinite(out);
  }
}
