package io.millrace.app.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ShippedDatasetTest {
  private static final long HOUR_MICROS = 3_600_000_000L;

  @Test
  void ecgHasFiveMinutesOfOneChannelAt360Hertz() throws IOException {
    List<KeyedReading> readings = readAll(new EcgDataset());

    assertEquals(EcgDataset.READINGS, readings.size());
    assertEquals(SensorDataset.BASE_MICROS, readings.get(0).reading().getTimeMicros());
    // 1/360 s is 2777.78 us, 2/360 s is 5555.56 us, a second is whole again.
    assertEquals(SensorDataset.BASE_MICROS + 2778, readings.get(1).reading().getTimeMicros());
    assertEquals(SensorDataset.BASE_MICROS + 5556, readings.get(2).reading().getTimeMicros());
    assertEquals(
        SensorDataset.BASE_MICROS + 1_000_000, readings.get(360).reading().getTimeMicros());
    for (KeyedReading reading : readings) {
      float millivolt = reading.reading().getValues().get(0);
      assertEquals(1, reading.reading().getValues().size());
      assertTrue(millivolt > -5.2f && millivolt < 5.2f, "11 bit around 1024: " + millivolt);
    }
  }

  @Test
  void ecgRepeatsExactlyFiveMinutesLater() throws IOException {
    try (ReadingCursor cursor = new EcgDataset().open()) {
      assertEquals(300_000_000L, cursor.periodMicros());
    }
  }

  @Test
  void wsnHasEightMotesSideBySideEveryFiveSeconds() throws IOException {
    List<KeyedReading> readings = readAll(new WsnDataset());
    Map<String, Integer> counts = new HashMap<>();
    long before = 0;
    for (KeyedReading reading : readings) {
      int index = counts.merge(reading.sensor(), 1, Integer::sum) - 1;
      long micros = reading.reading().getTimeMicros();
      assertEquals(SensorDataset.BASE_MICROS + index * WsnDataset.INTERVAL_MICROS, micros);
      assertTrue(micros >= before, "time order over all motes");
      assertEquals(2, reading.reading().getValues().size());
      before = micros;
    }

    assertEquals(WsnDataset.READINGS, readings.size());
    assertEquals(
        Map.of(
            "multi-hop-1", 4690,
            "multi-hop-2", 4690,
            "multi-hop-3", 4690,
            "multi-hop-4", 4690,
            "single-hop-1", 4417,
            "single-hop-2", 4417,
            "single-hop-3", 5039,
            "single-hop-4", 5041),
        counts);
    assertTrue(before < SensorDataset.BASE_MICROS + 8 * HOUR_MICROS, "six to seven hours");
  }

  @Test
  void wsnKeepsItsLabelsBesideTheReadings() {
    Map<String, List<Long>> labelled = new WsnDataset().labelledMicros();

    assertEquals(307, labelled.values().stream().mapToInt(List::size).sum());
    assertEquals(100, labelled.get("multi-hop-3").size());
    assertEquals(
        SensorDataset.BASE_MICROS + 2423 * WsnDataset.INTERVAL_MICROS,
        labelled.get("multi-hop-3").get(0));
  }

  private static List<KeyedReading> readAll(SensorDataset dataset) throws IOException {
    List<KeyedReading> readings = new ArrayList<>();
    try (ReadingCursor cursor = dataset.open()) {
      cursor.forEachRemaining(readings::add);
      assertEquals(1, cursor.fraction());
      assertEquals(BadRows.NONE, cursor.badRows());
    }
    return readings;
  }
}
