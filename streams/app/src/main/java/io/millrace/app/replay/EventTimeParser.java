package io.millrace.app.replay;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.temporal.ChronoField;
import java.time.temporal.TemporalAccessor;
import java.util.Locale;
import java.util.Optional;

/**
 * Event times from cells, in microseconds since 1970-01-01T00:00Z.
 *
 * <p>A time without an offset is UTC, so no hour is ever missing or doubled. Numbers are seconds,
 * milliseconds, microseconds or nanoseconds by the size of the first one and stay so for the file:
 * below 1e11 seconds (until the year 5138), below 1e14 milliseconds, below 1e17 microseconds.
 * Sub-microsecond parts are rounded half to even. Not safe for use by two threads.
 */
final class EventTimeParser {
  private static final int MAXIMUM_DIGITS = 40;
  private static final int NOT_YET_KNOWN = Integer.MIN_VALUE;

  private static final DateTimeFormatter ISO =
      new DateTimeFormatterBuilder()
          .append(DateTimeFormatter.ISO_LOCAL_DATE)
          .optionalStart()
          .appendPattern("['T'][' ']")
          .append(DateTimeFormatter.ISO_LOCAL_TIME)
          .optionalStart()
          .appendPattern("[' '][XXX][XX][X]")
          .optionalEnd()
          .optionalEnd()
          .toFormatter(Locale.ROOT);

  private final Optional<DateTimeFormatter> format;
  private final boolean decimalComma;

  /** Power of ten from the file's unit to microseconds: 6, 3, 0 or -3. */
  private int toMicros = NOT_YET_KNOWN;

  /**
   * @throws IllegalArgumentException for a pattern that is none
   */
  EventTimeParser(Optional<String> pattern, boolean decimalComma) {
    this.format = pattern.map(p -> DateTimeFormatter.ofPattern(p, Locale.ROOT));
    this.decimalComma = decimalComma;
  }

  /**
   * The time of a cell.
   *
   * @throws IllegalArgumentException if it is none, or before 1970
   */
  long micros(String cell) {
    long micros;
    try {
      micros =
          format.isPresent()
              ? micros(format.get().parse(cell))
              : isNumber(cell) ? numeric(cell) : micros(ISO.parse(cell));
    } catch (DateTimeException | ArithmeticException | NumberFormatException e) {
      throw new IllegalArgumentException("\"" + cell + "\" is no time: " + e.getMessage(), e);
    }
    if (micros < 0) {
      throw new IllegalArgumentException("\"" + cell + "\" is before 1970");
    }
    return micros;
  }

  private static boolean isNumber(String cell) {
    for (int i = 0; i < cell.length(); i++) {
      if ("0123456789.,+-eE".indexOf(cell.charAt(i)) < 0) {
        return false;
      }
    }
    // 2026-01-01 has the same characters.
    return !cell.isEmpty() && cell.indexOf('-', 1) != 4;
  }

  private long numeric(String cell) {
    if (cell.length() > MAXIMUM_DIGITS) {
      throw new NumberFormatException("it has " + cell.length() + " digits");
    }
    BigDecimal number = new BigDecimal(decimalComma ? cell.replace(',', '.') : cell);
    // Before any shift: 1e999999999 would be written out.
    if (Math.abs((long) number.scale()) > MAXIMUM_DIGITS) {
      throw new NumberFormatException("its exponent is too large");
    }
    if (toMicros == NOT_YET_KNOWN) {
      toMicros = powerToMicros(number.abs());
    }
    return number.movePointRight(toMicros).setScale(0, RoundingMode.HALF_EVEN).longValueExact();
  }

  private static int powerToMicros(BigDecimal number) {
    if (number.compareTo(BigDecimal.valueOf(100_000_000_000L)) < 0) {
      return 6;
    }
    if (number.compareTo(BigDecimal.valueOf(100_000_000_000_000L)) < 0) {
      return 3;
    }
    return number.compareTo(BigDecimal.valueOf(100_000_000_000_000_000L)) < 0 ? 0 : -3;
  }

  private static long micros(TemporalAccessor time) {
    Instant instant;
    if (time.isSupported(ChronoField.INSTANT_SECONDS)) {
      instant = Instant.from(time);
    } else if (time.isSupported(ChronoField.HOUR_OF_DAY)) {
      instant = LocalDateTime.from(time).toInstant(ZoneOffset.UTC);
    } else {
      instant = java.time.LocalDate.from(time).atStartOfDay().toInstant(ZoneOffset.UTC);
    }
    long seconds = Math.multiplyExact(instant.getEpochSecond(), 1_000_000L);
    return Math.addExact(seconds, (instant.getNano() + 500) / 1000);
  }
}
