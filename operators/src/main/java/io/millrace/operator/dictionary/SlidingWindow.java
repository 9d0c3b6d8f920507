package io.millrace.operator.dictionary;

import io.millrace.operator.StateHeader;
import java.nio.ByteBuffer;

/**
 * The newest L steps of one sensor, with their times and which values are missing, and the running
 * scale of each channel. State; one thread.
 *
 * <p>Bytes: 5 L C for the values and the mask, 8 L for the times, 16 C for the variances.
 */
final class SlidingWindow {
  /**
   * Windows after which the running variance forgets: weight of a new window is at least 1/this.
   */
  private static final int SCALE_HORIZON = 256;

  /**
   * A window's variance counts as at most this many running ones: one wild reading would otherwise
   * blind a channel for thousands of windows. Hot steam on real motes hid its own second half at
   * 100; 4 to 16 flagged it to its end.
   */
  private static final double SCALE_CLIP = 8;

  /** A scale below this share of the mean is rounding of float32; such a channel is flat. */
  private static final float FLAT = 1e-9f;

  /** Normalised values are kept within this, so that squares stay far from overflow. */
  static final float CLIP = 1e4f;

  private static final int FIXED_BYTES = 5 * Integer.BYTES;

  private final int channels;
  private final int length;
  private final float[] values;
  private final boolean[] missing;
  private final long[] micros;
  private final double[] variance;

  /** [C] windows behind each variance. */
  private final long[] scaled;

  private int filled;
  private int head;
  private int uncovered;

  SlidingWindow(int channels, int length) {
    this.channels = channels;
    this.length = length;
    this.values = new float[channels * length];
    this.missing = new boolean[channels * length];
    this.micros = new long[length];
    this.variance = new double[channels];
    this.scaled = new long[channels];
  }

  int channels() {
    return channels;
  }

  int length() {
    return length;
  }

  /** Steps that no window has covered yet. */
  int uncovered() {
    return uncovered;
  }

  /** Steps held, at most L. */
  int filled() {
    return filled;
  }

  /** Event time of the newest step. Only valid when {@link #filled} is above 0. */
  long newestMicros() {
    return micros[(head + length - 1) % length];
  }

  /**
   * Adds one step.
   *
   * @param stepMicros its event time
   * @param step [C] values; an entry that is NaN is missing
   */
  void add(long stepMicros, float[] step) {
    for (int channel = 0; channel < channels; channel++) {
      int position = channel * length + head;
      boolean absent = Float.isNaN(step[channel]);
      missing[position] = absent;
      values[position] = absent ? 0f : step[channel];
    }
    micros[head] = stepMicros;
    head = head + 1 == length ? 0 : head + 1;
    filled = Math.min(filled + 1, length);
    uncovered++;
  }

  /** Marks the steps held as covered by a window; the next window starts after {@code hop} more. */
  void cover() {
    uncovered = 0;
  }

  /** Forgets all steps, keeps the running scales. */
  void reset() {
    filled = 0;
    head = 0;
    uncovered = 0;
  }

  /**
   * Lays out the window that starts {@code hop} steps after the one before, as far as it has come:
   * oldest step first, missing past the newest.
   *
   * @param hop 1 to L; the first window after a start or reset takes all steps held
   * @param into overwritten
   */
  void snapshot(int hop, WindowSnapshot into) {
    int steps = Math.min(filled, length - hop + uncovered);
    int oldest = (head - steps + length) % length;
    for (int channel = 0; channel < channels; channel++) {
      int row = channel * length;
      for (int step = 0; step < length; step++) {
        int from = row + (oldest + step) % length;
        boolean held = step < steps && !missing[from];
        into.observed[row + step] = held ? 1f : 0f;
        into.values[row + step] = held ? values[from] : 0f;
      }
    }
    into.startMicros = micros[oldest];
    into.spanMicros = newestMicros() - into.startMicros;
    for (int step = 0; step < length; step++) {
      into.micros[step] = step < steps ? micros[(oldest + step) % length] : newestMicros();
    }
    into.observedCount = 0;
    for (int channel = 0; channel < channels; channel++) {
      normalise(channel, into);
    }
  }

  /** Removes a channel's mean over observed values and divides by its running scale. */
  private void normalise(int channel, WindowSnapshot into) {
    int first = channel * length;
    int end = first + length;
    double sum = 0;
    int count = 0;
    for (int p = first; p < end; p++) {
      if (into.observed[p] != 0f) {
        sum += into.values[p];
        count++;
      }
    }
    float mean = count == 0 ? 0f : (float) (sum / count);
    double squares = 0;
    for (int p = first; p < end; p++) {
      if (into.observed[p] != 0f) {
        double deviation = (double) into.values[p] - mean;
        squares += deviation * deviation;
      }
    }
    // one value says nothing about a scale
    if (count > 1) {
      follow(channel, squares / count);
    }
    float scale = (float) Math.sqrt(variance[channel]);
    if (!(scale > FLAT * Math.max(1e-20f, Math.abs(mean)))) {
      scale = 1f;
    }
    into.mean[channel] = mean;
    into.scale[channel] = scale;
    for (int p = first; p < end; p++) {
      float z = into.observed[p] == 0f ? 0f : (into.values[p] - mean) / scale;
      into.normalised[p] = Math.max(-CLIP, Math.min(CLIP, z));
    }
    into.observedCount += count;
  }

  private void follow(int channel, double windowVariance) {
    double running = variance[channel];
    double weight = Math.max(1.0 / ++scaled[channel], 1.0 / SCALE_HORIZON);
    double counted = running > 0 ? Math.min(windowVariance, SCALE_CLIP * running) : windowVariance;
    variance[channel] = running + weight * (counted - running);
  }

  int encodedBytes() {
    return FIXED_BYTES + channels * length * 5 + length * 8 + channels * 16;
  }

  /**
   * Writes int C, int L, int steps held, int ring head, int uncovered steps, float[C L] values,
   * byte[C L] 1 where missing, long[L] times, and per channel double variance and long windows
   * behind it.
   */
  void encode(ByteBuffer buffer) {
    buffer.putInt(channels).putInt(length).putInt(filled).putInt(head).putInt(uncovered);
    StateHeader.putFloats(buffer, values, 0, values.length);
    for (boolean absent : missing) {
      StateHeader.putFlag(buffer, absent);
    }
    for (long time : micros) {
      buffer.putLong(time);
    }
    for (int channel = 0; channel < channels; channel++) {
      buffer.putDouble(variance[channel]).putLong(scaled[channel]);
    }
  }

  /**
   * Reads what {@link #encode} wrote.
   *
   * @throws IllegalArgumentException for truncated or impossible bytes, before any allocation that
   *     the bytes do not justify
   */
  static SlidingWindow decode(ByteBuffer buffer) {
    StateHeader.need(buffer, FIXED_BYTES);
    int channels = buffer.getInt();
    int length = buffer.getInt();
    int filled = buffer.getInt();
    int head = buffer.getInt();
    int uncovered = buffer.getInt();
    if (channels < 1 || length < 2 || (long) channels * length > WindowSettings.MAXIMUM_DIMENSION) {
      throw new IllegalArgumentException(
          "window state declares " + channels + " x " + length + ", no window has that shape");
    }
    boolean full = filled == length;
    if (filled < 0
        || filled > length
        || head < 0
        || head >= length
        || (!full && head != filled)
        || uncovered < 0
        || uncovered > filled) {
      throw new IllegalArgumentException(
          "window state has " + filled + " steps, head " + head + ", " + uncovered + " uncovered");
    }
    StateHeader.need(buffer, (long) channels * length * 5 + length * 8L + channels * 16L);
    SlidingWindow window = new SlidingWindow(channels, length);
    window.filled = filled;
    window.head = head;
    window.uncovered = uncovered;
    window.decodeValues(buffer);
    for (int step = 0; step < length; step++) {
      window.micros[step] = buffer.getLong();
    }
    for (int channel = 0; channel < channels; channel++) {
      window.variance[channel] = buffer.getDouble();
      window.scaled[channel] = buffer.getLong();
      if (!(window.variance[channel] >= 0 && window.variance[channel] < Double.MAX_VALUE)
          || window.scaled[channel] < 0) {
        throw new IllegalArgumentException(
            "window state has variance " + window.variance[channel] + ", expected 0 or more");
      }
    }
    return window;
  }

  private void decodeValues(ByteBuffer buffer) {
    System.arraycopy(StateHeader.getFloats(buffer, values.length), 0, values, 0, values.length);
    for (float value : values) {
      if (!Float.isFinite(value)) {
        throw new IllegalArgumentException("window state holds " + value + ", expected finite");
      }
    }
    for (int p = 0; p < missing.length; p++) {
      missing[p] = StateHeader.getFlag(buffer);
    }
  }
}
