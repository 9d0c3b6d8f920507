package io.millrace.app.replay;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;

/**
 * Splits one line of a CSV file into cells, quoted as in RFC 4180.
 *
 * <p>Line by line, so that a stray quote spoils its own line and not the rest of the file; the
 * price is that a quoted line break inside a cell makes bad rows. Lines without a quote, nearly all
 * of a sensor's, skip the parser: it costs an 8 KiB buffer each time.
 */
final class LineSplitter {
  private final char separator;
  private final CSVFormat format;

  LineSplitter(char separator) {
    this.separator = separator;
    this.format = CSVFormat.RFC4180.builder().setDelimiter(separator).get();
  }

  /**
   * The cells, trimmed.
   *
   * @throws IllegalArgumentException if a quote is not closed or stands inside a cell
   */
  List<String> split(String line) {
    List<String> cells = new ArrayList<>();
    if (line.indexOf('"') < 0) {
      int start = 0;
      for (int end = line.indexOf(separator); end >= 0; end = line.indexOf(separator, start)) {
        cells.add(line.substring(start, end).trim());
        start = end + 1;
      }
      cells.add(line.substring(start).trim());
      return cells;
    }
    try (CSVParser parser = CSVParser.parse(line, format)) {
      for (CSVRecord row : parser) {
        for (String cell : row) {
          cells.add(cell.trim());
        }
      }
      return cells;
    } catch (IOException | UncheckedIOException e) {
      throw new IllegalArgumentException("row has a quote that is not closed or misplaced", e);
    }
  }

  /** The most frequent candidate outside quotes; the first of them where none occurs. */
  static char separatorOf(String header, String candidates) {
    char best = candidates.charAt(0);
    long most = 0;
    for (char candidate : candidates.toCharArray()) {
      long count = 0;
      boolean quoted = false;
      for (int i = 0; i < header.length(); i++) {
        quoted ^= header.charAt(i) == '"';
        count += !quoted && header.charAt(i) == candidate ? 1 : 0;
      }
      if (count > most) {
        most = count;
        best = candidate;
      }
    }
    return best;
  }
}
