package io.millrace.app.replay;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.millrace.schema.SensorReading;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;

/**
 * Eight motes of two wireless sensor networks, humidity (%) and temperature (degree Celsius) every
 * 5 s: 37,674 readings of two channels, with 307 labelled anomalies in four motes (Suthaharan,
 * Alzahrani, Rajasegarar, Leckie and Palaniswami, ISSNIP 2010). Licence and provenance lie beside
 * the resources.
 *
 * <p>The motes are replayed side by side, by time and then by name. The labels never enter a
 * reading; {@link #labelledMicros} gives them to an evaluation.
 */
public final class WsnDataset implements SensorDataset {
  /** Readings of all motes. */
  public static final int READINGS = 37_674;

  /** Sampling interval in microseconds. */
  public static final long INTERVAL_MICROS = 5_000_000;

  private static final List<String> NETWORKS = List.of("multi-hop", "single-hop");
  private static final String HEADER = "reading,mote_id,indoor,humidity,temperature,label";

  private record Row(float humidity, float temperature, boolean labelled) {}

  @Override
  public String name() {
    return "wsn";
  }

  @Override
  public ReadingCursor open() {
    SortedMap<String, List<Row>> motes = motes();
    int steps = motes.values().stream().mapToInt(List::size).max().orElseThrow();
    List<KeyedReading> readings = new ArrayList<>(READINGS);
    for (int step = 0; step < steps; step++) {
      long micros = micros(step);
      for (var mote : motes.entrySet()) {
        if (step < mote.getValue().size()) {
          Row row = mote.getValue().get(step);
          List<Float> values = List.of(row.humidity, row.temperature);
          readings.add(
              new KeyedReading(mote.getKey(), new SensorReading(micros, values, List.of())));
        }
      }
    }
    return new ListCursor(
        List.of("humidity", "temperature"),
        readings.size(),
        steps * INTERVAL_MICROS,
        readings::get);
  }

  /** Event times of the readings labelled as anomalies, rising, by sensor. */
  public SortedMap<String, List<Long>> labelledMicros() {
    SortedMap<String, List<Long>> labelled = new TreeMap<>();
    motes()
        .forEach(
            (sensor, rows) -> {
              List<Long> times = new ArrayList<>();
              for (int step = 0; step < rows.size(); step++) {
                if (rows.get(step).labelled) {
                  times.add(micros(step));
                }
              }
              labelled.put(sensor, List.copyOf(times));
            });
    return labelled;
  }

  private static long micros(int step) {
    return BASE_MICROS + step * INTERVAL_MICROS;
  }

  private static SortedMap<String, List<Row>> motes() {
    SortedMap<String, List<Row>> motes = new TreeMap<>();
    for (String network : NETWORKS) {
      String resource = "/data/wsn/" + network + ".csv.gz";
      try (InputStream in = WsnDataset.class.getResourceAsStream(resource);
          BufferedReader lines =
              new BufferedReader(new InputStreamReader(new GZIPInputStream(in), UTF_8))) {
        String header = lines.readLine();
        if (!HEADER.equals(header)) {
          throw new IllegalStateException(
              resource + " starts with " + header + ", expected " + HEADER);
        }
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          String[] cells = line.split(",", -1);
          motes
              .computeIfAbsent(network + "-" + cells[1], sensor -> new ArrayList<>())
              .add(
                  new Row(
                      Float.parseFloat(cells[3]),
                      Float.parseFloat(cells[4]),
                      cells[5].equals("1")));
        }
      } catch (IOException e) {
        throw new UncheckedIOException(resource + " cannot be read", e);
      }
    }
    return motes;
  }
}
