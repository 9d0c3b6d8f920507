package io.millrace.operator.dictionary;

import java.nio.ByteBuffer;

/**
 * Alarms when a value rises and stays above its running mean: the change test of Page (Biometrika
 * 41, 1954) in Hinkley's one-sided form (Biometrika 58, 1971).
 *
 * <pre>
 * n += 1 ;  mean += (v - mean) / n ;  sum += v - mean - delta ;  low = min(low, sum)
 * alarm when sum - low > level, then start anew
 * </pre>
 *
 * <p>State: 32 bytes. A falling value, as while a dictionary is being learned, never alarms.
 */
public final class PageHinkley {
  /** Bytes that {@link #encode} writes. */
  public static final int BYTES = Long.BYTES + 3 * Double.BYTES;

  private final Settings settings;
  private long count;
  private double mean;
  private double sum;
  private double lowest;

  /**
   * @param delta rise above the mean that is still no change, in the unit of the value, at least 0
   * @param level accumulated rise that is one, same unit, above 0
   */
  public record Settings(double delta, double level) {
    /** For the relative error of a batch, root of residual energy over energy. */
    public static final Settings DEFAULT = new Settings(0.01, 0.3);

    public Settings {
      if (!(delta >= 0) || !Double.isFinite(delta)) {
        throw new IllegalArgumentException("delta is " + delta + ", expected at least 0");
      }
      if (!(level > 0) || !Double.isFinite(level)) {
        throw new IllegalArgumentException("level is " + level + ", expected above 0");
      }
    }
  }

  public PageHinkley(Settings settings) {
    this.settings = settings;
  }

  /**
   * Takes the next value.
   *
   * @param value finite
   * @return true on a change; the test has then forgotten everything
   */
  public boolean update(double value) {
    count++;
    mean += (value - mean) / count;
    sum += value - mean - settings.delta();
    lowest = Math.min(lowest, sum);
    if (sum - lowest <= settings.level()) {
      return false;
    }
    reset();
    return true;
  }

  /** Forgets everything. */
  public void reset() {
    count = 0;
    mean = 0;
    sum = 0;
    lowest = 0;
  }

  /** Writes {@link #BYTES} bytes: count, mean, sum, lowest. */
  public void encode(ByteBuffer buffer) {
    buffer.putLong(count).putDouble(mean).putDouble(sum).putDouble(lowest);
  }

  /**
   * Replaces the state by what {@link #encode} wrote.
   *
   * @throws IllegalArgumentException for missing bytes, a negative count or non-finite values; the
   *     state is then unchanged
   */
  public void decode(ByteBuffer buffer) {
    if (buffer.remaining() < BYTES) {
      throw new IllegalArgumentException(
          "drift test has " + buffer.remaining() + " bytes, expected " + BYTES);
    }
    long newCount = buffer.getLong();
    double newMean = buffer.getDouble();
    double newSum = buffer.getDouble();
    double newLowest = buffer.getDouble();
    if (newCount < 0 || !Double.isFinite(newMean + newSum + newLowest)) {
      throw new IllegalArgumentException("drift test has count " + newCount + ", sum " + newSum);
    }
    count = newCount;
    mean = newMean;
    sum = newSum;
    lowest = newLowest;
  }
}
