package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;
import java.util.Locale;
import java.util.function.BiFunction;

/**
 * What page codecs do to a dump: bits, relative errors of keys and values, and of attention outputs
 * of the dump's own queries, all in double, from restored values. Tokens that have left a window of
 * 64 and fill a page are compressed, as the operator would.
 *
 * @param bits per value of the compressed pages, payload alone
 * @param framedBits likewise with the frame, all that is on the wire but the record's fields
 * @param keys ||K - K^|| / ||K|| over compressed tokens
 * @param values likewise
 * @param outputs ||O - O^|| / ||O|| over all queries that see a compressed token
 */
record PageMeasure(double bits, double framedBits, double keys, double values, double outputs) {
  static final int WINDOW = 64;
  static final int PAGE = 32;

  static PageMeasure of(KeyValueDump dump, PageCodec keyCodec, PageCodec valueCodec) {
    return of(dump, PAGE, (layer, kind) -> kind == PageKind.KEYS ? keyCodec : valueCodec);
  }

  /**
   * Measures codecs that differ by layer.
   *
   * @param page tokens of a page
   * @param codecs by layer and kind
   */
  static PageMeasure of(
      KeyValueDump dump, int page, BiFunction<Integer, PageKind, PageCodec> codecs) {
    double[] sums = new double[6];
    long[] bytes = new long[2];
    long count = 0;
    int compressed = (dump.tokens() - WINDOW) / page * page;
    for (int layer = 0; layer < dump.layers(); layer++) {
      Cache exact =
          new Cache(
              dump.span(PageKind.KEYS, layer, 0, dump.tokens()),
              dump.span(PageKind.VALUES, layer, 0, dump.tokens()));
      Cache restored = new Cache(exact.keys().clone(), exact.values().clone());
      for (PageKind kind : PageKind.values()) {
        replace(
            dump,
            new Pages(kind, codecs.apply(layer, kind), page, compressed),
            kind == PageKind.KEYS ? restored.keys() : restored.values(),
            bytes);
      }
      count += 2L * compressed * dump.channels();
      int width = compressed * dump.channels();
      add(sums, 0, exact.keys(), restored.keys(), width);
      add(sums, 2, exact.values(), restored.values(), width);
      for (int token = WINDOW + page - 1; token < dump.tokens(); token++) {
        int old = (token + 1 - WINDOW) / page * page;
        for (int head = 0; head < dump.queryHeads(); head++) {
          double[] expected = attend(dump, layer, token, head, 0, exact, exact);
          double[] got = attend(dump, layer, token, head, old, exact, restored);
          for (int c = 0; c < expected.length; c++) {
            sums[4] += (expected[c] - got[c]) * (expected[c] - got[c]);
            sums[5] += expected[c] * expected[c];
          }
        }
      }
    }
    return new PageMeasure(
        8.0 * bytes[0] / count,
        8.0 * bytes[1] / count,
        Math.sqrt(sums[0] / sums[1]),
        Math.sqrt(sums[2] / sums[3]),
        Math.sqrt(sums[4] / sums[5]));
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%.2f bit (framed %.2f), relK %.3f, relV %.3f, relO %.4f",
        bits,
        framedBits,
        keys,
        values,
        outputs);
  }

  /** Keys and values of one layer. */
  record Cache(float[] keys, float[] values) {}

  private record Pages(PageKind kind, PageCodec codec, int tokens, int compressed) {}

  /** Puts what pages restore to in the place of the first tokens. */
  private static void replace(KeyValueDump dump, Pages pages, float[] tensor, long[] bytes) {
    PageShape shape = new PageShape(pages.tokens(), dump.heads(), dump.headDimension());
    boolean turned =
        pages.kind() == PageKind.KEYS && dump.turns() && pages.codec().codesBeforeRotary();
    RotaryEmbedding rotary =
        new RotaryEmbedding(10_000, RotaryEmbedding.Pairing.NEIGHBOURS, dump.headDimension());
    float[] page = new float[shape.values()];
    for (int first = 0; first < pages.compressed(); first += pages.tokens()) {
      long position = dump.firstToken() + first;
      System.arraycopy(tensor, first * dump.channels(), page, 0, page.length);
      if (turned) {
        rotary.turn(shape, page, position, true);
      }
      byte[] payload = pages.codec().encode(shape, pages.kind(), page);
      byte[] frame =
          PageFrame.of(pages.codec(), shape, pages.kind(), turned, position, payload).encode();
      bytes[0] += payload.length;
      bytes[1] += frame.length;
      // as a reader has it: codec by its number, model by its name
      PageFrame read = PageFrame.decode(ByteBuffer.wrap(frame));
      PageCodecs.reading(read.codec(), read.parameters(), pages.codec().model())
          .open(read.shape(), read.kind(), read.payload())
          .restore(page);
      if (turned) {
        rotary.turn(shape, page, position, false);
      }
      System.arraycopy(page, 0, tensor, first * dump.channels(), page.length);
    }
  }

  private static void add(double[] sums, int at, float[] exact, float[] got, int count) {
    for (int i = 0; i < count; i++) {
      sums[at] += ((double) exact[i] - got[i]) * ((double) exact[i] - got[i]);
      sums[at + 1] += (double) exact[i] * exact[i];
    }
  }

  /** Softmax attention in double: tokens before {@code old} from the restored tensors. */
  static double[] attend(
      KeyValueDump dump, int layer, int token, int head, int old, Cache exact, Cache restored) {
    int d = dump.headDimension();
    int channel = head / (dump.queryHeads() / dump.heads()) * d;
    int query = ((layer * dump.tokens() + token) * dump.queryHeads() + head) * d;
    double[] scores = new double[token + 1];
    double largest = Double.NEGATIVE_INFINITY;
    for (int t = 0; t <= token; t++) {
      float[] source = (t < old ? restored : exact).keys();
      for (int c = 0; c < d; c++) {
        scores[t] += (double) dump.queries()[query + c] * source[t * dump.channels() + channel + c];
      }
      scores[t] /= Math.sqrt(d);
      largest = Math.max(largest, scores[t]);
    }
    double sum = 0;
    double[] out = new double[d];
    for (int t = 0; t <= token; t++) {
      double weight = Math.exp(scores[t] - largest);
      sum += weight;
      float[] source = (t < old ? restored : exact).values();
      for (int c = 0; c < d; c++) {
        out[c] += weight * source[t * dump.channels() + channel + c];
      }
    }
    for (int c = 0; c < d; c++) {
      out[c] /= sum;
    }
    return out;
  }
}
