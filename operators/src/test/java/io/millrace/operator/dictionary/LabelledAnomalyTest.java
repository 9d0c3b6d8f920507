package io.millrace.operator.dictionary;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.Models;
import io.millrace.schema.Anomaly;
import io.millrace.schema.AnomalyKind;
import io.millrace.schema.SparseCode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Outlier windows against the labels of real motes (humidity and temperature, six hours, hot steam
 * let in once): Suthaharan et al., "Labelled data collection for anomaly detection in wireless
 * sensor networks", ISSNIP 2010.
 */
class LabelledAnomalyTest {
  private static final Path MOTES = Path.of("../streams/app/src/main/resources/data/wsn");
  private static final long INTERVAL = 5_000_000;

  private record Row(float humidity, float temperature, boolean labelled) {}

  /**
   * Floors a window or two below what was measured, precision and recall: 1.00 and 1.00, 0.80 and
   * 1.00 in windows of 32; 1.00 and 0.79, 0.81 and 0.81 in windows of 8.
   */
  @ParameterizedTest(name = "{0}-hop mote {1}, windows of {2}")
  @CsvSource({
    "multi, 3, 32, 4, 2, 0.75, 0.75",
    "single, 1, 32, 4, 2, 0.6, 0.75",
    "multi, 3, 8, 2, 4, 0.85, 0.7",
    "single, 1, 8, 2, 4, 0.7, 0.7"
  })
  void outlierWindowsAgreeWithTheLabels(
      String network,
      String mote,
      int length,
      int sparsity,
      double threshold,
      double leastPrecision,
      double leastRecall,
      TestReporter reporter)
      throws IOException {
    List<Row> rows = rows(network, mote);
    Outputs outputs = run(rows, length, sparsity, threshold);
    Set<Long> flagged =
        outputs.anomalies.stream()
            .filter(anomaly -> anomaly.getKind() == AnomalyKind.OUTLIER)
            .map(Anomaly::getStartMicros)
            .collect(Collectors.toSet());
    int hits = 0;
    int labelled = 0;
    for (SparseCode code : outputs.codes) {
      int first = (int) (code.getStartMicros() / INTERVAL);
      if (rows.subList(first, first + length).stream().anyMatch(Row::labelled)) {
        labelled++;
        hits += flagged.contains(code.getStartMicros()) ? 1 : 0;
      }
    }
    double precision = (double) hits / flagged.size();
    double recall = (double) hits / labelled;
    String figures =
        String.format(
            "%d windows, %d labelled, %d flagged, precision %.2f, recall %.2f",
            outputs.codes.size(), labelled, flagged.size(), precision, recall);
    reporter.publishEntry(figures);
    assertTrue(precision >= leastPrecision && recall >= leastRecall, figures);
  }

  private static Outputs run(List<Row> rows, int length, int sparsity, double threshold) {
    SensorDictionaryLearning operator =
        new SensorDictionaryLearning(
            new SensorSettings()
                .channels(2)
                .windows(length, length)
                .atoms(2 * length)
                .rounds(32, 2048, 16)
                .detection(
                    new DetectionSettings(0.9, 512, 64, threshold, PageHinkley.Settings.DEFAULT))
                .build(),
            new BatchOrthogonalMatchingPursuit(
                new BatchOrthogonalMatchingPursuit.Settings(sparsity, 0.05f, 0)),
            new OnlineDictionaryLearning(new OnlineDictionaryLearning.Settings(4, 50, 1, 4)));
    SensorState state = operator.createState("mote");
    Outputs outputs = new Outputs();
    for (int i = 0; i < rows.size(); i++) {
      operator.accept(
          state,
          Readings.of(i * INTERVAL, rows.get(i).humidity(), rows.get(i).temperature()),
          0,
          Models.NONE,
          outputs);
    }
    return outputs;
  }

  /** Columns: reading, mote_id, indoor, humidity, temperature, label. */
  private static List<Row> rows(String network, String mote) throws IOException {
    List<Row> rows = new ArrayList<>();
    Path file = MOTES.resolve(network + "-hop.csv.gz");
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8))) {
      lines.readLine();
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] cells = line.split(",");
        if (cells[1].equals(mote)) {
          rows.add(
              new Row(
                  Float.parseFloat(cells[3]), Float.parseFloat(cells[4]), cells[5].equals("1")));
        }
      }
    }
    return rows;
  }
}
