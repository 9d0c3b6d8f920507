package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What every page codec promises, on normal values with unlike channels. */
class PageCodecTest {
  private static final PageShape[] SHAPES = {
    new PageShape(32, 4, 8), new PageShape(64, 2, 64), new PageShape(32, 3, 32)
  };

  static Stream<PageCodec> codecs() {
    return Stream.of(
        new Exact(TokenFormat.FLOAT32),
        new Exact(TokenFormat.FLOAT16),
        new Exact(TokenFormat.BFLOAT16),
        new RoundToNearest(8, 32),
        new RoundToNearest(4, 32),
        new RoundToNearest(4, 16),
        new Kivi(4, 32),
        new Kivi(3, 32),
        new Kivi(2, 32),
        new RotatedCodebook(4),
        new RotatedCodebook(3),
        new RotatedCodebook(2),
        new BlockFloat(8),
        new BlockFloat(4));
  }

  @ParameterizedTest
  @MethodSource("codecs")
  void restoresWhatItsBitsAllow(PageCodec codec) {
    for (PageShape shape : SHAPES) {
      for (PageKind kind : PageKind.values()) {
        float[] values = values(shape, 1);
        byte[] payload = codec.encode(shape, kind, values);
        float[] restored = new float[values.length];
        open(codec, shape, kind, payload).restore(restored);
        double bits = 8.0 * payload.length / values.length;
        double error = error(values, restored);
        // rounding a normal variable to b bits leaves at best about 1.65 x 2^-b of it
        assertTrue(
            error < (codec instanceof Exact ? 0.5 : 7) * Math.pow(2, -Math.min(8, bits - 0.5)),
            codec.name() + " " + shape + " " + kind + ": " + error + " at " + bits + " bits");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("codecs")
  void givesTheSameBytesAgainAndLeavesItsInputAlone(PageCodec codec) {
    for (PageShape shape : SHAPES) {
      float[] values = values(shape, 2);
      float[] copy = values.clone();
      byte[] first = codec.encode(shape, PageKind.KEYS, values);
      codec.encode(shape, PageKind.VALUES, values(shape, 3));
      assertArrayEquals(first, codec.encode(shape, PageKind.KEYS, values));
      assertArrayEquals(copy, values);
    }
  }

  @ParameterizedTest
  @MethodSource("codecs")
  void scoresAndSumsAsTheRestoredPageWould(PageCodec codec) {
    Random random = new Random(4);
    for (PageShape shape : SHAPES) {
      int d = shape.headDimension();
      int n = shape.tokens();
      for (PageKind kind : PageKind.values()) {
        float[] values = values(shape, 5);
        Page page = open(codec, shape, kind, codec.encode(shape, kind, values));
        float[] restored = new float[values.length];
        page.restore(restored);
        for (int head = 0; head < shape.heads(); head++) {
          float[] query = floats(random, d + 3);
          float[] scores = new float[n + 2];
          page.scores(head, query, 3, scores, 1);
          float[] weights = floats(random, n + 1);
          float[] out = floats(random, d + 2);
          float[] before = out.clone();
          page.accumulate(head, weights, 1, out, 2);
          double[] expected = new double[d];
          for (int t = 0; t < n; t++) {
            double score = 0;
            double size = 0;
            for (int c = 0; c < d; c++) {
              double x = restored[(t * shape.heads() + head) * d + c];
              score += query[3 + c] * x;
              size += Math.abs(query[3 + c] * x);
              expected[c] += weights[1 + t] * x;
            }
            assertEquals(score, scores[1 + t], 2e-5 * (size + 1), codec.name() + " " + shape);
          }
          for (int c = 0; c < d; c++) {
            assertEquals(before[2 + c] + expected[c], out[2 + c], 1e-3, codec.name() + " " + shape);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("codecs")
  void restoresConstantAndZeroPages(PageCodec codec) {
    for (PageShape shape : SHAPES) {
      for (float constant : new float[] {0f, 1f, -0.5f}) {
        float[] values = new float[shape.values()];
        Arrays.fill(values, constant);
        float[] restored = new float[values.length];
        for (PageKind kind : PageKind.values()) {
          open(codec, shape, kind, codec.encode(shape, kind, values)).restore(restored);
          if (constant == 0 || codec instanceof Exact || codec instanceof Kivi) {
            assertArrayEquals(values, restored, 1e-30f, codec.name());
          } else {
            assertTrue(error(values, restored) < 0.45, codec.name() + error(values, restored));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("codecs")
  void refusesPayloadsOfAnotherLength(PageCodec codec) {
    PageShape shape = SHAPES[1];
    byte[] payload = codec.encode(shape, PageKind.KEYS, values(shape, 6));
    for (int length : new int[] {0, 1, payload.length / 2, payload.length - 1}) {
      assertThrows(
          IllegalArgumentException.class,
          () -> open(codec, shape, PageKind.KEYS, Arrays.copyOf(payload, length)));
    }
    assertThrows(
        IllegalArgumentException.class,
        () -> open(codec, shape, PageKind.KEYS, Arrays.copyOf(payload, payload.length + 4)));
  }

  private static Page open(PageCodec codec, PageShape shape, PageKind kind, byte[] payload) {
    return codec.open(shape, kind, ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN));
  }

  private static double error(float[] exact, float[] got) {
    double error = 0;
    double energy = 0;
    for (int i = 0; i < exact.length; i++) {
      error += Math.pow((double) exact[i] - got[i], 2);
      energy += (double) exact[i] * exact[i];
    }
    return Math.sqrt(error / energy);
  }

  /** Normal values, channels of sizes 0.5 to 2. */
  private static float[] values(PageShape shape, long seed) {
    float[] values = floats(new Random(seed), shape.values());
    for (int i = 0; i < values.length; i++) {
      values[i] *= 0.5f + 1.5f * (i % shape.channels()) / shape.channels();
    }
    return values;
  }

  private static float[] floats(Random random, int length) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
