package io.millrace.operator.dictionary;

/** One window laid out for coding: scratch, reused from window to window, never state. */
final class WindowSnapshot {
  /** [C x L] in the sensor's units; 0 where missing. */
  final float[] values;

  /** [C x L]: 1 observed, 0 missing. */
  final float[] observed;

  /** [C x L]: mean removed, divided by scale, clipped; 0 where missing. */
  final float[] normalised;

  /** [C] in the sensor's units. */
  final float[] mean;

  /** [C] in the sensor's units, above 0. */
  final float[] scale;

  /** [L] event times. */
  final long[] micros;

  long startMicros;
  long spanMicros;
  int observedCount;

  WindowSnapshot(int channels, int length) {
    values = new float[channels * length];
    observed = new float[channels * length];
    normalised = new float[channels * length];
    mean = new float[channels];
    scale = new float[channels];
    micros = new long[length];
  }

  boolean isComplete() {
    return observedCount == values.length;
  }
}
