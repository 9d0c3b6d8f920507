package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import io.millrace.operator.dictionary.BatchOrthogonalMatchingPursuit;
import io.millrace.operator.dictionary.Dictionary;
import io.millrace.operator.dictionary.DictionaryModel;
import io.millrace.operator.dictionary.SparseCodes;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Optional;

/**
 * Vectors as few atoms of a dictionary that all heads of a layer share, Lexico (Kim, Park, Cho,
 * Papailiopoulos, 2024, arXiv 2412.08890), coded by orthogonal matching pursuit. What differs: the
 * dictionary is learned on the stream; keys come before the rotary step; indices have log2 N bits;
 * and one half-precision scale a page brings coefficients into the range of E4M3.
 *
 * <pre>
 * scale         2               half precision
 * counts        n x h           atoms of each vector, at most s
 * atoms         ceil(sum ceil(log2 N) / 8)   rising in a vector, {@link PackedIntegers}
 * coefficients  sum             {@link Float8} of coefficient / scale
 * </pre>
 *
 * <p>Bits (s (8 + log2 N) + 8) / d a value. Coding costs 2 N d + N s (s + 1) a vector; scores take
 * d for each distinct atom of a head and s gathers a token, sums likewise. The version of the
 * dictionary is named by the page's record. Entries beyond +-2^24 count as that.
 */
public final class DictionaryAtoms implements PageCodec {
  private static final float LARGEST_ENTRY = 1 << 24;

  private final int maxAtoms;
  private final DictionaryModel model;
  private final BatchOrthogonalMatchingPursuit coder;
  private final SparseCodes codes = new SparseCodes();

  /**
   * @param maxAtoms of a vector, s, 1 to 255
   * @param model its dimension is that of a head
   * @throws IllegalArgumentException for other settings
   */
  public DictionaryAtoms(int maxAtoms, DictionaryModel model) {
    if (maxAtoms < 1 || maxAtoms > 255) {
      throw new IllegalArgumentException("atoms: got " + maxAtoms + ", expected 1 to 255");
    }
    this.maxAtoms = maxAtoms;
    this.model = model;
    this.coder =
        new BatchOrthogonalMatchingPursuit(BatchOrthogonalMatchingPursuit.Settings.atoms(maxAtoms));
  }

  @Override
  public byte id() {
    return PageCodecs.DICTIONARY;
  }

  @Override
  public int parameters() {
    return maxAtoms;
  }

  @Override
  public String name() {
    return "dictionary-" + maxAtoms;
  }

  @Override
  public Optional<Models.Model> model() {
    return Optional.of(model);
  }

  @Override
  public boolean codesBeforeRotary() {
    return true;
  }

  @Override
  public byte[] encode(PageShape shape, PageKind kind, float[] values) {
    Dictionary dictionary = requireDimension(shape);
    float[] bounded = values.clone();
    for (int i = 0; i < bounded.length; i++) {
      bounded[i] = Math.max(-LARGEST_ENTRY, Math.min(LARGEST_ENTRY, bounded[i]));
    }
    int vectors = shape.tokens() * shape.heads();
    codes.clear();
    coder.code(dictionary, bounded, 0, vectors, codes);
    int total = codes.entryCount();
    float largest = 0f;
    for (int e = 0; e < total; e++) {
      largest = Math.max(largest, Math.abs(codes.values()[e]));
    }
    short half = Float16.encode(largest / Float8.LARGEST);
    float scale = Float16.decode(half);
    int width = PackedIntegers.width(dictionary.atomCount());
    ByteBuffer out =
        ByteBuffer.allocate(Short.BYTES + vectors + PackedIntegers.bytes(total, width) + total)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putShort(half);
    // atom above, entry below: sorting a vector's entries sorts its atoms
    long[] order = new long[total];
    for (int v = 0; v < vectors; v++) {
      out.put((byte) (codes.start(v + 1) - codes.start(v)));
      for (int e = codes.start(v); e < codes.start(v + 1); e++) {
        order[e] = (long) codes.atoms()[e] << 32 | e;
      }
      Arrays.sort(order, codes.start(v), codes.start(v + 1));
    }
    int[] atoms = Arrays.stream(order).mapToInt(entry -> (int) (entry >>> 32)).toArray();
    PackedIntegers.put(out, atoms, total, width);
    for (long entry : order) {
      float coefficient = codes.values()[(int) entry];
      out.put(Float8.encode(scale > 0 ? coefficient / scale : 0f));
    }
    return out.array();
  }

  @Override
  public Page open(PageShape shape, PageKind kind, ByteBuffer payload) {
    Dictionary dictionary = requireDimension(shape);
    int vectors = shape.tokens() * shape.heads();
    if (payload.remaining() < Short.BYTES + vectors) {
      throw new IllegalArgumentException(
          "page has " + payload.remaining() + " bytes, its counts need " + (2 + vectors));
    }
    float[] scale = new float[1];
    Float16.get(payload, scale, 1);
    int[] starts = new int[vectors + 1];
    for (int v = 0; v < vectors; v++) {
      int count = payload.get() & 0xff;
      if (count > maxAtoms) {
        throw new IllegalArgumentException(
            "vector " + v + " has " + count + " atoms, expected at most " + maxAtoms);
      }
      starts[v + 1] = starts[v] + count;
    }
    int total = starts[vectors];
    int width = PackedIntegers.width(dictionary.atomCount());
    long expected = ((long) total * width + 7) / 8 + total;
    if (payload.remaining() != expected) {
      throw new IllegalArgumentException(
          "page has " + payload.remaining() + " bytes of codes, expected " + expected);
    }
    int[] atoms = new int[total];
    PackedIntegers.get(payload, atoms, total, width);
    for (int v = 0; v < vectors; v++) {
      requireRising(v, atoms, starts[v], starts[v + 1], dictionary.atomCount());
    }
    float[] coefficients = new float[total];
    for (int e = 0; e < total; e++) {
      coefficients[e] = Float8.decode(payload.get()) * scale[0];
    }
    return new DictionaryPage(shape, dictionary, starts, atoms, coefficients);
  }

  private Dictionary requireDimension(PageShape shape) {
    Dictionary dictionary = model.dictionary();
    if (dictionary.dimension() != shape.headDimension()) {
      throw new IllegalArgumentException(
          "heads have "
              + shape.headDimension()
              + " channels, atoms of the dictionary "
              + dictionary.dimension());
    }
    return dictionary;
  }

  private static void requireRising(int vector, int[] atoms, int from, int to, int atomCount) {
    for (int e = from; e < to; e++) {
      if (atoms[e] >= atomCount || e > from && atoms[e] <= atoms[e - 1]) {
        throw new IllegalArgumentException(
            "vector "
                + vector
                + " names atom "
                + atoms[e]
                + " of "
                + atomCount
                + ", expected rising numbers");
      }
    }
  }
}
