package io.millrace.app.dashboard;

import io.millrace.app.dashboard.DashboardSnapshot.HistoryView;
import java.util.Arrays;

/**
 * Five series over the whole run in bounded space: when the columns are full, neighbours are joined
 * in pairs and each point covers twice the time from then on. Not thread-safe.
 */
final class RunHistory {
  private static final int CAPACITY = 360;
  private static final int SERIES = 5;

  private final long[] times = new long[CAPACITY];
  private final float[][] columns = new float[SERIES][CAPACITY];
  private final double[] sums = new double[SERIES];
  private final int[] counts = new int[SERIES];
  private int size;
  private int samplesPerPoint = 1;
  private int samples;

  /**
   * @param timeMillis of the sample, later than the one before
   * @param values records per second, lag, relative error, atoms per window, state bytes; NaN: none
   */
  void sample(long timeMillis, double... values) {
    for (int series = 0; series < SERIES; series++) {
      if (Double.isFinite(values[series])) {
        sums[series] += values[series];
        counts[series]++;
      }
    }
    if (++samples < samplesPerPoint) {
      return;
    }
    if (size == CAPACITY) {
      join();
    }
    times[size] = timeMillis;
    for (int series = 0; series < SERIES; series++) {
      columns[series][size] =
          counts[series] == 0 ? Float.NaN : (float) (sums[series] / counts[series]);
    }
    size++;
    samples = 0;
    Arrays.fill(sums, 0);
    Arrays.fill(counts, 0);
  }

  private void join() {
    for (int i = 0; i < CAPACITY / 2; i++) {
      times[i] = times[2 * i + 1];
      for (float[] column : columns) {
        column[i] = mean(column[2 * i], column[2 * i + 1]);
      }
    }
    size = CAPACITY / 2;
    samplesPerPoint *= 2;
  }

  private static float mean(float left, float right) {
    if (Float.isNaN(left)) {
      return right;
    }
    return Float.isNaN(right) ? left : (left + right) / 2;
  }

  HistoryView view() {
    return new HistoryView(
        Arrays.copyOf(times, size), column(0), column(1), column(2), column(3), column(4));
  }

  private float[] column(int series) {
    return Arrays.copyOf(columns[series], size);
  }
}
