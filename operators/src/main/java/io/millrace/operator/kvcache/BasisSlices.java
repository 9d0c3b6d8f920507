package io.millrace.operator.kvcache;

import io.millrace.schema.BasisVersion;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;

/** Cuts a basis into records that stay under a broker's record limit. */
final class BasisSlices {
  /** Largest number of component bytes in one record. */
  static final int SLICE_BYTES = 256 * 1024;

  private BasisSlices() {}

  /**
   * Emits a version, slice by slice, components rising.
   *
   * @param header cause, vectors, gain and time; its other fields are the basis's; not modified
   */
  static void emit(TransformBasis basis, BasisVersion header, Consumer<? super BasisVersion> out) {
    int c = basis.channels();
    int perSlice = Math.max(1, SLICE_BYTES / (Short.BYTES * c));
    for (int first = 0; first < basis.componentCount(); first += perSlice) {
      int count = Math.min(perSlice, basis.componentCount() - first);
      out.accept(
          // a record of its own for each slice: an emitted value never changes later
          new BasisVersion(
              basis.id(),
              basis.version(),
              header.getCause(),
              basis.vectors().heads(),
              basis.vectors().headDimension(),
              basis.vectors().rotary(),
              basis.componentCount(),
              first,
              halves(basis.mean(), 0, c),
              halves(basis.channelDeviations(), 0, c),
              floats(basis.deviations(), first, count),
              halves(basis.components(), first * c, count * c),
              header.getVectors(),
              header.getCodingGainBits(),
              header.getTimeMicros()));
    }
  }

  private static ByteBuffer halves(float[] values, int from, int count) {
    ByteBuffer bytes = ByteBuffer.allocate(count * Short.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = from; i < from + count; i++) {
      bytes.putShort(Float16.encode(values[i]));
    }
    return bytes.flip();
  }

  private static ByteBuffer floats(float[] values, int from, int count) {
    ByteBuffer bytes = ByteBuffer.allocate(count * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values, from, count);
    return bytes;
  }
}
