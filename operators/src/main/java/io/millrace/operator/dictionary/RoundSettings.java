package io.millrace.operator.dictionary;

import io.millrace.operator.SettingCheck;

/**
 * When a dictionary's next version is made. Rounds are short at first and then grow with what was
 * learned, since their number matters more than their length (about 40 suffice).
 *
 * @param firstWindows windows of the first rounds, 1 to 1,048,576
 * @param maximumWindows windows of the longest rounds, firstWindows to 1,048,576
 * @param batchWindows windows that are folded into the statistics together and tested for drift
 *     together, 1 to 4096
 */
public record RoundSettings(int firstWindows, int maximumWindows, int batchWindows) {
  /** Bound on the windows of a batch. */
  static final int MAXIMUM_BATCH = 4096;

  /** A round takes this share of the windows learned so far. */
  private static final int SHARE = 8;

  public RoundSettings {
    SettingCheck.range("first-round-windows", firstWindows, 1, 1 << 20);
    SettingCheck.range("maximum-round-windows", maximumWindows, firstWindows, 1 << 20);
    SettingCheck.range("batch-windows", batchWindows, 1, MAXIMUM_BATCH);
  }

  /** Windows of the round that starts after {@code learned} windows. */
  long roundWindows(long learned) {
    return Math.min(maximumWindows, Math.max(firstWindows, learned / SHARE));
  }
}
