package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Locale;

/**
 * What a pair of codecs does to a dump: bits, relative errors of keys and values, and of attention
 * outputs of the dump's own queries, all in double, from restored values. Tokens that have left a
 * window of 64 and fill a page of 32 are compressed, as the operator would.
 *
 * @param bits per value of the compressed pages, payload alone
 * @param keys ||K - K^|| / ||K|| over compressed tokens
 * @param values likewise
 * @param outputs ||O - O^|| / ||O|| over all queries that see a compressed token
 */
record PageMeasure(double bits, double keys, double values, double outputs) {
  static final int WINDOW = 64;
  static final int PAGE = 32;

  static PageMeasure of(KeyValueDump dump, PageCodec keyCodec, PageCodec valueCodec) {
    double[] sums = new double[6];
    long bytes = 0;
    long count = 0;
    for (int layer = 0; layer < dump.layers(); layer++) {
      float[] keys = dump.span(PageKind.KEYS, layer, 0, dump.tokens());
      float[] values = dump.span(PageKind.VALUES, layer, 0, dump.tokens());
      int compressed = (dump.tokens() - WINDOW) / PAGE * PAGE;
      float[] restoredKeys = keys.clone();
      float[] restoredValues = values.clone();
      bytes += replace(dump, PageKind.KEYS, keyCodec, compressed, restoredKeys);
      bytes += replace(dump, PageKind.VALUES, valueCodec, compressed, restoredValues);
      count += 2L * compressed * dump.channels();
      add(sums, 0, keys, restoredKeys);
      add(sums, 2, values, restoredValues);
      for (int token = WINDOW + PAGE - 1; token < dump.tokens(); token++) {
        int old = (token + 1 - WINDOW) / PAGE * PAGE;
        for (int head = 0; head < dump.queryHeads(); head++) {
          double[] exact = attend(dump, layer, token, head, 0, keys, values, keys, values);
          double[] got =
              attend(dump, layer, token, head, old, keys, values, restoredKeys, restoredValues);
          for (int c = 0; c < exact.length; c++) {
            sums[4] += (exact[c] - got[c]) * (exact[c] - got[c]);
            sums[5] += exact[c] * exact[c];
          }
        }
      }
    }
    return new PageMeasure(
        8.0 * bytes / count,
        Math.sqrt(sums[0] / sums[1]),
        Math.sqrt(sums[2] / sums[3]),
        Math.sqrt(sums[4] / sums[5]));
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT, "%.2f bit, relK %.3f, relV %.3f, relO %.4f", bits, keys, values, outputs);
  }

  private static long replace(
      KeyValueDump dump, PageKind kind, PageCodec codec, int compressed, float[] tensor) {
    PageShape shape = new PageShape(PAGE, dump.heads(), dump.headDimension());
    float[] page = new float[shape.values()];
    long bytes = 0;
    for (int first = 0; first < compressed; first += PAGE) {
      System.arraycopy(tensor, first * dump.channels(), page, 0, page.length);
      byte[] payload = codec.encode(shape, kind, page);
      bytes += payload.length;
      codec
          .open(shape, kind, ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN))
          .restore(page);
      System.arraycopy(page, 0, tensor, first * dump.channels(), page.length);
    }
    return bytes;
  }

  private static void add(double[] sums, int at, float[] exact, float[] got) {
    for (int i = 0; i < exact.length; i++) {
      if (got[i] != exact[i]) {
        sums[at] += ((double) exact[i] - got[i]) * ((double) exact[i] - got[i]);
      }
    }
    for (float value : exact) {
      sums[at + 1] += (double) value * value;
    }
  }

  /** Softmax attention in double: tokens before {@code old} from the restored tensors. */
  private static double[] attend(
      KeyValueDump dump,
      int layer,
      int token,
      int head,
      int old,
      float[] keys,
      float[] values,
      float[] oldKeys,
      float[] oldValues) {
    int d = dump.headDimension();
    int channel = head / (dump.queryHeads() / dump.heads()) * d;
    int query = ((layer * dump.tokens() + token) * dump.queryHeads() + head) * d;
    double[] scores = new double[token + 1];
    double largest = Double.NEGATIVE_INFINITY;
    for (int t = 0; t <= token; t++) {
      float[] source = t < old ? oldKeys : keys;
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
      float[] source = t < old ? oldValues : values;
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
