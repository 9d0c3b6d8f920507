package io.millrace.app.replay;

import java.util.ArrayList;
import java.util.List;

/**
 * Rows that could not be turned into readings.
 *
 * @param count all of them
 * @param first the first few, in file order
 */
public record BadRows(long count, List<Row> first) {
  /** How many are kept with their reason. */
  public static final int KEPT = 10;

  /** No bad row. */
  public static final BadRows NONE = new BadRows(0, List.of());

  public BadRows {
    first = List.copyOf(first);
  }

  /** These and one more. */
  BadRows and(long line, String reason) {
    if (first.size() == KEPT) {
      return new BadRows(count + 1, first);
    }
    List<Row> more = new ArrayList<>(first);
    more.add(new Row(line, reason));
    return new BadRows(count + 1, more);
  }

  /**
   * One bad row.
   *
   * @param line in the file, the header being line 1
   * @param reason subject, got, expected
   */
  public record Row(long line, String reason) {}
}
