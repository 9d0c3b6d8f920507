package io.millrace.app.replay;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * How a CSV file is to be read. What is left empty is found out from the file.
 *
 * @param timeColumn column of the event time; empty: the first with a usual name (time, timestamp,
 *     datetime, date, ts)
 * @param timeFormat pattern of {@link java.time.format.DateTimeFormatter} in UTC; empty: a number
 *     of seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by the size of
 *     the first, or ISO-8601
 * @param intervalMicros for files without a time column: time between rows of one key, from {@link
 *     SensorDataset#BASE_MICROS}, above 0
 * @param keyColumn column of the sensor key
 * @param key the sensor key of all rows where there is no key column; empty: the file's name
 * @param valueColumns columns of the channels, by name or number from 1; none: all columns left
 *     whose first cells are numbers
 * @param separator empty: the most frequent of comma, semicolon and tab in the header
 * @param decimalComma numbers are written 3,14
 * @param charset of the text
 */
public record CsvFormat(
    Optional<String> timeColumn,
    Optional<String> timeFormat,
    OptionalLong intervalMicros,
    Optional<String> keyColumn,
    Optional<String> key,
    List<String> valueColumns,
    Optional<Character> separator,
    boolean decimalComma,
    Charset charset) {

  /** Everything found out from the file, UTF-8. */
  public static final CsvFormat AUTO =
      new CsvFormat(
          Optional.empty(),
          Optional.empty(),
          OptionalLong.empty(),
          Optional.empty(),
          Optional.empty(),
          List.of(),
          Optional.empty(),
          false,
          StandardCharsets.UTF_8);

  public CsvFormat {
    valueColumns = List.copyOf(valueColumns);
    if (intervalMicros.isPresent() && intervalMicros.getAsLong() <= 0) {
      throw new IllegalArgumentException(
          "interval is " + intervalMicros.getAsLong() + " us, expected above 0");
    }
    if (intervalMicros.isPresent() && timeColumn.isPresent()) {
      throw new IllegalArgumentException(
          "both an interval and the time column " + timeColumn.get() + " are given, expected one");
    }
    if (key.isPresent() && keyColumn.isPresent()) {
      throw new IllegalArgumentException(
          "both the key " + key.get() + " and a key column are given, expected one");
    }
    if (decimalComma && separator.isPresent() && separator.get() == ',') {
      throw new IllegalArgumentException(
          "comma is both separator and decimal mark, expected another separator");
    }
  }
}
