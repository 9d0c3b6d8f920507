package io.millrace.operator.dictionary;

import io.millrace.operator.StateHeader;
import java.nio.ByteBuffer;

/**
 * The newest L steps of one sensor, with their times and which values are missing, and the running
 * scale of each channel. State; one thread.
 *
 * <p>Bytes: 4 L C for the values, L C / 8 for the mask, 8 L for the times, 8 C for the variances.
 */
final class SlidingWindow {
  /**
   * Windows after which the running variance forgets: weight of a new window is at least 1/this.
   */
  private static final int SCALE_HORIZON = 256;

  /** Normalised values are kept within this, so that squares stay far from overflow. */
  static final float CLIP = 1e4f;

  private final int channels;
  private final int length;
  private final float[] values;
  private final boolean[] missing;
  private final long[] micros;
  private final double[] variance;
  private int filled;
  private int head;
  private int uncovered;
  private long normalised;

  SlidingWindow(int channels, int length) {
    this.channels = channels;
    this.length = length;
    this.values = new float[channels * length];
    this.missing = new boolean[channels * length];
    this.micros = new long[length];
    this.variance = new double[channels];
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
   * Lays the steps held out in order, oldest first; positions past {@link #filled} are missing.
   *
   * @param into overwritten
   */
  void snapshot(WindowSnapshot into) {
    int oldest = filled < length ? 0 : head;
    for (int channel = 0; channel < channels; channel++) {
      int row = channel * length;
      for (int step = 0; step < length; step++) {
        int from = row + (oldest + step) % length;
        boolean held = step < filled && !missing[from];
        into.observed[row + step] = held ? 1f : 0f;
        into.values[row + step] = held ? values[from] : 0f;
      }
    }
    into.startMicros = micros[oldest % length];
    into.spanMicros = newestMicros() - into.startMicros;
    for (int step = 0; step < length; step++) {
      into.micros[step] = step < filled ? micros[(oldest + step) % length] : newestMicros();
    }
    normalise(into);
  }

  /** Removes each channel's mean over observed values and divides by its running scale. */
  private void normalise(WindowSnapshot into) {
    normalised++;
    double weight = Math.max(1.0 / normalised, 1.0 / SCALE_HORIZON);
    into.observedCount = 0;
    for (int channel = 0; channel < channels; channel++) {
      int row = channel * length;
      double sum = 0;
      int count = 0;
      for (int p = row; p < row + length; p++) {
        if (into.observed[p] != 0f) {
          sum += into.values[p];
          count++;
        }
      }
      float mean = count == 0 ? 0f : (float) (sum / count);
      double squares = 0;
      for (int p = row; p < row + length; p++) {
        if (into.observed[p] != 0f) {
          double deviation = (double) into.values[p] - mean;
          squares += deviation * deviation;
        }
      }
      if (count > 0) {
        variance[channel] += weight * (squares / count - variance[channel]);
      }
      float scale = (float) Math.sqrt(variance[channel]);
      if (!(scale > 1e-9f * Math.max(1e-20f, Math.abs(mean)))) {
        scale = 1f;
      }
      into.mean[channel] = mean;
      into.scale[channel] = scale;
      for (int p = row; p < row + length; p++) {
        float z = into.observed[p] == 0f ? 0f : (into.values[p] - mean) / scale;
        into.normalised[p] = Math.max(-CLIP, Math.min(CLIP, z));
      }
      into.observedCount += count;
    }
  }

  int encodedBytes() {
    return 5 * Integer.BYTES + Long.BYTES + channels * length * 5 + length * 8 + channels * 8;
  }

  void encode(ByteBuffer buffer) {
    buffer.putInt(channels).putInt(length).putInt(filled).putInt(head).putInt(uncovered);
    buffer.putLong(normalised);
    StateHeader.putFloats(buffer, values, 0, values.length);
    for (boolean absent : missing) {
      buffer.put((byte) (absent ? 1 : 0));
    }
    for (long time : micros) {
      buffer.putLong(time);
    }
    for (double v : variance) {
      buffer.putDouble(v);
    }
  }

  static SlidingWindow decode(ByteBuffer buffer) {
    StateHeader.need(buffer, 5 * Integer.BYTES + Long.BYTES);
    int channels = buffer.getInt();
    int length = buffer.getInt();
    if (channels < 1
        || length < 2
        || (long) channels * length > WindowSettings.MAXIMUM_DIMENSION
        || (long) channels * length * 5 > buffer.remaining()) {
      throw new IllegalArgumentException(
          "window state declares " + channels + " x " + length + ", bytes do not hold it");
    }
    SlidingWindow window = new SlidingWindow(channels, length);
    window.filled = buffer.getInt();
    window.head = buffer.getInt();
    window.uncovered = buffer.getInt();
    window.normalised = buffer.getLong();
    if (window.filled < 0
        || window.filled > length
        || window.head < 0
        || window.head >= length
        || window.uncovered < 0) {
      throw new IllegalArgumentException("window state has positions outside its window");
    }
    float[] held = StateHeader.getFloats(buffer, channels * length);
    System.arraycopy(held, 0, window.values, 0, held.length);
    StateHeader.need(buffer, channels * length + length * 8 + channels * 8);
    for (int p = 0; p < window.missing.length; p++) {
      window.missing[p] = buffer.get() != 0;
    }
    for (int step = 0; step < length; step++) {
      window.micros[step] = buffer.getLong();
    }
    for (int channel = 0; channel < channels; channel++) {
      window.variance[channel] = buffer.getDouble();
    }
    return window;
  }
}
