package io.millrace.operator.federated;

import io.millrace.operator.StateHeader;
import io.millrace.schema.Rejection;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Writes parts of a {@link ControlState}, little endian, growing as it goes; the static methods
 * read them. One thread.
 */
final class ControlBytes {
  private static final int DIGEST_BYTES = OpenTask.DIGEST_BYTES;
  private ByteBuffer bytes = ByteBuffer.allocate(512).order(ByteOrder.LITTLE_ENDIAN);

  ControlBytes flag(boolean flag) {
    StateHeader.putFlag(room(1), flag);
    return this;
  }

  ControlBytes number(int value) {
    room(Integer.BYTES).putInt(value);
    return this;
  }

  ControlBytes number(long value) {
    room(Long.BYTES).putLong(value);
    return this;
  }

  ControlBytes number(float value) {
    room(Float.BYTES).putFloat(value);
    return this;
  }

  ControlBytes number(double value) {
    room(Double.BYTES).putDouble(value);
    return this;
  }

  ControlBytes text(String text) {
    StateHeader.putText(room(StateHeader.textBytes(text)), text);
    return this;
  }

  /** Bytes without their length. */
  ControlBytes plain(byte[] value) {
    room(value.length).put(value);
    return this;
  }

  ControlBytes statement(CommitStatement statement) {
    plain(statement.digest()).plain(statement.root());
    number(statement.squaredNorm()).number(statement.examples());
    number(statement.codecErrors().length);
    for (float error : statement.codecErrors()) {
      number(error);
    }
    return measures(statement.measures());
  }

  ControlBytes measures(SortedMap<String, Double> measures) {
    number(measures.size());
    measures.forEach((name, value) -> text(name).number((double) value));
    return this;
  }

  ControlBytes rejections(List<Rejection> rejections) {
    number(rejections.size());
    for (Rejection rejection : rejections) {
      text(rejection.getClient()).number(rejection.getSequence());
      text(rejection.getReason()).text(rejection.getMessage());
    }
    return this;
  }

  ControlBytes digests(SortedMap<Integer, byte[]> digests) {
    number(digests.size());
    digests.forEach((chunk, digest) -> number((int) chunk).plain(digest));
    return this;
  }

  /** A section of these bytes. */
  byte[] section(byte family, byte version, int section) {
    byte[] written = Arrays.copyOf(bytes.array(), bytes.position());
    return StateHeader.begin(family, version, section, written.length).put(written).array();
  }

  private ByteBuffer room(int needed) {
    if (bytes.remaining() < needed) {
      int capacity = Math.addExact(bytes.capacity(), Math.max(bytes.capacity(), needed));
      bytes =
          ByteBuffer.wrap(Arrays.copyOf(bytes.array(), capacity))
              .order(ByteOrder.LITTLE_ENDIAN)
              .position(bytes.position());
    }
    return bytes;
  }

  /**
   * A number of things of which each takes some bytes at least.
   *
   * @throws IllegalArgumentException for more than the bytes left can hold
   */
  static int count(ByteBuffer in, int leastBytes) {
    StateHeader.need(in, Integer.BYTES);
    int count = in.getInt();
    StateHeader.need(in, count < 0 ? Long.MAX_VALUE : (long) count * leastBytes);
    return count;
  }

  static long number(ByteBuffer in) {
    StateHeader.need(in, Long.BYTES);
    return in.getLong();
  }

  /** A number that is not below {@code least}. */
  static long number(ByteBuffer in, long least) {
    long value = number(in);
    if (value < least) {
      throw new IllegalArgumentException(
          "round state holds " + value + ", expected at least " + least);
    }
    return value;
  }

  /** A finite number from 0 on. */
  static double positive(ByteBuffer in) {
    double value = finite(in);
    if (value < 0) {
      throw new IllegalArgumentException("round state holds " + value + ", expected 0 or more");
    }
    return value;
  }

  static double finite(ByteBuffer in) {
    StateHeader.need(in, Double.BYTES);
    double value = in.getDouble();
    if (!Double.isFinite(value)) {
      throw new IllegalArgumentException("round state holds " + value);
    }
    return value;
  }

  static byte[] digest(ByteBuffer in) {
    StateHeader.need(in, DIGEST_BYTES);
    byte[] digest = new byte[DIGEST_BYTES];
    in.get(digest);
    return digest;
  }

  static String name(ByteBuffer in) {
    String name = StateHeader.getText(in);
    if (!FederatedKeys.isName(name)) {
      throw new IllegalArgumentException(
          "round state holds a name of " + name.length() + " letters");
    }
    return name;
  }

  static CommitStatement readStatement(ByteBuffer in) {
    byte[] digest = digest(in);
    byte[] root = digest(in);
    double squaredNorm = positive(in);
    StateHeader.need(in, Integer.BYTES);
    int examples = in.getInt();
    if (examples < 1) {
      throw new IllegalArgumentException("round state holds a commit over " + examples);
    }
    float[] errors = StateHeader.getFloats(in, count(in, Float.BYTES));
    for (float error : errors) {
      if (!(error >= 0 && error <= Float.MAX_VALUE)) {
        throw new IllegalArgumentException("round state holds a codec error of " + error);
      }
    }
    return new CommitStatement(digest, root, squaredNorm, examples, errors, readMeasures(in));
  }

  static TreeMap<String, Double> readMeasures(ByteBuffer in) {
    TreeMap<String, Double> measures = new TreeMap<>();
    int count = count(in, Short.BYTES + Double.BYTES);
    for (int i = 0; i < count; i++) {
      String name = StateHeader.getText(in);
      rising(measures.isEmpty() || measures.lastKey().compareTo(name) < 0);
      measures.put(name, finite(in));
    }
    return measures;
  }

  static List<Rejection> readRejections(ByteBuffer in) {
    int count = count(in, 3 * Short.BYTES + Long.BYTES);
    List<Rejection> rejections = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      rejections.add(
          new Rejection(name(in), number(in, 0), StateHeader.getText(in), StateHeader.getText(in)));
    }
    return rejections;
  }

  /** Digests by chunk, below a number of them. */
  static void readDigests(ByteBuffer in, int chunks, TreeMap<Integer, byte[]> digests) {
    int count = count(in, Integer.BYTES + DIGEST_BYTES);
    for (int i = 0; i < count; i++) {
      int chunk = in.getInt();
      rising(chunk >= 0 && chunk < chunks);
      rising(digests.isEmpty() || digests.lastKey() < chunk);
      digests.put(chunk, digest(in));
    }
  }

  /**
   * @throws IllegalArgumentException unless keys are in their order
   */
  static void rising(boolean rises) {
    if (!rises) {
      throw new IllegalArgumentException("round state is not in order");
    }
  }

  /** A largest value. */
  static float largest(ByteBuffer in) {
    StateHeader.need(in, Float.BYTES);
    float largest = in.getFloat();
    if (!(largest >= 0 && largest <= Float.MAX_VALUE)) {
      throw new IllegalArgumentException("round state holds a largest value of " + largest);
    }
    return largest;
  }
}
