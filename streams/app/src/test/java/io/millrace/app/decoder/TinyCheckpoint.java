package io.millrace.app.decoder;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;

/** A decoder of two layers with weights drawn by lot. */
final class TinyCheckpoint {
  private static final int DIMENSION = 16;
  private static final int HIDDEN = 24;
  private static final int LAYERS = 2;
  private static final int QUERY_HEADS = 4;
  private static final int HEADS = 2;
  private static final int VOCABULARY = 11;
  private static final int CONTEXT = 200;

  private TinyCheckpoint() {}

  static byte[] bytes() {
    int channels = DIMENSION / QUERY_HEADS * HEADS;
    int perLayer =
        2 * DIMENSION
            + 2 * DIMENSION * DIMENSION
            + 2 * channels * DIMENSION
            + 3 * DIMENSION * HIDDEN;
    int weights =
        VOCABULARY * DIMENSION + LAYERS * perLayer + DIMENSION + CONTEXT * DIMENSION / QUERY_HEADS;
    ByteBuffer out =
        ByteBuffer.allocate((7 + weights) * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int size :
        new int[] {DIMENSION, HIDDEN, LAYERS, QUERY_HEADS, HEADS, VOCABULARY, CONTEXT}) {
      out.putInt(size);
    }
    Random random = new Random(7);
    while (out.hasRemaining()) {
      out.putFloat((float) random.nextGaussian() / 3);
    }
    return out.array();
  }
}
