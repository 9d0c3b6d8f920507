package io.millrace.operator.dictionary;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.EigenDecomposition_F64;
import org.junit.jupiter.api.Test;

/**
 * Energy that eight atoms leave of windows of 64 samples, mean removed: learned in one pass over
 * the first two thirds of a recording, measured on the last third, against the eight best of all
 * principal components of the same first two thirds.
 */
class RealRecordsLearningTest {
  private static final int LENGTH = 64;
  private static final int ATOMS = 128;
  private static final int KEPT = 8;

  @Test
  void leavesLessOfACardiogramThanPrincipalComponents() throws IOException {
    float[] millivolts;
    try (InputStream in =
        getClass().getResourceAsStream("/data/ecg/mitbih-208-excerpt-360hz-int16le.bin")) {
      ByteBuffer bytes = ByteBuffer.wrap(in.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN);
      millivolts = new float[bytes.remaining() / Short.BYTES];
      for (int i = 0; i < millivolts.length; i++) {
        millivolts[i] = (bytes.getShort() - 1024) / 200f;
      }
    }
    double learned = energyLeftByLearning(millivolts, 4);
    double components = energyLeftByComponents(millivolts, 4);
    String figures = "energy left: " + learned + ", components " + components;
    assertTrue(learned < 0.025, figures);
    assertTrue(learned < components, figures);
  }

  @Test
  void leavesLessOfASolarPlantThanPrincipalComponents() throws IOException {
    Path folder = sharedFolder().resolve("solar");
    assumeTrue(
        Files.isDirectory(folder),
        "solar recordings are not at " + folder.toAbsolutePath() + " (-Dmillrace.shared=FOLDER)");
    double learned = 0;
    double components = 0;
    for (float[] channel : solarTemperatures(folder)) {
      learned += energyLeftByLearning(channel, 16) / 4;
      components += energyLeftByComponents(channel, 16) / 4;
    }
    String figures = "energy left: " + learned + ", components " + components;
    assertTrue(learned < 0.012, figures);
    assertTrue(learned < components, figures);
  }

  private static Path sharedFolder() {
    String given = System.getProperty("millrace.shared");
    if (given != null) {
      return Path.of(given);
    }
    // Beside the checkout; one level further up for a git worktree.
    Path beside = Path.of("../../shared/data");
    return Files.isDirectory(beside) ? beside : Path.of("../../../shared/data");
  }

  private static double energyLeftByLearning(float[] signal, int hop) {
    int split = signal.length / 3 * 2;
    float[] records = windows(signal, 0, split, hop);
    // Cosines of rising frequency: what an operator starts from before it has seen anything.
    float[] initial = new float[ATOMS * LENGTH];
    for (int j = 0; j < ATOMS; j++) {
      for (int i = 0; i < LENGTH; i++) {
        initial[j * LENGTH + i] = (float) Math.cos(Math.PI * (i + 0.5) * (j + 1) / ATOMS);
      }
    }
    DictionaryLearner learner =
        new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT);
    LearnerState state = learner.createState(initial, ATOMS, LENGTH);
    LearningLoop loop =
        new LearningLoop(
            learner,
            new BatchOrthogonalMatchingPursuit(
                BatchOrthogonalMatchingPursuit.Settings.atoms(KEPT)));
    int batch = 32 * LENGTH;
    for (int first = 0; first + batch <= records.length; first += batch) {
      loop.round(state, Arrays.copyOfRange(records, first, first + batch));
    }
    double error =
        loop.relativeError(state.dictionary(), windows(signal, split, signal.length, LENGTH));
    return error * error;
  }

  private static double energyLeftByComponents(float[] signal, int hop) {
    int split = signal.length / 3 * 2;
    float[] records = windows(signal, 0, split, hop);
    DMatrixRMaj moments = new DMatrixRMaj(LENGTH, LENGTH);
    for (int r = 0; r < records.length; r += LENGTH) {
      for (int i = 0; i < LENGTH; i++) {
        for (int j = 0; j < LENGTH; j++) {
          moments.data[i * LENGTH + j] += (double) records[r + i] * records[r + j];
        }
      }
    }
    EigenDecomposition_F64<DMatrixRMaj> eigen = DecompositionFactory_DDRM.eig(LENGTH, true, true);
    assertTrue(eigen.decompose(moments));
    float[] tested = windows(signal, split, signal.length, LENGTH);
    double energy = 0;
    double left = 0;
    double[] squares = new double[LENGTH];
    for (int r = 0; r < tested.length; r += LENGTH) {
      for (int c = 0; c < LENGTH; c++) {
        double product = 0;
        for (int i = 0; i < LENGTH; i++) {
          product += eigen.getEigenVector(c).get(i) * tested[r + i];
        }
        squares[c] = product * product;
        energy += squares[c];
      }
      Arrays.sort(squares);
      left += Arrays.stream(squares, 0, LENGTH - KEPT).sum();
    }
    return left / energy;
  }

  private static float[] windows(float[] signal, int from, int to, int hop) {
    int count = (to - from - LENGTH) / hop + 1;
    float[] windows = new float[count * LENGTH];
    for (int r = 0; r < count; r++) {
      double mean = 0;
      for (int i = 0; i < LENGTH; i++) {
        mean += signal[from + r * hop + i] / (double) LENGTH;
      }
      for (int i = 0; i < LENGTH; i++) {
        windows[r * LENGTH + i] = (float) (signal[from + r * hop + i] - mean);
      }
    }
    return windows;
  }

  /** Fields 1 to 4 of every good line, months in order. */
  private static List<float[]> solarTemperatures(Path folder) throws IOException {
    List<Path> months = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.csv.gz")) {
      files.forEach(months::add);
    }
    Collections.sort(months);
    List<float[]> rows = new ArrayList<>();
    for (Path month : months) {
      try (BufferedReader lines =
          new BufferedReader(
              new InputStreamReader(
                  new GZIPInputStream(Files.newInputStream(month)), StandardCharsets.ISO_8859_1))) {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          String[] fields = line.split("\t", -1);
          if (fields.length == 29) {
            float[] row = temperatures(fields);
            if (row.length == 4) {
              rows.add(row);
            }
          }
        }
      }
    }
    List<float[]> channels = new ArrayList<>();
    for (int c = 0; c < 4; c++) {
      float[] channel = new float[rows.size()];
      for (int r = 0; r < channel.length; r++) {
        channel[r] = rows.get(r)[c];
      }
      channels.add(channel);
    }
    return channels;
  }

  /** Empty for a line that the logger garbled. */
  private static float[] temperatures(String[] fields) {
    float[] row = new float[4];
    for (int c = 0; c < 4; c++) {
      try {
        row[c] = Float.parseFloat(fields[c + 1].trim().replace(',', '.'));
      } catch (NumberFormatException garbled) {
        return new float[0];
      }
      if (!(row[c] > -50 && row[c] < 300)) {
        return new float[0];
      }
    }
    return row;
  }
}
