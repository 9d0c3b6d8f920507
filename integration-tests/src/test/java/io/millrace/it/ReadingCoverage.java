package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.schema.SingleObject;
import io.millrace.schema.SparseCode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Whether the committed codes of a deployment cover its readings. Each sensor's windows follow each
 * other, and no reading lies between them: none was left out. At the end less than a window waits
 * for more. That none came twice is the comparison's part.
 */
final class ReadingCoverage {
  private ReadingCoverage() {}

  static void assertEveryReadingAccountedFor(
      Deployment deployment, ReadingList readings, int window, String context) {
    SingleObject<SparseCode> format = SingleObject.of(SparseCode.class);
    Map<String, List<SparseCode>> windows = new TreeMap<>();
    Cluster cluster = deployment.cluster();
    for (ConsumerRecord<byte[], byte[]> record : cluster.committed(deployment.topic("codes"))) {
      windows
          .computeIfAbsent(
              new String(record.key(), StandardCharsets.UTF_8), sensor -> new ArrayList<>())
          .add(format.decode(record.value()));
    }
    Map<String, List<Long>> sent = readings.microsBySensor();
    assertEquals(sent.keySet(), windows.keySet(), context);
    sent.forEach(
        (sensor, micros) ->
            assertCovered(micros, windows.get(sensor), window, context + ": " + sensor));
    assertEquals(
        List.of(), cluster.committed(deployment.deadLetters()), context + ": dead letters");
  }

  private static void assertCovered(
      List<Long> micros, List<SparseCode> windows, int length, String context) {
    long coveredTo = Long.MIN_VALUE;
    int next = 0;
    for (SparseCode window : windows) {
      long end = window.getStartMicros() + window.getSpanMicros();
      assertTrue(end > coveredTo, context + ": a window at " + end + " adds nothing");
      assertTrue(
          window.getStartMicros() <= micros.get(next),
          context + ": reading " + next + " is in no window");
      while (next < micros.size() && micros.get(next) <= end) {
        next++;
      }
      coveredTo = end;
    }
    assertTrue(micros.size() - next < length, context + ": readings from " + next + " are missing");
  }
}
