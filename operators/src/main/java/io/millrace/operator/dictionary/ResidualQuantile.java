package io.millrace.operator.dictionary;

import io.millrace.operator.StateHeader;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The exact quantile of the newest residuals: a ring in arrival order beside a sorted copy. Exact
 * and sliding, so it follows a drifting sensor and forgets an outlier after {@code history}
 * windows.
 *
 * <p>State 8 x history bytes; O(log history) comparisons and one block move per value. One thread.
 */
final class ResidualQuantile {
  private final float[] ring;
  private final float[] sorted;
  private int size;
  private int head;

  ResidualQuantile(int history) {
    ring = new float[history];
    sorted = new float[history];
  }

  int size() {
    return size;
  }

  /** Adds a finite value from 0 on, dropping the oldest once {@code history} are held. */
  void add(float value) {
    if (size == ring.length) {
      int oldest = Arrays.binarySearch(sorted, 0, size, ring[head]);
      System.arraycopy(sorted, oldest + 1, sorted, oldest, size - oldest - 1);
      size--;
    }
    int found = Arrays.binarySearch(sorted, 0, size, value);
    int position = found < 0 ? -found - 1 : found;
    System.arraycopy(sorted, position, sorted, position + 1, size - position);
    sorted[position] = value;
    ring[head] = value;
    head = head + 1 == ring.length ? 0 : head + 1;
    size++;
  }

  /** The smallest value held that is at least as large as a share {@code quantile} of them. */
  float quantile(double quantile) {
    int rank = (int) Math.ceil(quantile * size);
    return sorted[Math.max(0, Math.min(size - 1, rank - 1))];
  }

  int encodedBytes() {
    return 3 * Integer.BYTES + size * Float.BYTES;
  }

  /** Writes int history, int size, int ring head, and the residuals, oldest first. */
  void encode(ByteBuffer buffer) {
    buffer.putInt(ring.length).putInt(size).putInt(head);
    int oldest = (head - size + ring.length) % ring.length;
    for (int i = 0; i < size; i++) {
      buffer.putFloat(ring[(oldest + i) % ring.length]);
    }
  }

  /**
   * Reads what {@link #encode} wrote.
   *
   * @throws IllegalArgumentException for truncated or impossible bytes
   */
  static ResidualQuantile decode(ByteBuffer buffer, int maximumHistory) {
    StateHeader.need(buffer, 3 * Integer.BYTES);
    int history = buffer.getInt();
    int size = buffer.getInt();
    int head = buffer.getInt();
    if (history < 1
        || history > maximumHistory
        || size < 0
        || size > history
        || head < 0
        || head >= history
        || (size < history && head != size)) {
      throw new IllegalArgumentException(
          "residual history of " + size + " in " + history + " at " + head + " is impossible");
    }
    float[] values = StateHeader.getFloats(buffer, size);
    ResidualQuantile quantile = new ResidualQuantile(history);
    quantile.head = (head - size + history) % history;
    for (float value : values) {
      if (!(value >= 0 && value < Float.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "residual history holds " + value + ", expected finite values from 0 on");
      }
      quantile.add(value);
    }
    return quantile;
  }
}
