package io.millrace.operator.dictionary;

/**
 * Settings for tests. As they begin: one channel, windows of 8 without overlap, no gaps filled, 16
 * atoms, no bound, rounds of 8 windows in batches of 4, outliers at twice the 0.9 quantile of 32.
 */
final class SensorSettings {
  private int channels = 1;
  private int length = 8;
  private int hop = 8;
  private long intervalMicros;
  private long maximumGapMicros;
  private long idleFlushMillis;
  private int atoms = 16;
  private float[] errorBound = {};
  private RoundSettings rounds = new RoundSettings(8, 1 << 16, 4);
  private DetectionSettings detection =
      new DetectionSettings(0.9, 32, 16, 2, PageHinkley.Settings.DEFAULT);
  private String shared = "";

  SensorSettings channels(int count) {
    channels = count;
    return this;
  }

  SensorSettings windows(int newLength, int newHop) {
    length = newLength;
    hop = newHop;
    return this;
  }

  SensorSettings gaps(long interval, long maximum, long idleMillis) {
    intervalMicros = interval;
    maximumGapMicros = maximum;
    idleFlushMillis = idleMillis;
    return this;
  }

  SensorSettings atoms(int count) {
    atoms = count;
    return this;
  }

  SensorSettings bound(float... bound) {
    errorBound = bound;
    return this;
  }

  SensorSettings rounds(int first, int maximum, int batch) {
    rounds = new RoundSettings(first, maximum, batch);
    return this;
  }

  SensorSettings detection(DetectionSettings settings) {
    detection = settings;
    return this;
  }

  /** No outliers, no drift: learning alone. */
  SensorSettings undetected() {
    return detection(new DetectionSettings(1, 16, 16, 1e6, new PageHinkley.Settings(0, 1e9)));
  }

  SensorSettings shared(String id) {
    shared = id;
    return this;
  }

  SensorDictionarySettings build() {
    return new SensorDictionarySettings(
        new WindowSettings(
            channels, length, hop, intervalMicros, maximumGapMicros, idleFlushMillis),
        atoms,
        errorBound,
        rounds,
        detection,
        shared);
  }
}
