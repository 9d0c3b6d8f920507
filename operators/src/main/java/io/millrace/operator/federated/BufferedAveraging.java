package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * FedBuff (Nguyen et al., Federated learning with buffered asynchronous aggregation, 2021, arXiv
 * 2106.06639): every so many updates, whoever sent them, make a version: x += rate / K sum of
 * s(age) update. Fast clients are heard more often, and the model settles where they want it,
 * unless updates are weighted by {@link ArrivalShares#correction} as well.
 *
 * <p>Weights are rounded to multiples of 2^-20, so that the sum stays free of arrival order within
 * a buffer. 8 bytes a coordinate. One thread.
 */
final class BufferedAveraging {
  /** One in fixed-point weights. */
  private static final int UNIT = 1 << 20;

  private final int capacity;
  private final Staleness staleness;
  private final FixedPointSum sum;
  private final double largestCorrection;
  private int held;

  /**
   * @param largest value of an update
   * @param capacity K, updates that make a version; published 10
   * @param largestCorrection of an update's weight, 1 to 64
   */
  BufferedAveraging(
      int length, float largest, int capacity, Staleness staleness, double largestCorrection) {
    SettingCheck.range("buffer capacity", capacity, 1, 1 << 20);
    SettingCheck.range("largest correction", largestCorrection, 1, 64);
    this.capacity = capacity;
    this.staleness = staleness;
    this.largestCorrection = largestCorrection;
    int weight = (int) Math.ceil(largestCorrection * UNIT);
    this.sum =
        new FixedPointSum(
            length, FixedPointScale.finest(largest, weight, (long) capacity * weight));
  }

  /**
   * Takes an update.
   *
   * @param age versions since the one the client started from, 0 or more
   * @param correction above 0 to the largest; 1 for none
   * @return whether the buffer is full and wants to be closed
   * @throws IllegalArgumentException as {@link FixedPointSum#add}; nothing is taken then
   * @throws IllegalStateException when the buffer is full already
   */
  boolean accept(float[] update, long age, double correction) {
    if (held == capacity) {
      throw new IllegalStateException("buffer holds " + held + " updates, close it first");
    }
    if (!(correction > 0 && correction <= largestCorrection)) {
      throw new IllegalArgumentException(
          "correction is " + correction + ", expected above 0 to " + largestCorrection);
    }
    SettingCheck.range("age of an update", age, 0, Long.MAX_VALUE);
    double weight = staleness.weight(age) * correction * UNIT;
    sum.add(update, 0, (int) Math.max(1, Math.rint(weight)));
    held++;
    return held == capacity;
  }

  /** x += rate times the sum over K; then empty for the next version. */
  void close(double[] model, double rate) {
    sum.addTo(model, rate / ((double) UNIT * capacity));
    sum.clear();
    held = 0;
  }
}
