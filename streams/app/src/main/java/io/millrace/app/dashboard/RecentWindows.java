package io.millrace.app.dashboard;

import java.util.Arrays;

/** Figures of the last windows of a pipeline, in a ring. Not thread-safe. */
final class RecentWindows {
  private static final int CAPACITY = 1024;

  private final float[] relativeErrors = new float[CAPACITY];
  private final int[] atoms = new int[CAPACITY];
  private long seen;

  private final long[] valueBytes = new long[CAPACITY];
  private final long[] codeBytes = new long[CAPACITY];
  private long measured;

  private long intervalAtoms;
  private long intervalWindows;

  void window(float relativeError, int atomCount) {
    int slot = (int) (seen++ % CAPACITY);
    relativeErrors[slot] = relativeError;
    atoms[slot] = atomCount;
    intervalAtoms += atomCount;
    intervalWindows++;
  }

  /**
   * @param values float32 values that the window adds to what its sensor's windows covered before,
   *     so that overlapping windows are not counted twice
   * @param bytes of the code's record
   */
  void size(long values, int bytes) {
    int slot = (int) (measured++ % CAPACITY);
    valueBytes[slot] = Float.BYTES * values;
    codeBytes[slot] = bytes;
  }

  /** Value bytes over code bytes; 0 while there are none. */
  double compressionRatio() {
    long values = 0;
    long codes = 0;
    for (int slot = 0; slot < Math.min(measured, CAPACITY); slot++) {
      values += valueBytes[slot];
      codes += codeBytes[slot];
    }
    return codes == 0 ? 0 : (double) values / codes;
  }

  /** Median, which a few wild windows do not move; 0 while there are none. */
  double relativeError() {
    return seen == 0 ? 0 : medianError(seen);
  }

  /** Mean; 0 while there are none. */
  double atomsPerWindow() {
    int windows = (int) Math.min(seen, CAPACITY);
    long sum = 0;
    for (int slot = 0; slot < windows; slot++) {
      sum += atoms[slot];
    }
    return windows == 0 ? 0 : (double) sum / windows;
  }

  /** Median error since the interval began; NaN without windows. */
  double intervalRelativeError() {
    return intervalWindows == 0 ? Double.NaN : medianError(intervalWindows);
  }

  private double medianError(long newest) {
    int windows = (int) Math.min(newest, CAPACITY);
    float[] errors = new float[windows];
    for (int i = 0; i < windows; i++) {
      errors[i] = relativeErrors[(int) ((seen - 1 - i) % CAPACITY)];
    }
    Arrays.sort(errors);
    return ((double) errors[(windows - 1) / 2] + errors[windows / 2]) / 2;
  }

  /** Mean atoms since the interval began; NaN without windows. */
  double intervalAtomsPerWindow() {
    return intervalWindows == 0 ? Double.NaN : (double) intervalAtoms / intervalWindows;
  }

  void beginInterval() {
    intervalAtoms = 0;
    intervalWindows = 0;
  }
}
