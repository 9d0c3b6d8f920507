package io.millrace.app.dashboard;

/** Rate of a rising count over about the last three seconds. Not thread-safe. */
final class RecentRate {
  private static final int SAMPLES = 6;

  private final long[] times = new long[SAMPLES];
  private final long[] counts = new long[SAMPLES];
  private long samples;

  /**
   * @param timeMillis later than the sample before, twice a second
   * @param count so far; one that falls (the engine restarted) begins anew
   * @return per second; 0 at first
   */
  double sample(long timeMillis, long count) {
    if (samples > 0 && count < counts[(int) ((samples - 1) % SAMPLES)]) {
      samples = 0;
    }
    int oldest = (int) (samples < SAMPLES ? 0 : samples % SAMPLES);
    long elapsed = samples == 0 ? 0 : timeMillis - times[oldest];
    double rate = elapsed <= 0 ? 0 : (count - counts[oldest]) * 1000.0 / elapsed;
    int slot = (int) (samples++ % SAMPLES);
    times[slot] = timeMillis;
    counts[slot] = count;
    return rate;
  }
}
