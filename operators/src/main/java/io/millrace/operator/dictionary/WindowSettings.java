package io.millrace.operator.dictionary;

import io.millrace.operator.SettingCheck;

/**
 * How a sensor's readings become windows.
 *
 * @param channels values per reading, 1 to 4096
 * @param length steps per window, L; channels x length is at most 65,536
 * @param hop steps from one window to the next, 1 to length; length: windows do not overlap
 * @param intervalMicros nominal sampling interval; 0: unknown. When known, up to length - 1 absent
 *     steps are filled in as missing, so that a window spans a constant time
 * @param maximumGapMicros a longer silence ends the window early and starts a new one, at least the
 *     interval; 0: no limit beyond the filled steps
 * @param idleFlushMillis event time after which an unfinished window is coded as it is; 0: never
 */
public record WindowSettings(
    int channels,
    int length,
    int hop,
    long intervalMicros,
    long maximumGapMicros,
    long idleFlushMillis) {

  /** Bound on channels x length. */
  public static final int MAXIMUM_DIMENSION = 65_536;

  public WindowSettings {
    SettingCheck.range("channels", channels, 1, 4096);
    SettingCheck.range("length", length, 2, MAXIMUM_DIMENSION);
    SettingCheck.range("channels x length", (long) channels * length, 2, MAXIMUM_DIMENSION);
    SettingCheck.range("hop", hop, 1, length);
    SettingCheck.range("interval-micros", intervalMicros, 0, Long.MAX_VALUE / 4);
    SettingCheck.range("maximum-gap-micros", maximumGapMicros, 0, Long.MAX_VALUE / 4);
    if (intervalMicros > 0 && maximumGapMicros > 0 && maximumGapMicros < intervalMicros) {
      throw new IllegalArgumentException(
          "maximum-gap-micros is "
              + maximumGapMicros
              + ", expected 0 or at least the interval of "
              + intervalMicros);
    }
    SettingCheck.range("idle-flush-millis", idleFlushMillis, 0, Long.MAX_VALUE / 4000);
  }

  /** Entries of a window, d = channels x length. */
  public int dimension() {
    return channels * length;
  }
}
