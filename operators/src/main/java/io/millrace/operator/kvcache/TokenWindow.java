package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The exact part of one stream of keys or values: its first tokens (sinks), and a sliding window
 * that never holds fewer than R of the newest. Tokens leave in pages of P, oldest first, only when
 * R + P are held, so pages depend on the tokens alone and not on how they were cut into blocks.
 *
 * <p>Tokens are kept in the format in which they came. Bytes (S + R + P + largest block) x c x 2 or
 * 4. One thread.
 */
final class TokenWindow {
  /**
   * Sizes, in tokens.
   *
   * @param window R, at least 0
   * @param page P, at least 1
   * @param sinks S, at least 0
   */
  record Sizes(int window, int page, int sinks) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    Sizes {
      if (window < 0 || page < 1 || sinks < 0) {
        throw new IllegalArgumentException(
            "window of "
                + window
                + ", pages of "
                + page
                + ", "
                + sinks
                + " sinks: expected at least 0, 1, 0");
      }
    }
  }

  private final Sizes sizes;
  private final int channels;
  private final TokenFormat format;
  private final byte[] sinks;

  /** Tokens start to next, in order. */
  private byte[] held;

  private long start;
  private long next;

  /**
   * @param channels c, values of a token
   */
  TokenWindow(Sizes sizes, int channels, TokenFormat format) {
    this.sizes = sizes;
    this.channels = channels;
    this.format = format;
    this.sinks = new byte[Math.multiplyExact(sizes.sinks(), tokenBytes())];
    this.held = new byte[0];
    this.start = sizes.sinks();
  }

  /** The token that comes next. */
  long next() {
    return next;
  }

  /** The oldest token that is held beside the sinks, or {@link #next} where there is none. */
  long start() {
    return Math.min(start, next);
  }

  /** Tokens held beside the sinks. */
  int size() {
    return (int) Math.max(0, next - start);
  }

  /** Tokens of a block that are new: 0 for one that was taken before. */
  int fresh(long firstToken, int tokens) {
    return (int) Math.max(0, Math.min(tokens, firstToken + tokens - next));
  }

  /**
   * Takes a block; what was taken before is cut off.
   *
   * @param firstToken at most {@link #next}
   * @param values [tokens x c] in the window's format from its position; not modified
   * @throws IllegalArgumentException for a gap; the window is then as before
   */
  void take(long firstToken, int tokens, ByteBuffer values) {
    if (firstToken > next) {
      throw new IllegalArgumentException(
          "block begins at token " + firstToken + ", expected " + next + " or before");
    }
    int fresh = fresh(firstToken, tokens);
    ByteBuffer in = values.duplicate();
    in.position(in.position() + (tokens - fresh) * tokenBytes());
    int toSinks = (int) Math.max(0, Math.min(fresh, sizes.sinks() - next));
    in.get(sinks, (int) Math.min(next, sizes.sinks()) * tokenBytes(), toSinks * tokenBytes());
    int kept = size() * tokenBytes();
    int more = (fresh - toSinks) * tokenBytes();
    if (held.length < kept + more) {
      held =
          Arrays.copyOf(
              held, Math.max(kept + more, (sizes.window() + sizes.page()) * tokenBytes()));
    }
    in.get(held, kept, more);
    next += fresh;
  }

  /** Whether a page can leave. */
  boolean isPageDue() {
    return size() >= sizes.window() + sizes.page();
  }

  /**
   * Takes the oldest tokens out.
   *
   * @param count at most {@link #size}
   * @param out [count x c], overwritten
   * @return the first token
   */
  long leave(int count, float[] out) {
    ByteBuffer in = ByteBuffer.wrap(held).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count * channels; i++) {
      out[i] = format.get(in);
    }
    int rest = size() - count;
    System.arraycopy(held, count * tokenBytes(), held, 0, rest * tokenBytes());
    long first = start;
    start += count;
    return first;
  }

  /** The page size. */
  int pageTokens() {
    return sizes.page();
  }

  private int tokenBytes() {
    return channels * format.bytes();
  }
}
