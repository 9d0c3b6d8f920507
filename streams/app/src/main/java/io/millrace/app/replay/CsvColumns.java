package io.millrace.app.replay;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Which columns of a file are what, as indices from 0.
 *
 * @param names of all columns
 * @param time event time; empty: rows are numbered
 * @param key sensor key; empty: one key for all rows
 * @param values the channels in their order
 */
record CsvColumns(List<String> names, OptionalInt time, OptionalInt key, List<Integer> values) {
  private static final Set<String> USUAL_TIMES =
      Set.of("time", "timestamp", "datetime", "date", "ts", "date_time", "date time");

  /**
   * Finds the columns that the format asks for.
   *
   * @param sample the first rows that are as long as the header, to tell numbers from text
   * @throws IllegalArgumentException naming the column that is missing and those that are there
   */
  static CsvColumns of(List<String> names, CsvFormat format, List<List<String>> sample) {
    OptionalInt time = OptionalInt.empty();
    if (format.timeColumn().isPresent()) {
      time = OptionalInt.of(index(names, "time column", format.timeColumn().get()));
    } else if (format.intervalMicros().isEmpty()) {
      time = usualTime(names);
      if (time.isEmpty()) {
        throw new IllegalArgumentException(
            "no column is named as a time usually is, got "
                + names
                + ": name one or give an interval");
      }
    }
    OptionalInt key =
        format.keyColumn().isPresent()
            ? OptionalInt.of(index(names, "key column", format.keyColumn().get()))
            : OptionalInt.empty();
    List<Integer> values = new ArrayList<>();
    for (String wanted : format.valueColumns()) {
      values.add(index(names, "value column", wanted));
    }
    for (int i = 0; i < names.size() && format.valueColumns().isEmpty(); i++) {
      boolean taken = time.equals(OptionalInt.of(i)) || key.equals(OptionalInt.of(i));
      if (!taken && isNumeric(i, sample, format.decimalComma())) {
        values.add(i);
      }
    }
    if (values.isEmpty()) {
      throw new IllegalArgumentException("no value column: none of " + names + " holds numbers");
    }
    return new CsvColumns(List.copyOf(names), time, key, List.copyOf(values));
  }

  private static int index(List<String> names, String role, String wanted) {
    int index = names.indexOf(wanted);
    if (index < 0 && wanted.matches("\\d{1,4}")) {
      index = Integer.parseInt(wanted) - 1;
    }
    if (index < 0 || index >= names.size()) {
      throw new IllegalArgumentException(role + " is " + wanted + ", the file has " + names);
    }
    return index;
  }

  private static OptionalInt usualTime(List<String> names) {
    for (int i = 0; i < names.size(); i++) {
      if (USUAL_TIMES.contains(names.get(i).toLowerCase(Locale.ROOT))) {
        return OptionalInt.of(i);
      }
    }
    return OptionalInt.empty();
  }

  private static boolean isNumeric(int column, List<List<String>> sample, boolean decimalComma) {
    // By majority: one spoilt cell makes a bad row, it must not take a channel away.
    int numbers = 0;
    int others = 0;
    for (List<String> row : sample) {
      String cell = row.get(column);
      if (CellValue.isNumber(cell, decimalComma)) {
        numbers++;
      } else if (!CellValue.isMissing(cell)) {
        others++;
      }
    }
    return numbers > others;
  }
}
