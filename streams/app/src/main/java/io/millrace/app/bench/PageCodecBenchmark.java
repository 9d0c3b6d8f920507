package io.millrace.app.bench;

import io.millrace.operator.kvcache.CodecContext;
import io.millrace.operator.kvcache.Page;
import io.millrace.operator.kvcache.PageCodec;
import io.millrace.operator.kvcache.PageCodecs;
import io.millrace.operator.kvcache.PageKind;
import io.millrace.operator.kvcache.PageShape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * Page codecs on pages of 64 tokens and 1024 channels, 256 KiB as floats: one page over and over,
 * which stays in the second-level cache, or more pages than any cache holds. A record is a float of
 * the dense page.
 */
@State(Scope.Thread)
public class PageCodecBenchmark {
  static final PageShape SHAPE = new PageShape(64, 16, 64);

  /** Floats of 136 MiB. */
  static final int PAGES_IN_MEMORY = 544;

  private static final long SEED = 20240205;

  /** Set by JMH: a codec's name. */
  @Param("kivi-4")
  public String codec;

  /** Set by JMH. */
  @Param("KEYS")
  public PageKind kind;

  /** Set by JMH: pages in use. */
  @Param("1")
  public int pages;

  private PageCodec coder;
  private float[][] values;
  private float[][] restored;
  private ByteBuffer[] payloads;
  private Page[] open;
  private float[] query;
  private float[] scores;
  private float[] weights;
  private float[] sums;
  private int next;

  /** Draws pages and encodes them. */
  @Setup
  public void draw() {
    Random random = new Random(SEED);
    coder =
        PageCodecs.named(
                codec, new CodecContext(PlantedBasis.MODELS, PlantedBasis.ID, new float[0]))
            .orElseThrow();
    values = new float[pages][];
    restored = new float[pages][SHAPE.values()];
    payloads = new ByteBuffer[pages];
    open = new Page[pages];
    float[] first = PlantedBasis.tokens(SHAPE.tokens(), random);
    for (int i = 0; i < pages; i++) {
      values[i] = first.clone();
      for (int j = 0; j < 64; j++) {
        values[i][random.nextInt(first.length)] *= 1.5f;
      }
      payloads[i] =
          ByteBuffer.wrap(coder.encode(SHAPE, kind, values[i])).order(ByteOrder.LITTLE_ENDIAN);
      open[i] = open(i);
    }
    query = floats(random, SHAPE.channels());
    scores = new float[SHAPE.heads() * SHAPE.tokens()];
    weights = floats(random, scores.length);
    sums = new float[SHAPE.channels()];
  }

  /** The ceiling: floats moved from one page to another. */
  @Benchmark
  public float[] copy(CpuClock clock) {
    int i = advance(clock);
    System.arraycopy(values[i], 0, restored[i], 0, SHAPE.values());
    return restored[i];
  }

  /** A page into bytes. */
  @Benchmark
  public byte[] encode(CpuClock clock) {
    return coder.encode(SHAPE, kind, values[advance(clock)]);
  }

  /** Bytes into a page's floats. */
  @Benchmark
  public float[] openAndRestore(CpuClock clock) {
    int i = advance(clock);
    open(i).restore(restored[i]);
    return restored[i];
  }

  /** An open page into floats. */
  @Benchmark
  public float[] restore(CpuClock clock) {
    int i = advance(clock);
    open[i].restore(restored[i]);
    return restored[i];
  }

  /** A query a head against the keys of an open page. */
  @Benchmark
  public float[] scores(CpuClock clock) {
    Page page = open[advance(clock)];
    for (int head = 0; head < SHAPE.heads(); head++) {
      page.scores(head, query, head * SHAPE.headDimension(), scores, head * SHAPE.tokens());
    }
    return scores;
  }

  /** Weighted sums of the values of an open page, head by head. */
  @Benchmark
  public float[] accumulate(CpuClock clock) {
    Page page = open[advance(clock)];
    for (int head = 0; head < SHAPE.heads(); head++) {
      page.accumulate(head, weights, head * SHAPE.tokens(), sums, head * SHAPE.headDimension());
    }
    return sums;
  }

  private Page open(int i) {
    return coder.open(SHAPE, kind, payloads[i].duplicate().order(ByteOrder.LITTLE_ENDIAN));
  }

  private int advance(CpuClock clock) {
    clock.records += SHAPE.values();
    next = next + 1 < pages ? next + 1 : 0;
    return next;
  }

  private static float[] floats(Random random, int length) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
