package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Pruning by size with a bitmap, Mustafar (Joo, Hosseini, Hadidi, Bahar, 2025, arXiv 2505.22913):
 * of each vector, a token of a head, the largest values stay. What differs: exactly m = d - floor(d
 * s) of them, equal ones by lower channel, so that the page needs no offsets and no padding; maps
 * run along vectors for keys as for values; and values may have 8 or 4 bits.
 *
 * <pre>
 * maps    8 x ceil(n h d / 64)   bit i: value i is kept
 * 16 bits
 *   kept  2 x n h m              halves, by rising i
 * 8 or 4 bits
 *   steps 2 x n                  of a token, half precision
 *   kept  ceil(n h m b / 8)      code - (2^(b-1) - 1) steps
 * </pre>
 *
 * <p>Bits 1 + b m / d + (b &lt; 16: 16 / (h d)) a value. Encoding sorts d magnitudes a vector;
 * scores and sums walk the set bits, m multiply-adds a vector.
 */
public final class BitmapSparse implements PageCodec {
  private static final int HALF = 16;

  private final int prunedPercent;
  private final int valueBits;

  /**
   * @param prunedPercent 1 to 99
   * @param valueBits 16, 8 or 4
   * @throws IllegalArgumentException for other settings
   */
  public BitmapSparse(int prunedPercent, int valueBits) {
    if (prunedPercent < 1 || prunedPercent > 99) {
      throw new IllegalArgumentException(
          "pruned share: got " + prunedPercent + " %, expected 1 to 99");
    }
    if (valueBits != HALF && valueBits != 8 && valueBits != 4) {
      throw new IllegalArgumentException("value bits: got " + valueBits + ", expected 16, 8 or 4");
    }
    this.prunedPercent = prunedPercent;
    this.valueBits = valueBits;
  }

  @Override
  public byte id() {
    return PageCodecs.BITMAP_SPARSE;
  }

  @Override
  public int parameters() {
    return prunedPercent | valueBits << 8;
  }

  @Override
  public String name() {
    return "mustafar-" + prunedPercent + (valueBits == HALF ? "" : "-" + valueBits);
  }

  @Override
  public byte[] encode(PageShape shape, PageKind kind, float[] values) {
    int d = shape.headDimension();
    int m = kept(d);
    long[] maps = new long[words(shape)];
    float[] largest = new float[shape.tokens() * shape.heads() * m];
    int[] magnitudes = new int[d];
    int place = 0;
    for (int from = 0; from < shape.values(); from += d) {
      place = keepLargest(values, from, magnitudes, m, maps, largest, place);
    }
    ByteBuffer out = ByteBuffer.allocate(bytes(shape)).order(ByteOrder.LITTLE_ENDIAN);
    for (long map : maps) {
      out.putLong(map);
    }
    if (valueBits == HALF) {
      Float16.put(out, largest, largest.length);
    } else {
      putCodes(out, largest, shape.heads() * m);
    }
    return out.array();
  }

  @Override
  public Page open(PageShape shape, PageKind kind, ByteBuffer payload) {
    if (payload.remaining() != bytes(shape)) {
      throw new IllegalArgumentException(
          "page has " + payload.remaining() + " bytes, expected " + bytes(shape));
    }
    long[] maps = new long[words(shape)];
    for (int i = 0; i < maps.length; i++) {
      maps[i] = payload.getLong();
    }
    int m = kept(shape.headDimension());
    requireCounts(shape, maps, m);
    float[] values = new float[shape.tokens() * shape.heads() * m];
    if (valueBits == HALF) {
      Float16.get(payload, values, values.length);
    } else {
      getCodes(payload, values, shape.heads() * m);
    }
    return new BitmapPage(shape, m, maps, values);
  }

  private int kept(int d) {
    return d - d * prunedPercent / 100;
  }

  private static int words(PageShape shape) {
    return (shape.values() + Long.SIZE - 1) / Long.SIZE;
  }

  private int bytes(PageShape shape) {
    int values = shape.tokens() * shape.heads() * kept(shape.headDimension());
    return Long.BYTES * words(shape)
        + (valueBits == HALF
            ? Short.BYTES * values
            : Short.BYTES * shape.tokens() + PackedIntegers.bytes(values, valueBits));
  }

  /** Marks and copies the m largest of one vector; returns the place after them. */
  private static int keepLargest(
      float[] values, int from, int[] magnitudes, int m, long[] maps, float[] out, int place) {
    int d = magnitudes.length;
    for (int c = 0; c < d; c++) {
      magnitudes[c] = Float.floatToRawIntBits(values[from + c]) & 0x7fffffff;
    }
    Arrays.sort(magnitudes);
    int threshold = magnitudes[d - m];
    int equal = m;
    for (int c = d - 1; c >= 0 && magnitudes[c] > threshold; c--) {
      equal--;
    }
    int next = place;
    for (int i = from; i < from + d; i++) {
      int magnitude = Float.floatToRawIntBits(values[i]) & 0x7fffffff;
      if (magnitude > threshold || magnitude == threshold && equal-- > 0) {
        maps[i / Long.SIZE] |= 1L << i;
        out[next++] = values[i];
      }
    }
    return next;
  }

  /**
   * @param perToken kept values of a token
   */
  private void putCodes(ByteBuffer out, float[] values, int perToken) {
    int limit = (1 << valueBits - 1) - 1;
    int[] codes = new int[values.length];
    for (int from = 0; from < values.length; from += perToken) {
      float largest = 0f;
      for (int i = from; i < from + perToken; i++) {
        largest = Math.max(largest, Math.abs(values[i]));
      }
      short half = Float16.encode(largest / limit);
      out.putShort(half);
      float step = Float16.decode(half);
      for (int i = from; i < from + perToken; i++) {
        int code = step > 0 ? Math.round(values[i] / step) : 0;
        codes[i] = Math.max(-limit, Math.min(limit, code)) + limit;
      }
    }
    PackedIntegers.put(out, codes, codes.length, valueBits);
  }

  private void getCodes(ByteBuffer in, float[] values, int perToken) {
    int limit = (1 << valueBits - 1) - 1;
    float[] steps = new float[values.length / perToken];
    Float16.get(in, steps, steps.length);
    int[] codes = new int[values.length];
    PackedIntegers.get(in, codes, codes.length, valueBits);
    for (int i = 0; i < values.length; i++) {
      values[i] = (codes[i] - limit) * steps[i / perToken];
    }
  }

  private static void requireCounts(PageShape shape, long[] maps, int m) {
    int d = shape.headDimension();
    int[] channels = new int[d];
    for (int v = 0; v < shape.tokens() * shape.heads(); v++) {
      int set = setBits(maps, v * d, d, channels);
      if (set != m) {
        throw new IllegalArgumentException(
            "vector " + v + " of the page has " + set + " values, expected " + m);
      }
    }
    int spare = Long.SIZE * maps.length - shape.values();
    if (spare > 0 && maps[maps.length - 1] >>> Long.SIZE - spare != 0) {
      throw new IllegalArgumentException("page marks values beyond its last");
    }
  }

  /** Collects the set bits of a span, counted from its start; returns how many. */
  private static int setBits(long[] maps, int from, int length, int[] out) {
    int count = 0;
    for (int done = 0; done < length; ) {
      int shift = (from + done) % Long.SIZE;
      int span = Math.min(Long.SIZE - shift, length - done);
      long rest = maps[(from + done) / Long.SIZE] << Long.SIZE - shift - span;
      rest >>>= Long.SIZE - span;
      for (; rest != 0; rest &= rest - 1) {
        out[count++] = done + Long.numberOfTrailingZeros(rest);
      }
      done += span;
    }
    return count;
  }

  /** m values of each vector, behind the set bits of its map. */
  private static final class BitmapPage implements Page {
    private final PageShape shape;
    private final int m;
    private final long[] maps;
    private final float[] kept;
    private final int[] channels;

    BitmapPage(PageShape shape, int m, long[] maps, float[] kept) {
      this.shape = shape;
      this.m = m;
      this.maps = maps;
      this.kept = kept;
      this.channels = new int[shape.headDimension()];
    }

    @Override
    public PageShape shape() {
      return shape;
    }

    @Override
    public void restore(float[] values) {
      Arrays.fill(values, 0, shape.values(), 0f);
      int d = shape.headDimension();
      for (int v = 0; v < kept.length / m; v++) {
        setBits(maps, v * d, d, channels);
        for (int i = 0; i < m; i++) {
          values[v * d + channels[i]] = kept[v * m + i];
        }
      }
    }

    @Override
    public void scores(int head, float[] query, int queryFrom, float[] scores, int scoresFrom) {
      int d = shape.headDimension();
      for (int token = 0; token < shape.tokens(); token++) {
        int v = token * shape.heads() + head;
        setBits(maps, v * d, d, channels);
        float sum = 0f;
        for (int i = 0; i < m; i++) {
          sum = Math.fma(query[queryFrom + channels[i]], kept[v * m + i], sum);
        }
        scores[scoresFrom + token] = sum;
      }
    }

    @Override
    public void accumulate(int head, float[] weights, int weightsFrom, float[] out, int outFrom) {
      int d = shape.headDimension();
      for (int token = 0; token < shape.tokens(); token++) {
        int v = token * shape.heads() + head;
        setBits(maps, v * d, d, channels);
        float weight = weights[weightsFrom + token];
        for (int i = 0; i < m; i++) {
          int at = outFrom + channels[i];
          out[at] = Math.fma(weight, kept[v * m + i], out[at]);
        }
      }
    }
  }
}
