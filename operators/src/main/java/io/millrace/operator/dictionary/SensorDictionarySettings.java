package io.millrace.operator.dictionary;

import io.millrace.operator.SettingCheck;

/**
 * Settings of {@link SensorDictionaryLearning} and {@link SharedDictionaryMerge}.
 *
 * @param window how readings become windows
 * @param atoms dictionary size k, 1 to 16,384
 * @param errorBound per channel, above 0, in the sensor's units: every value is restored to within
 *     it; empty: no bound. Not modified
 * @param rounds when the next version is made
 * @param detection outliers and drift
 * @param sharedDictionary id of the dictionary that all sensors share; empty: one for each sensor
 */
public record SensorDictionarySettings(
    WindowSettings window,
    int atoms,
    float[] errorBound,
    RoundSettings rounds,
    DetectionSettings detection,
    String sharedDictionary) {

  /** Bound on k: a Gram matrix of k x k floats is 1 GiB there. */
  public static final int MAXIMUM_ATOMS = 16_384;

  /** Bound on k d: 256 MiB of atoms. */
  static final int MAXIMUM_VALUES = 1 << 26;

  public SensorDictionarySettings {
    SettingCheck.range("atoms", atoms, 1, MAXIMUM_ATOMS);
    SettingCheck.range(
        "atoms x channels x length", (long) atoms * window.dimension(), 1, MAXIMUM_VALUES);
    if (errorBound.length != 0 && errorBound.length != window.channels()) {
      throw new IllegalArgumentException(
          "error-bound has "
              + errorBound.length
              + " values, expected one per channel ("
              + window.channels()
              + ") or none");
    }
    for (float bound : errorBound) {
      SettingCheck.range("error-bound", bound, Float.MIN_NORMAL, 1e30f);
    }
    errorBound = errorBound.clone();
  }

  boolean isShared() {
    return !sharedDictionary.isEmpty();
  }
}
