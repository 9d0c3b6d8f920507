package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The k largest and k smallest entries of each vector of a page, and what they lack: a sparse
 * matrix that is added. A vector is a channel over the page's tokens for keys, a token over all
 * channels for values. Equal entries: the lower place counts as the smaller.
 *
 * <pre>
 * places       the shorter of: sorted places of each vector, ceil(log2 length) bits each;
 *              a bit for every entry. Vector by vector, {@link PackedIntegers}
 * corrections  2 x vectors x 2k   halves, in the order of the places
 * </pre>
 */
final class OutlierSection {
  private final PageShape shape;
  private final boolean alongTokens;
  private final int vectors;
  private final int length;
  private final int perVector;

  /** Places in a vector, [vectors x 2k], rising; empty before there is anything. */
  private int[] places = new int[0];

  private float[] corrections = new float[0];

  private OutlierSection(PageShape shape, boolean alongTokens, int perSide) {
    this.shape = shape;
    this.alongTokens = alongTokens;
    this.vectors = alongTokens ? shape.channels() : shape.tokens();
    this.length = alongTokens ? shape.tokens() : shape.channels();
    this.perVector = 2 * perSide;
  }

  /**
   * An empty section.
   *
   * @param perMille share of the entries, both sides together; a side has at least one, unless 0
   */
  static OutlierSection of(PageShape shape, PageKind kind, int perMille) {
    boolean alongTokens = kind == PageKind.KEYS;
    int length = alongTokens ? shape.tokens() : shape.channels();
    int share = (int) Math.round(perMille * (double) length / 2000);
    int perSide = perMille == 0 ? 0 : Math.min((length - 1) / 2, Math.max(1, share));
    return new OutlierSection(shape, alongTokens, perSide);
  }

  int bytes() {
    return placeBytes() + Short.BYTES * vectors * perVector;
  }

  /**
   * Finds the outliers and puts the mean of a vector's other entries in their place.
   *
   * @param values [n x h x d], finite, modified
   */
  void choose(float[] values) {
    if (perVector == 0) {
      return;
    }
    places = new int[vectors * perVector];
    long[] order = new long[length];
    for (int v = 0; v < vectors; v++) {
      for (int i = 0; i < length; i++) {
        int bits = Float.floatToRawIntBits(values[at(v, i)] + 0f);
        order[i] = (long) (bits ^ bits >> 31 & 0x7fffffff) << 32 | i;
      }
      Arrays.sort(order);
      int side = perVector / 2;
      double sum = 0;
      for (int i = side; i < length - side; i++) {
        sum += values[at(v, (int) order[i])];
      }
      float mean = (float) (sum / (length - perVector));
      for (int i = 0; i < perVector; i++) {
        int place = (int) order[i < side ? i : length - perVector + i];
        places[v * perVector + i] = place;
        values[at(v, place)] = mean;
      }
      Arrays.sort(places, v * perVector, (v + 1) * perVector);
    }
  }

  /**
   * Takes what the outliers lack and writes the section.
   *
   * @param values [n x h x d] exact
   * @param coded [n x h x d] without this section
   */
  void putCorrections(ByteBuffer out, float[] values, float[] coded) {
    if (isBitmap()) {
      int[] marks = new int[shape.values()];
      for (int i = 0; i < places.length; i++) {
        marks[i / perVector * length + places[i]] = 1;
      }
      PackedIntegers.put(out, marks, marks.length, 1);
    } else {
      PackedIntegers.put(out, places, places.length, PackedIntegers.width(length));
    }
    corrections = new float[places.length];
    for (int i = 0; i < places.length; i++) {
      int at = at(i / perVector, places[i]);
      corrections[i] = values[at] - coded[at];
    }
    Float16.put(out, corrections, corrections.length);
  }

  /**
   * Reads the section; the bytes must be there.
   *
   * @throws IllegalArgumentException for places that do not rise or are beyond a vector, or another
   *     number of them
   */
  void get(ByteBuffer in) {
    if (perVector == 0) {
      return;
    }
    places = new int[vectors * perVector];
    corrections = new float[places.length];
    if (isBitmap()) {
      getBitmap(in);
    } else {
      PackedIntegers.get(in, places, places.length, PackedIntegers.width(length));
      for (int i = 0; i < places.length; i++) {
        boolean rises = i % perVector == 0 || places[i] > places[i - 1];
        if (places[i] >= length || !rises) {
          throw new IllegalArgumentException(
              "outlier "
                  + i
                  + " is at "
                  + places[i]
                  + " of "
                  + length
                  + ", expected rising places");
        }
      }
    }
    Float16.get(in, corrections, corrections.length);
  }

  /**
   * @param values [n x h x d], modified
   */
  void addTo(float[] values) {
    for (int i = 0; i < places.length; i++) {
      values[at(i / perVector, places[i])] += corrections[i];
    }
  }

  void addScores(int head, float[] query, int queryFrom, float[] scores, int scoresFrom) {
    int d = shape.headDimension();
    for (int i = first(head); i < end(head); i++) {
      int channel = channel(i) - head * d;
      if (channel >= 0 && channel < d) {
        int at = scoresFrom + token(i);
        scores[at] = Math.fma(query[queryFrom + channel], corrections[i], scores[at]);
      }
    }
  }

  void accumulate(int head, float[] weights, int weightsFrom, float[] out, int outFrom) {
    int d = shape.headDimension();
    for (int i = first(head); i < end(head); i++) {
      int channel = channel(i) - head * d;
      if (channel >= 0 && channel < d) {
        int at = outFrom + channel;
        out[at] = Math.fma(weights[weightsFrom + token(i)], corrections[i], out[at]);
      }
    }
  }

  private void getBitmap(ByteBuffer in) {
    int[] marks = new int[shape.values()];
    PackedIntegers.get(in, marks, marks.length, 1);
    int found = 0;
    for (int i = 0; i < marks.length; i++) {
      if (marks[i] == 1) {
        if (found == (i / length + 1) * perVector) {
          throw new IllegalArgumentException(
              "vector " + i / length + " has more than " + perVector + " outliers");
        }
        places[found++] = i % length;
      }
      if (i % length == length - 1 && found != (i / length + 1) * perVector) {
        throw new IllegalArgumentException(
            "vector " + i / length + " has less than " + perVector + " outliers");
      }
    }
  }

  /** Entries of a head are one range for keys; for values all must be looked at. */
  private int first(int head) {
    return alongTokens ? head * shape.headDimension() * perVector : 0;
  }

  private int end(int head) {
    return alongTokens ? (head + 1) * shape.headDimension() * perVector : places.length;
  }

  private int channel(int i) {
    return alongTokens ? i / perVector : places[i];
  }

  private int token(int i) {
    return alongTokens ? places[i] : i / perVector;
  }

  private int at(int vector, int place) {
    return alongTokens ? place * vectors + vector : vector * length + place;
  }

  private boolean isBitmap() {
    return perVector * PackedIntegers.width(length) > length;
  }

  private int placeBytes() {
    return isBitmap()
        ? PackedIntegers.bytes(shape.values(), 1)
        : PackedIntegers.bytes(vectors * perVector, PackedIntegers.width(length));
  }
}
