package io.millrace.operator.kvcache;

import io.millrace.kernel.Kernels;
import java.nio.ByteBuffer;

/**
 * Values in the format in which they came: the window's tail at the end of a session, and sinks.
 *
 * <p>Layout: n x h x d values, little-endian. Bits 16 or 32 a value.
 */
public final class Exact implements PageCodec {
  private final TokenFormat format;

  public Exact(TokenFormat format) {
    this.format = format;
  }

  @Override
  public byte id() {
    return switch (format) {
      case FLOAT16 -> PageCodecs.EXACT_FLOAT16;
      case BFLOAT16 -> PageCodecs.EXACT_BFLOAT16;
      case FLOAT32 -> PageCodecs.EXACT_FLOAT32;
    };
  }

  @Override
  public int parameters() {
    return 0;
  }

  @Override
  public String name() {
    return switch (format) {
      case FLOAT16 -> "fp16";
      case BFLOAT16 -> "bf16";
      case FLOAT32 -> "fp32";
    };
  }

  @Override
  public byte[] encode(PageShape shape, PageKind kind, float[] values) {
    byte[] out = new byte[shape.values() * format.bytes()];
    format.put(values, 0, out, 0, shape.values());
    return out;
  }

  @Override
  public Page open(PageShape shape, PageKind kind, ByteBuffer payload) {
    if (payload.remaining() != shape.values() * format.bytes()) {
      throw new IllegalArgumentException(
          "page has "
              + payload.remaining()
              + " bytes, expected "
              + shape.values() * format.bytes());
    }
    float[] values = new float[shape.values()];
    PayloadBytes in = PayloadBytes.take(payload, payload.remaining());
    format.get(in.array(), in.from(), values, 0, values.length);
    float largest = Kernels.maxAbs(values, 0, values.length);
    if (!Float.isFinite(largest)) {
      throw new IllegalArgumentException("page has " + largest + ", expected finite values");
    }
    return new ExactPage(shape, values);
  }
}
