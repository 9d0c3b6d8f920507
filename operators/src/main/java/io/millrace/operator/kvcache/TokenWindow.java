package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The exact part of one stream of keys or values: its first tokens (sinks) until they leave in a
 * page of their own, and then a sliding window that never holds fewer than R of the newest. Tokens
 * leave in pages of P, oldest first, only when R + P are held, so pages depend on the tokens alone
 * and not on how they were cut into blocks.
 *
 * <p>A ring: token t lies in slot t mod (R + P) from when it comes until another overwrites it, in
 * the format in which it came, behind its event time. So a commit after a block rewrites the slots
 * of that block's tokens and no others. An empty window has no slots. Bytes (R + P) (8 + 2 c), or 4
 * c; fewer while fewer tokens have come. Copying in and out is all the cost. One thread.
 */
final class TokenWindow {
  /** Bound on (R + P) c, so that bytes of a window can be counted in an int. */
  static final int MAXIMUM_VALUES = 1 << 26;

  private static final int TIME_BYTES = Long.BYTES;

  private final KeyValueSettings.Window sizes;
  private final int tokenBytes;
  private final int capacity;

  /** The slots that were used so far, and perhaps some more. */
  private ByteBuffer slots;

  private long start;
  private long next;

  /**
   * @param sizes R, P, S
   * @param channels c, values of a token
   */
  TokenWindow(KeyValueSettings.Window sizes, int channels, TokenFormat format) {
    this.sizes = sizes;
    this.tokenBytes = channels * format.bytes();
    this.capacity = sizes.capacity();
    this.slots = wrap(new byte[0]);
  }

  /**
   * Takes over what {@link #encode} wrote.
   *
   * @param format of the elements
   * @param in from its position to its limit
   * @throws IllegalArgumentException for counts that cannot be, other than their bytes, or elements
   *     that are not finite
   */
  void decode(long start, long next, TokenFormat format, ByteBuffer in) {
    boolean counted = start >= 0 && next >= start && next <= HeadGroupKey.MAXIMUM_TOKEN + 1;
    if (!counted || next - start >= capacity) {
      throw new IllegalArgumentException("window holds tokens " + start + " to " + next);
    }
    this.start = start;
    this.next = next;
    long past = start - sizes.sinks();
    if (dueTokens() > 0 || size() > 0 && start > 0 && (past < 0 || past % sizes.page() != 0)) {
      throw new IllegalArgumentException(
          "window holds tokens " + start + " to " + next + ", where a page is due or was cut");
    }
    if (in.remaining() != encodedBytes()) {
      throw new IllegalArgumentException(
          "window has " + in.remaining() + " bytes, expected " + encodedBytes());
    }
    byte[] bytes = new byte[in.remaining()];
    in.get(bytes);
    slots = wrap(bytes);
    for (long token = start; token < next; token++) {
      int slot = slot(token);
      long micros = slots.getLong(slot);
      if (micros < 0 || micros > EventTime.MAXIMUM_MICROS) {
        throw new IllegalArgumentException("token " + token + " has time " + micros);
      }
      if (format.firstUnfit(slots, slot + TIME_BYTES, tokenBytes) >= 0) {
        throw new IllegalArgumentException("token " + token + " has a value that is not finite");
      }
    }
  }

  /** Bytes of {@link #encode}: those of the used slots, none where no token is held. */
  int encodedBytes() {
    return size() == 0 ? 0 : (int) Math.min(next, capacity) * (TIME_BYTES + tokenBytes);
  }

  /** A number that differs whenever the bytes of {@link #encode} may. */
  long revision() {
    return 2 * next + (size() == 0 ? 1 : 0);
  }

  /** Writes the used slots, with what has left and was not overwritten. */
  void encode(ByteBuffer out) {
    out.put(slots.array(), 0, encodedBytes());
  }

  /** The token that comes next. */
  long next() {
    return next;
  }

  /** The oldest token that is held, or {@link #next} where there is none. */
  long start() {
    return start;
  }

  /** Tokens held. */
  int size() {
    return (int) (next - start);
  }

  /** Tokens that can be appended before a page must leave. */
  int free() {
    return capacity - size();
  }

  /** Tokens of a block that are new: 0 for one that was taken before. */
  int fresh(long firstToken, int tokens) {
    return (int) Math.max(0, Math.min(tokens, firstToken + tokens - next));
  }

  /**
   * Appends tokens.
   *
   * @param elements [at least from + count, x c] from its position; not modified
   * @param from first token of {@code elements} to take
   * @param count at most {@link #free}
   * @param micros event time at which they came
   */
  void append(ByteBuffer elements, int from, int count, long micros) {
    grow(next + count);
    for (int i = 0; i < count; i++) {
      int slot = slot(next + i);
      slots.putLong(slot, micros);
      slots.put(
          slot + TIME_BYTES, elements, elements.position() + (from + i) * tokenBytes, tokenBytes);
    }
    next += count;
  }

  /** Tokens of the page that must leave now, 0 if none: S at first, P ever after. */
  int dueTokens() {
    if (start < sizes.sinks()) {
      return next >= sizes.sinks() ? sizes.sinks() : 0;
    }
    return size() >= sizes.window() + sizes.page() ? sizes.page() : 0;
  }

  /** Tokens of the next page when the stream ends: what is left, at most {@link #dueTokens}. */
  int tailTokens() {
    return Math.min(size(), start < sizes.sinks() ? sizes.sinks() : sizes.page());
  }

  /** Event time at which the {@code count}-th oldest token came. */
  long timeMicros(int count) {
    return slots.getLong(slot(start + count - 1));
  }

  /**
   * Takes the oldest tokens out.
   *
   * @param count at most {@link #size}
   * @return [count x c] as they came
   */
  byte[] leave(int count) {
    byte[] elements = new byte[count * tokenBytes];
    for (int i = 0; i < count; i++) {
      slots.get(slot(start + i) + TIME_BYTES, elements, i * tokenBytes, tokenBytes);
    }
    start += count;
    if (size() == 0) {
      slots = wrap(new byte[0]);
    }
    return elements;
  }

  /** Bytes on the heap. */
  long heapBytes() {
    return slots.capacity();
  }

  private int slot(long token) {
    return (int) (token % capacity) * (TIME_BYTES + tokenBytes);
  }

  /** Slots are used in order until all are: growing leaves each token where it is. */
  private void grow(long tokens) {
    int used = (int) Math.min(tokens, capacity);
    int slotBytes = TIME_BYTES + tokenBytes;
    if (slots.capacity() < used * slotBytes) {
      int room = (int) Math.min(capacity, Math.max(used, 2L * slots.capacity() / slotBytes));
      slots = wrap(Arrays.copyOf(slots.array(), room * slotBytes));
    }
  }

  private static ByteBuffer wrap(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
