package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What every page codec promises, on normal values with unlike channels. */
class PageCodecTest {
  private static final PageShape[] SHAPES = {
    new PageShape(32, 4, 8), new PageShape(64, 2, 64), new PageShape(32, 3, 32)
  };

  /**
   * A codec for pages of any shape.
   *
   * @param rounds whether its error falls as that of rounding with its bits
   */
  private record Kind(String name, boolean rounds, Function<PageShape, PageCodec> of) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Kind> codecs() {
    Stream<PageCodec> rounding =
        Stream.of(
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
    Stream<PageCodec> leavingOut =
        Stream.of(
            new Gear(4, 20, 2),
            new Gear(2, 0, 3),
            new Gear(3, 250, 0),
            new BitmapSparse(50, 16),
            new BitmapSparse(70, 8),
            new BitmapSparse(99, 4));
    return Stream.of(
            rounding.map(codec -> new Kind(codec.name(), true, shape -> codec)),
            leavingOut.map(codec -> new Kind(codec.name(), false, shape -> codec)),
            Stream.of(
                new Kind("budget", true, shape -> new BudgetedHeads(LearnedModels.budget(shape))),
                new Kind("think", false, shape -> pruned(shape, new Exact(TokenFormat.FLOAT16))),
                new Kind("think-kivi", false, shape -> pruned(shape, new Kivi(4, 32))),
                new Kind("cskv", false, shape -> lowRank(shape, new Exact(TokenFormat.FLOAT16))),
                new Kind("cskv-kivi", false, shape -> lowRank(shape, new Kivi(4, 32))),
                new Kind("dictionary", false, PageCodecTest::dictionary),
                new Kind("transform", false, PageCodecTest::transform)))
        .flatMap(kinds -> kinds);
  }

  private static PageCodec pruned(PageShape shape, PageCodec base) {
    return new PrunedChannels(40, base, LearnedModels.queryMeanSquares(shape));
  }

  private static PageCodec lowRank(PageShape shape, PageCodec base) {
    return new LowRankKeys(50, base, LearnedModels.basis(shape));
  }

  private static PageCodec transform(PageShape shape) {
    return new LearnedTransform(LearnedModels.basis(shape), 220);
  }

  private static PageCodec dictionary(PageShape shape) {
    return new DictionaryAtoms(4, LearnedModels.dictionary(shape));
  }

  @ParameterizedTest
  @MethodSource("codecs")
  void restoresWhatItsBitsAllow(Kind codecs) {
    assumeTrue(codecs.rounds(), "what it leaves out has a test of its own");
    for (PageShape shape : SHAPES) {
      PageCodec codec = codecs.of().apply(shape);
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
  void givesTheSameBytesAgainAndLeavesItsInputAlone(Kind codecs) {
    for (PageShape shape : SHAPES) {
      PageCodec codec = codecs.of().apply(shape);
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
  void scoresAndSumsAsTheRestoredPageWould(Kind codecs) {
    Random random = new Random(4);
    for (PageShape shape : SHAPES) {
      PageCodec codec = codecs.of().apply(shape);
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
  void restoresConstantAndZeroPages(Kind codecs) {
    assumeTrue(codecs.rounds(), "what it leaves out has a test of its own");
    for (PageShape shape : SHAPES) {
      PageCodec codec = codecs.of().apply(shape);
      for (float constant : new float[] {0f, 1f, -0.5f}) {
        float[] values = new float[shape.values()];
        Arrays.fill(values, constant);
        float[] restored = new float[values.length];
        for (PageKind kind : PageKind.values()) {
          open(codec, shape, kind, codec.encode(shape, kind, values)).restore(restored);
          if (constant == 0
              || codec instanceof Exact
              || codec instanceof Kivi
              || codec instanceof BudgetedHeads) {
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
  void refusesPayloadsOfAnotherLength(Kind codecs) {
    PageShape shape = SHAPES[1];
    PageCodec codec = codecs.of().apply(shape);
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

  @ParameterizedTest
  @MethodSource("codecs")
  void opensToTheSamePageByItsNumberAndParameters(Kind codecs) {
    for (PageShape shape : SHAPES) {
      PageCodec codec = codecs.of().apply(shape);
      for (PageKind kind : PageKind.values()) {
        byte[] payload = codec.encode(shape, kind, values(shape, 7));
        float[] expected = new float[shape.values()];
        float[] got = new float[shape.values()];
        open(codec, shape, kind, payload).restore(expected);
        PageCodec reading = PageCodecs.reading(codec.id(), codec.parameters(), codec.model());
        open(reading, shape, kind, payload).restore(got);
        assertArrayEquals(expected, got);
        assertEquals(codec.parameters(), reading.parameters());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("codecs")
  void damagedPayloadsAreRefusedOrGiveFinitePages(Kind codecs) {
    Random random = new Random(8);
    for (PageShape shape : SHAPES) {
      PageCodec codec = codecs.of().apply(shape);
      for (PageKind kind : PageKind.values()) {
        byte[] payload = codec.encode(shape, kind, values(shape, 9));
        for (int i = 0; i < 120; i++) {
          byte[] damaged = payload.clone();
          if (i % 3 == 0) {
            random.nextBytes(damaged);
          } else if (i % 3 == 1) {
            damaged = Arrays.copyOf(damaged, random.nextInt(2 * damaged.length));
          } else {
            int bit = random.nextInt(8 * damaged.length);
            damaged[bit / 8] ^= (byte) (1 << bit % 8);
          }
          requireRefusedOrFinite(codec, shape, kind, damaged);
        }
      }
    }
  }

  /** Of 2^24 values, with what a small page has: nothing of that size may be allocated. */
  @ParameterizedTest
  @MethodSource("codecs")
  void aHugeShapeOfFewBytesIsRefusedBeforeItCostsMemory(Kind codecs) {
    PageShape small = new PageShape(32, 1, 32);
    PageCodec codec = codecs.of().apply(small);
    byte[] payload = codec.encode(small, PageKind.KEYS, values(small, 10));
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    for (PageShape huge : new PageShape[] {new PageShape(16384, 32, 32), shape(65504, 1, 32)}) {
      for (PageKind kind : PageKind.values()) {
        long before = threads.getCurrentThreadAllocatedBytes();
        assertThrows(
            IllegalArgumentException.class, () -> open(codec, huge, kind, payload), codec.name());
        long allocated = threads.getCurrentThreadAllocatedBytes() - before;
        assertTrue(allocated < 1 << 20, codec.name() + " allocates " + allocated);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("codecs")
  void valuesAtTheEndsOfTheFloatRangeGiveFinitePages(Kind codecs) {
    for (PageShape shape : SHAPES) {
      PageCodec codec = codecs.of().apply(shape);
      for (float size : new float[] {Float.MAX_VALUE, 1e30f, 1e5f, 1e-30f, Float.MIN_VALUE}) {
        float[] values = new float[shape.values()];
        for (int i = 0; i < values.length; i++) {
          values[i] = i % 3 == 0 ? size : i % 5 == 0 ? 0f : -size;
        }
        for (PageKind kind : PageKind.values()) {
          float[] restored = new float[values.length];
          open(codec, shape, kind, codec.encode(shape, kind, values)).restore(restored);
          requireFinite(restored, codec.name() + " of " + size);
        }
      }
    }
  }

  private static void requireRefusedOrFinite(
      PageCodec codec, PageShape shape, PageKind kind, byte[] damaged) {
    Page page;
    try {
      page = open(codec, shape, kind, damaged);
    } catch (IllegalArgumentException refused) {
      return;
    }
    float[] restored = new float[shape.values()];
    page.restore(restored);
    requireFinite(restored, codec.name());
    for (float value : restored) {
      if (Math.abs(value) > 1e30f) {
        return; // their sums may leave the range of floats
      }
    }
    int head = shape.heads() - 1;
    float[] ones = new float[Math.max(shape.tokens(), shape.headDimension())];
    Arrays.fill(ones, 1f);
    float[] scores = new float[shape.tokens()];
    page.scores(head, ones, 0, scores, 0);
    requireFinite(scores, codec.name());
    float[] sums = new float[shape.headDimension()];
    page.accumulate(head, ones, 0, sums, 0);
    requireFinite(sums, codec.name());
  }

  private static void requireFinite(float[] values, String subject) {
    for (float value : values) {
      assertTrue(Float.isFinite(value), subject + " gives " + value);
    }
  }

  private static PageShape shape(int tokens, int heads, int headDimension) {
    return new PageShape(tokens, heads, headDimension);
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
