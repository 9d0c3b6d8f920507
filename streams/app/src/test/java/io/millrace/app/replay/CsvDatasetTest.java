package io.millrace.app.replay;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CsvDatasetTest {
  @TempDir Path directory;

  private record Content(List<KeyedReading> readings, List<String> channels, BadRows bad) {
    List<Long> micros() {
      return readings.stream().map(r -> r.reading().getTimeMicros()).toList();
    }

    List<List<Float>> values() {
      return readings.stream().map(r -> r.reading().getValues()).toList();
    }
  }

  @Test
  void findsTimeKeyAndNumericColumnsByItself() throws IOException {
    Content content =
        read(
            """
            timestamp,site,temperature,note,load
            1700000000,a,20.5,ok,1
            1700000001,a,20.75,fine,2
            """,
            CsvFormat.AUTO);

    assertEquals(List.of("temperature", "load"), content.channels);
    assertEquals(List.of(List.of(20.5f, 1f), List.of(20.75f, 2f)), content.values());
    assertEquals(List.of(1_700_000_000_000_000L, 1_700_000_001_000_000L), content.micros());
    assertEquals("pump", content.readings.get(0).sensor());
    assertEquals(BadRows.NONE, content.bad);
  }

  @Test
  void readsSemicolonsAndIsoTimesWithoutAnOffsetAsUtc() throws IOException {
    // 02:30 on that day does not exist in Berlin; in UTC it does.
    Content content =
        read(
            """
            datetime;x
            2026-03-29 02:30:00;1
            2026-03-29T02:30:00.000250;2
            2026-03-29T04:30:00+02:00;3
            2026-03-29T02:30:00Z;4
            2026-03-29;5
            """,
            CsvFormat.AUTO);

    long halfPastTwo = 1_774_751_400_000_000L;
    assertEquals(
        List.of(
            halfPastTwo, halfPastTwo + 250, halfPastTwo, halfPastTwo, halfPastTwo - 9_000_000_000L),
        content.micros());
    assertEquals(BadRows.NONE, content.bad);
  }

  @Test
  void readsTabsDecimalCommasAPatternAndAnotherCharset() throws IOException {
    CsvFormat format =
        new CsvFormat(
            Optional.of("Datum"),
            Optional.of("dd.MM.yyyy HH:mm"),
            OptionalLong.empty(),
            Optional.empty(),
            Optional.of("plant"),
            List.of("T [°C]", "4"),
            Optional.empty(),
            true,
            ISO_8859_1);
    Content content =
        read("Datum\tT [°C]\tName\tFluss\n01.01.2017 00:01\t-3,5\tx\t1,25\n", format, ISO_8859_1);

    assertEquals(List.of("T [°C]", "Fluss"), content.channels);
    assertEquals(List.of(List.of(-3.5f, 1.25f)), content.values());
    assertEquals(List.of(1_483_228_860_000_000L), content.micros());
    assertEquals("plant", content.readings.get(0).sensor());
  }

  @Test
  void takesTheUnitOfNumericTimesFromTheFirstForTheWholeFile() throws IOException {
    assertEquals(List.of(500_000L, 1_500_000L), times("0.5", "1.5"));
    assertEquals(List.of(1_700_000_000_123_000L, 0L), times("1700000000123", "0"));
    assertEquals(List.of(1_700_000_000_123_456L), times("1700000000123456"));
    assertEquals(List.of(1_700_000_000_123_456L), times("1700000000123456123"));
  }

  @Test
  void emptyAndNotANumberCellsAreMissingChannels() throws IOException {
    Content content = read("ts,a,b,c\n1,1,,3\n2,NaN,2,\n3,,,\n", CsvFormat.AUTO);

    assertEquals(
        List.of(List.of(1), List.of(0, 2), List.of(0, 1, 2)),
        content.readings.stream().map(r -> r.reading().getMissing()).toList());
    assertEquals(List.of(0f, 2f, 0f), content.values().get(1));
  }

  @Test
  void unquotesCellsWithSeparatorsAndQuotesInside() throws IOException {
    CsvFormat format =
        new CsvFormat(
            Optional.empty(),
            Optional.empty(),
            OptionalLong.empty(),
            Optional.of("site, \"main\""),
            Optional.empty(),
            List.of(),
            Optional.empty(),
            false,
            UTF_8);
    Content content =
        read("time,\"site, \"\"main\"\"\",v\n1,\"a,b\",\"2.5\"\n2,\"c\"\"d\",3\n", format);

    assertEquals(
        List.of("a,b", "c\"d"), content.readings.stream().map(KeyedReading::sensor).toList());
    assertEquals(List.of(List.of(2.5f), List.of(3f)), content.values());
  }

  @Test
  void reportsEveryBadRowWithItsLineAndSendsTheOthers() throws IOException {
    Content content =
        read(
            """
            time,v
            1,10
            2
            3,abc

            x,4
            5,"6
            6,1e39
            7,0x1p3
            -8,1
            9,Infinity
            1e999999999,1
            12,12
            """,
            CsvFormat.AUTO);

    assertEquals(List.of(List.of(10f), List.of(12f)), content.values());
    assertEquals(9, content.bad.count());
    List<Long> lines = content.bad.first().stream().map(BadRows.Row::line).toList();
    assertEquals(List.of(3L, 4L, 6L, 7L, 8L, 9L, 10L, 11L, 12L), lines);
    assertEquals("row has 1 cells, header has 2", content.bad.first().get(0).reason());
    assertEquals("column v is \"abc\", expected a number", content.bad.first().get(1).reason());
    assertEquals(
        "column v is \"1e39\", expected a finite float", content.bad.first().get(4).reason());
    assertTrue(content.bad.first().get(6).reason().contains("before 1970"));
  }

  @Test
  void keepsTheReasonsOfTheFirstBadRowsOnly() throws IOException {
    Content content = read("time,v\n1,1\n" + "x,1\n".repeat(150) + "2,2\n", CsvFormat.AUTO);

    assertEquals(150, content.bad.count());
    assertEquals(BadRows.KEPT, content.bad.first().size());
    assertEquals(2, content.readings.size());
  }

  @Test
  void numbersRowsOfEachKeyWhereThereIsNoTimeColumn() throws IOException {
    CsvFormat format =
        new CsvFormat(
            Optional.empty(),
            Optional.empty(),
            OptionalLong.of(250_000),
            Optional.of("mote"),
            Optional.empty(),
            List.of(),
            Optional.empty(),
            false,
            UTF_8);
    Content content = read("mote,v\na,1\nb,1\na,bad\na,3\n", format);

    long base = SensorDataset.BASE_MICROS;
    assertEquals(List.of(base, base, base + 500_000), content.micros());
    assertEquals(1, content.bad.count());
  }

  @Test
  void skipsAByteOrderMarkAndCarriageReturns() throws IOException {
    Content content = read("\uFEFFtime,v\r\n1,2\r\n\r\n", CsvFormat.AUTO);

    assertEquals(List.of(List.of(2f)), content.values());
    assertEquals(BadRows.NONE, content.bad);
  }

  @Test
  void tellsGzipByItsContentWhateverTheName() throws IOException {
    ByteArrayOutputStream zipped = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(zipped)) {
      out.write("time,v\n1,2\n".getBytes(UTF_8));
    }
    Path file = directory.resolve("pump.csv");
    Files.write(file, zipped.toByteArray());

    assertEquals(List.of(List.of(2f)), read(file, CsvFormat.AUTO).values());
  }

  @Test
  void continuesARepeatedPassAfterTheMedianStep() throws IOException {
    Path file = directory.resolve("gap.csv");
    Files.writeString(file, "time,v\n10,1\n11,1\n12,1\n90,1\n91,1\n");
    try (ReadingCursor cursor = new CsvDataset(file, CsvFormat.AUTO).open()) {
      cursor.forEachRemaining(reading -> {});
      assertEquals(82_000_000L, cursor.periodMicros());
    }
  }

  @Test
  void refusesHeadersThatDoNotFit() {
    assertRefused("", CsvFormat.AUTO, "file is empty");
    assertRefused("a,b\n1,2\n", CsvFormat.AUTO, "no column is named as a time");
    assertRefused("time,b\n1,x\n", CsvFormat.AUTO, "no value column");
    CsvFormat other =
        new CsvFormat(
            Optional.of("zeit"),
            Optional.empty(),
            OptionalLong.empty(),
            Optional.empty(),
            Optional.empty(),
            List.of(),
            Optional.empty(),
            false,
            UTF_8);
    assertRefused("time,b\n1,2\n", other, "time column is zeit, the file has [time, b]");
  }

  private void assertRefused(String text, CsvFormat format, String expected) {
    IllegalArgumentException refusal =
        assertThrows(IllegalArgumentException.class, () -> read(text, format));
    assertTrue(refusal.getMessage().contains(expected), refusal.getMessage());
  }

  private List<Long> times(String... cells) throws IOException {
    return read("time,v\n" + String.join(",1\n", cells) + ",1\n", CsvFormat.AUTO).micros();
  }

  private Content read(String text, CsvFormat format) throws IOException {
    return read(text, format, UTF_8);
  }

  private Content read(String text, CsvFormat format, Charset charset) throws IOException {
    Path file = directory.resolve("pump.csv");
    Files.write(file, text.getBytes(charset));
    return read(file, format);
  }

  private static Content read(Path file, CsvFormat format) throws IOException {
    List<KeyedReading> readings = new ArrayList<>();
    try (ReadingCursor cursor = new CsvDataset(file, format).open()) {
      cursor.forEachRemaining(readings::add);
      return new Content(readings, cursor.channels(), cursor.badRows());
    }
  }
}
