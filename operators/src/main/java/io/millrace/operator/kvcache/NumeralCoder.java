package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Range asymmetric numeral systems (Duda, 2013, arXiv 1311.2540) with four interleaved states of 32
 * bits that give and take bytes: value i belongs to state i mod 4. Values are coded last to first,
 * so that the reader meets them first to last; a value beyond its table's ends is the escape symbol
 * and then 16 plain bits.
 *
 * <pre>
 * states   4 x 4 bytes
 * stream   bytes in the order in which the reader takes them
 * </pre>
 */
public final class NumeralCoder {
  private static final int STATES = 4;
  private static final int LOW = 1 << 23;
  private static final int PLAIN_BITS = 8;

  private NumeralCoder() {}

  /** Collects bytes from the end of a growing buffer to its front. */
  public static final class Writer {
    private final int[] states = new int[STATES];
    private byte[] bytes = new byte[1024];
    private int first = bytes.length;

    public Writer() {
      Arrays.fill(states, LOW);
    }

    /**
     * Adds value {@code i}: the last value first.
     *
     * @param value within 16 bits, signed
     */
    public void add(int i, int value, GaussianTable table) {
      int symbol = table.symbol(value);
      if (symbol == table.escape()) {
        put(i, value & 0xff, 1, PLAIN_BITS);
        put(i, value >> 8 & 0xff, 1, PLAIN_BITS);
      }
      put(i, table.start(symbol), table.count(symbol), GaussianTable.TOTAL_BITS);
    }

    public byte[] finish() {
      ByteBuffer out =
          ByteBuffer.allocate(STATES * Integer.BYTES + bytes.length - first)
              .order(ByteOrder.LITTLE_ENDIAN);
      for (int state : states) {
        out.putInt(state);
      }
      return out.put(bytes, first, bytes.length - first).array();
    }

    private void put(int i, int start, int count, int totalBits) {
      int state = states[i % STATES];
      long limit = ((long) (LOW >>> totalBits) << 8) * count;
      while (state >= limit) {
        if (first == 0) {
          grow();
        }
        bytes[--first] = (byte) state;
        state >>>= 8;
      }
      states[i % STATES] = (state / count << totalBits) + state % count + start;
    }

    private void grow() {
      byte[] larger = new byte[2 * bytes.length];
      System.arraycopy(bytes, 0, larger, bytes.length, bytes.length);
      first = bytes.length;
      bytes = larger;
    }
  }

  /** Takes values first to last. */
  public static final class Reader {
    private final ByteBuffer in;
    private final int[] states = new int[STATES];

    /**
     * @param in little-endian, positioned at the states
     * @throws IllegalArgumentException for too few bytes or impossible states
     */
    public Reader(ByteBuffer in) {
      if (in.remaining() < STATES * Integer.BYTES) {
        throw new IllegalArgumentException(
            "coded stream has " + in.remaining() + " bytes, expected at least 16");
      }
      this.in = in;
      for (int i = 0; i < STATES; i++) {
        states[i] = in.getInt();
        if (states[i] < LOW) {
          throw new IllegalArgumentException("coded stream begins with state " + states[i]);
        }
      }
    }

    /**
     * Value {@code i}, the first value first.
     *
     * @throws IllegalArgumentException when the stream ends early
     */
    public int next(int i, GaussianTable table) {
      int state = states[i % STATES];
      int symbol = table.symbolAt(state & GaussianTable.TOTAL - 1);
      states[i % STATES] =
          fill(
              table.count(symbol) * (state >>> GaussianTable.TOTAL_BITS)
                  + (state & GaussianTable.TOTAL - 1)
                  - table.start(symbol));
      if (symbol != table.escape()) {
        return table.value(symbol);
      }
      int high = plain(i);
      return (byte) high << 8 | plain(i);
    }

    /**
     * Checks that everything was taken.
     *
     * @throws IllegalArgumentException for bytes left over or states that no writer began with
     */
    public void end() {
      for (int state : states) {
        if (state != LOW) {
          throw new IllegalArgumentException("coded stream ends with state " + state);
        }
      }
      PageCodecs.requireEnd(in);
    }

    private int plain(int i) {
      int state = states[i % STATES];
      states[i % STATES] = fill(state >>> PLAIN_BITS);
      return state & (1 << PLAIN_BITS) - 1;
    }

    private int fill(int state) {
      int filled = state;
      while (filled < LOW) {
        if (!in.hasRemaining()) {
          throw new IllegalArgumentException("coded stream ends early");
        }
        filled = filled << 8 | in.get() & 0xff;
      }
      return filled;
    }
  }
}
