package io.millrace.app.replay;

import io.millrace.schema.SensorReading;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.function.DoubleSupplier;

/** A pass over a CSV file: one row, one reading. Blank lines are no rows. */
final class CsvCursor implements ReadingCursor {
  private static final int SAMPLE_ROWS = 100;

  private record Line(long number, String text) {}

  private final BufferedReader lines;
  private final DoubleSupplier fraction;
  private final CsvFormat format;
  private final LineSplitter splitter;
  private final CsvColumns columns;
  private final EventTimeParser times;
  private final String key;
  private final PassClock clock = new PassClock();
  private final Map<String, Long> rowsOfKey = new HashMap<>();
  private final Deque<Line> ahead = new ArrayDeque<>();
  private BadRows bad = BadRows.NONE;
  private long lineNumber;
  private Optional<KeyedReading> next;

  /**
   * Reads the header and as many rows as it takes to tell numbers from text.
   *
   * @throws IllegalArgumentException if the header does not fit the format
   */
  CsvCursor(BufferedReader lines, DoubleSupplier fraction, CsvFormat format, String key)
      throws IOException {
    this.lines = lines;
    this.fraction = fraction;
    this.format = format;
    this.key = format.key().orElse(key);
    this.times = new EventTimeParser(format.timeFormat(), format.decimalComma());
    Line header =
        readLine().orElseThrow(() -> new IllegalArgumentException("no header row: file is empty"));
    String text = header.text.startsWith("\uFEFF") ? header.text.substring(1) : header.text;
    String candidates = format.decimalComma() ? ";\t" : ",;\t";
    this.splitter =
        new LineSplitter(
            format.separator().orElseGet(() -> LineSplitter.separatorOf(text, candidates)));
    List<List<String>> sample = new ArrayList<>();
    while (sample.size() < SAMPLE_ROWS) {
      Optional<Line> line = readLine();
      if (line.isEmpty()) {
        break;
      }
      ahead.add(line.get());
      sample.add(cellsOrNone(line.get()));
    }
    List<String> names = splitter.split(text);
    sample.removeIf(row -> row.size() != names.size());
    this.columns = CsvColumns.of(names, format, sample);
    this.next = advance();
  }

  @Override
  public boolean hasNext() {
    return next.isPresent();
  }

  @Override
  public KeyedReading next() {
    KeyedReading result = next.orElseThrow(() -> new NoSuchElementException("all rows were read"));
    try {
      next = advance();
    } catch (IOException e) {
      throw new UncheckedIOException("line " + (lineNumber + 1) + " cannot be read: " + e, e);
    }
    return result;
  }

  @Override
  public double fraction() {
    return hasNext() ? fraction.getAsDouble() : 1;
  }

  @Override
  public List<String> channels() {
    return columns.values().stream().map(columns.names()::get).toList();
  }

  @Override
  public long periodMicros() {
    return clock.periodMicros();
  }

  @Override
  public BadRows badRows() {
    return bad;
  }

  @Override
  public void close() throws IOException {
    lines.close();
  }

  private Optional<KeyedReading> advance() throws IOException {
    while (true) {
      Optional<Line> line = ahead.isEmpty() ? readLine() : Optional.of(ahead.remove());
      if (line.isEmpty()) {
        return Optional.empty();
      }
      try {
        return Optional.of(reading(splitter.split(line.get().text)));
      } catch (IllegalArgumentException e) {
        bad = bad.and(line.get().number, e.getMessage());
      }
    }
  }

  private KeyedReading reading(List<String> cells) {
    if (cells.size() != columns.names().size()) {
      if (columns.key().isEmpty()) {
        nextRow(key);
      }
      throw new IllegalArgumentException(
          "row has " + cells.size() + " cells, header has " + columns.names().size());
    }
    String sensor = columns.key().isPresent() ? cells.get(columns.key().getAsInt()) : key;
    if (sensor.isEmpty()) {
      throw new IllegalArgumentException("row has an empty key");
    }
    // Before anything can be wrong with the values: a bad row leaves its step of time empty.
    long row = nextRow(sensor);
    List<Float> values = new ArrayList<>(columns.values().size());
    List<Integer> missing = new ArrayList<>(0);
    for (int column : columns.values()) {
      String cell = cells.get(column);
      if (CellValue.isMissing(cell)) {
        missing.add(values.size());
        values.add(0f);
      } else {
        values.add(value(column, cell));
      }
    }
    long micros = micros(row, cells);
    clock.observe(sensor, micros);
    return new KeyedReading(sensor, new SensorReading(micros, values, missing));
  }

  private float value(int column, String cell) {
    try {
      return CellValue.parse(cell, format.decimalComma());
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "column " + columns.names().get(column) + " " + e.getMessage(), e);
    }
  }

  private long nextRow(String sensor) {
    return rowsOfKey.merge(sensor, 1L, Long::sum) - 1;
  }

  private long micros(long row, List<String> cells) {
    if (columns.time().isPresent()) {
      int column = columns.time().getAsInt();
      try {
        return times.micros(cells.get(column));
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException(
            "column " + columns.names().get(column) + ": " + e.getMessage(), e);
      }
    }
    return SensorDataset.BASE_MICROS + row * format.intervalMicros().getAsLong();
  }

  private Optional<Line> readLine() throws IOException {
    for (String text = lines.readLine(); text != null; text = lines.readLine()) {
      lineNumber++;
      if (!text.isBlank()) {
        return Optional.of(new Line(lineNumber, text));
      }
    }
    return Optional.empty();
  }

  private List<String> cellsOrNone(Line line) {
    try {
      return splitter.split(line.text);
    } catch (IllegalArgumentException e) {
      return List.of();
    }
  }
}
