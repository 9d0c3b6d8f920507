package io.millrace.operator.dictionary;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.millrace.operator.Models;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SparseCode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.IntToDoubleFunction;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What a consumer restores from the bytes of codes and dictionary versions, against the readings.
 */
class ErrorBoundTest {
  private static final int LENGTH = 64;
  private static final int ATOMS = 96;
  private static final int SEEDS = 9;

  /** Signals with a bound that suits them. */
  private enum Signal {
    SMOOTH(0.01) {
      @Override
      IntToDoubleFunction values(Random random) {
        double pace = 0.05 + random.nextDouble();
        return i -> 3 * Math.sin(pace * i) + 0.01 * random.nextGaussian();
      }
    },
    NOISE(0.1) {
      @Override
      IntToDoubleFunction values(Random random) {
        return i -> random.nextGaussian();
      }
    },
    TIGHT_NOISE(2e-7, true) {
      @Override
      IntToDoubleFunction values(Random random) {
        return i -> random.nextGaussian();
      }
    },
    SPIKES(0.5, true) {
      @Override
      IntToDoubleFunction values(Random random) {
        return i ->
            random.nextInt(40) > 0
                ? random.nextGaussian()
                : Math.pow(10, 30 * random.nextDouble()) * (random.nextBoolean() ? 1 : -1);
      }
    },
    STEPS(0.05) {
      @Override
      IntToDoubleFunction values(Random random) {
        double[] level = {0};
        return i -> level[0] = random.nextInt(20) == 0 ? 100 * random.nextGaussian() : level[0];
      }
    },
    FLAT(0.001) {
      @Override
      IntToDoubleFunction values(Random random) {
        return i -> 21.5;
      }
    },
    HUGE_OFFSET(0.5) {
      @Override
      IntToDoubleFunction values(Random random) {
        return i -> 1e7 + 3 * random.nextGaussian();
      }
    },
    OFFSET_WITHOUT_BITS_FOR_THE_BOUND(1e-3, true) {
      @Override
      IntToDoubleFunction values(Random random) {
        return i -> 1e9 + 1000 * random.nextGaussian();
      }
    },
    TINY(1e-24) {
      @Override
      IntToDoubleFunction values(Random random) {
        return i -> 1e-22 * random.nextGaussian();
      }
    },
    DENORMAL(1.2e-38) {
      @Override
      IntToDoubleFunction values(Random random) {
        return i -> 1e-38 * random.nextGaussian();
      }
    },
    LARGEST(1e24) {
      @Override
      IntToDoubleFunction values(Random random) {
        return i -> 1e30 * Math.sin(0.4 * i);
      }
    },
    LOOSE(1e30) {
      @Override
      IntToDoubleFunction values(Random random) {
        return i -> random.nextGaussian();
      }
    };

    final float bound;

    /** Whether values are needed: a correction would be too large, too long or too fine. */
    final boolean mostlyRaw;

    Signal(double bound) {
      this(bound, false);
    }

    Signal(double bound, boolean mostlyRaw) {
      this.bound = (float) bound;
      this.mostlyRaw = mostlyRaw;
    }

    abstract IntToDoubleFunction values(Random random);
  }

  private final SparseCodeReader reader = new SparseCodeReader();
  private final Map<Long, DictionaryAssembly> versions = new HashMap<>();
  private int coded;
  private int raw;
  private long bytes;

  @ParameterizedTest
  @EnumSource
  void everyObservedValueIsWithinItsBound(Signal signal, TestReporter reporter) {
    for (long seed = 1; seed <= SEEDS; seed++) {
      Random random = new Random(seed);
      double missing = seed % 3 == 0 ? 0.2 : 0;
      float[] bound = {signal.bound, 2 * signal.bound};
      if (2 * (double) signal.bound > 1e30) {
        bound[1] = signal.bound;
      }
      IntToDoubleFunction first = signal.values(random);
      IntToDoubleFunction second = signal.values(random);
      List<float[]> values = new ArrayList<>();
      for (int i = 0; i < 30 * LENGTH; i++) {
        values.add(
            new float[] {
              random.nextDouble() < missing ? Float.NaN : (float) first.applyAsDouble(i),
              random.nextDouble() < missing ? Float.NaN : (float) second.applyAsDouble(i)
            });
      }
      check(values, bound, signal + ", seed " + seed);
    }
    report(signal.name(), 2, reporter);
    assertEquals(signal.mostlyRaw, raw > coded, raw + " raw, " + coded + " coded");
  }

  @ParameterizedTest
  @CsvSource({"0.005, 1.35", "0.01, 1.45", "0.02, 1.75", "0.05, 2.4"})
  void cardiogramsAreRestoredWithinTheBoundInFewerBytes(
      double millivolts, double leastRatio, TestReporter reporter) throws IOException {
    List<float[]> values = new ArrayList<>();
    try (InputStream in =
        getClass().getResourceAsStream("/data/ecg/mitbih-208-excerpt-360hz-int16le.bin")) {
      ByteBuffer samples = ByteBuffer.wrap(in.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN);
      while (samples.remaining() >= Short.BYTES) {
        values.add(new float[] {(samples.getShort() - 1024) / 200f});
      }
    }
    check(values, new float[] {(float) millivolts}, "ecg at " + millivolts + " mV");
    double ratio = report("ecg at " + millivolts + " mV", 1, reporter);
    assertTrue(ratio > leastRatio, "ratio " + ratio);
  }

  /** Runs a signal through the operator and checks all that a consumer can restore. */
  private void check(List<float[]> values, float[] bound, String place) {
    SensorDictionaryLearning operator =
        new SensorDictionaryLearning(
            new SensorSettings()
                .channels(bound.length)
                .windows(LENGTH, LENGTH)
                .atoms(ATOMS)
                .rounds(8, 64, 4)
                .bound(bound)
                .build(),
            new BatchOrthogonalMatchingPursuit(BatchOrthogonalMatchingPursuit.Settings.atoms(5)),
            new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT));
    SensorState state = operator.createState("sensor");
    Deque<float[]> window = new ArrayDeque<>();
    versions.clear();
    for (int i = 0; i < values.size(); i++) {
      SensorReading reading = Readings.of(i, values.get(i));
      window.add(values.get(i));
      operator.accept(state, reading, 0, Models.NONE, output -> take(output, window, bound, place));
    }
  }

  private void take(SpecificRecord output, Deque<float[]> window, float[] bound, String place) {
    if (output instanceof DictionaryVersion version) {
      versions.computeIfAbsent(version.getVersion(), v -> new DictionaryAssembly(version));
      versions.get(version.getVersion()).add(version);
    } else if (output instanceof SparseCode code) {
      checkCode(Outputs.received(code), List.copyOf(window), bound, place);
      bytes += Outputs.bytes(code).length;
      window.clear();
    }
  }

  private void checkCode(SparseCode code, List<float[]> window, float[] bound, String place) {
    float[] atoms = versions.get(code.getDictionaryVersion()).atoms().orElseThrow();
    float[] restored = reader.decode(code, atoms, ATOMS);
    for (int p = 0; p < restored.length; p++) {
      float value = window.get(p % LENGTH)[p / LENGTH];
      double error = Math.abs((double) value - restored[p]);
      if (error > bound[p / LENGTH]) {
        fail(place + ": " + value + " restored as " + restored[p] + " in " + code);
      }
    }
    if (code.getRaw() == null) {
      coded++;
      int size = code.getAtoms().size() + code.getCoefficients().size();
      assertTrue(size + code.getExceptions().size() < restored.length * 4, place);
    } else {
      raw++;
      assertEquals(List.of(), code.getAtoms());
      assertEquals(List.of(), code.getExceptions());
    }
  }

  private double report(String name, int channels, TestReporter reporter) {
    double windows = coded + raw;
    double ratio = windows * LENGTH * channels * Float.BYTES / bytes;
    reporter.publishEntry(
        String.format(
            "%s: %.1f bytes a window, ratio %.2f, %.1f %% raw",
            name, bytes / windows, ratio, 100 * raw / windows));
    return ratio;
  }

  @Test
  void aRawBlockIsWrittenOnlyWhereTheCodeWouldBeLonger() {
    WindowSnapshot window = new WindowSnapshot(1, 4);
    Arrays.fill(window.observed, 1);
    window.observedCount = 4;
    window.scale[0] = 1;
    Dictionary dictionary = Dictionary.normalized(new float[] {1, 1, 1, 1}, 1, 4);
    SparseCodes empty = new SparseCodes();
    empty.append(new int[0], new float[0], 0, 1, 1);
    SparseCodeWriter writer = new SparseCodeWriter(new float[] {0.5f}, 4);
    // corrections of 1.0079 units of 0.9922: a gap and a correction of one byte each
    window.values[2] = 1;
    window.normalised[2] = 1;
    SparseCode code = writer.write(window, dictionary, empty);
    assertEquals(List.of(3, 1), code.getExceptions());
    // 4 gaps of a byte and 4 corrections of 3 bytes are 16 bytes, no fewer than 4 floats
    for (int p = 0; p < 4; p++) {
      window.values[p] = 9_000;
      window.normalised[p] = 9_000;
    }
    code = writer.write(window, dictionary, empty);
    assertEquals(16, code.getRaw().remaining());
    // one correction fewer
    window.values[3] = 0;
    window.normalised[3] = 0;
    code = writer.write(window, dictionary, empty);
    assertEquals(6, code.getExceptions().size());
  }

  @Test
  void withoutABoundTheResidualIsThatOfTheDecodedWindow() {
    for (long seed = 1; seed <= 5; seed++) {
      Outputs outputs = new Outputs();
      SensorDictionaryLearning operator =
          new SensorDictionaryLearning(
              new SensorSettings().windows(LENGTH, LENGTH).atoms(ATOMS).build(),
              new BatchOrthogonalMatchingPursuit(BatchOrthogonalMatchingPursuit.Settings.atoms(5)),
              new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT));
      SensorState state = operator.createState("sensor");
      List<SensorReading> readings = Readings.tones(LENGTH * 100, 1, 10, seed);
      readings.forEach(reading -> operator.accept(state, reading, 0, Models.NONE, outputs));
      MemoryModels models = new MemoryModels();
      outputs.versions.forEach(models::add);
      for (int w = 0; w < outputs.codes.size(); w++) {
        SparseCode code = Outputs.received(outputs.codes.get(w));
        DictionaryModel model =
            (DictionaryModel) models.version("sensor", code.getDictionaryVersion()).orElseThrow();
        float[] restored = reader.decode(code, model.dictionary().atoms(), ATOMS);
        double left = 0;
        for (int step = 0; step < LENGTH; step++) {
          double value = readings.get(w * LENGTH + step).getValues().get(0);
          left += Math.pow(value - restored[step], 2);
        }
        assertEquals(
            Math.sqrt(left / LENGTH) / code.getScale().get(0),
            code.getResidual(),
            1e-5,
            "window " + w + " of " + seed);
      }
    }
  }

  @Test
  void codesThatDoNotFitAreRefused() {
    float[] atoms = Cosines.atoms(4, 1, 4);
    SparseCode good = new SparseCode();
    good.setStartMicros(0L);
    good.setSpanMicros(0L);
    good.setLength(4);
    good.setDictionaryVersion(0L);
    good.setMean(List.of(1f));
    good.setScale(List.of(2f));
    good.setAtoms(List.of(0, 3));
    good.setCoefficients(List.of(5, -2));
    good.setCoefficientStep(0.5f);
    good.setMissing(List.of());
    good.setErrorBound(List.of(0.1f));
    good.setExceptions(List.of(1, 2, 3, 4));
    good.setResidual(0f);
    good.setAnomalyScore(0f);
    reader.decode(good, atoms, 4);
    refused(good, code -> code.setScale(List.of()));
    refused(good, code -> code.setMean(List.of()));
    refused(good, code -> code.setLength(0));
    refused(good, code -> code.setLength(Integer.MAX_VALUE));
    refused(good, code -> code.setLength(5));
    refused(good, code -> code.setErrorBound(List.of()));
    refused(good, code -> code.setErrorBound(List.of(1f, 1f)));
    refused(good, code -> code.setAtoms(List.of(0)));
    refused(good, code -> code.setAtoms(List.of(0, 4)));
    refused(good, code -> code.setAtoms(List.of(0, 0)));
    refused(good, code -> code.setAtoms(List.of(-1, 2)));
    refused(good, code -> code.setAtoms(List.of(1, Integer.MAX_VALUE)));
    refused(good, code -> code.setExceptions(List.of(1, 2, 3)));
    refused(good, code -> code.setExceptions(List.of(0, 2)));
    refused(good, code -> code.setExceptions(List.of(5, 2)));
    refused(good, code -> code.setExceptions(List.of(4, 2, Integer.MAX_VALUE, 1)));
    refused(good, code -> code.setRaw(ByteBuffer.allocate(15)));
  }

  private void refused(SparseCode good, Consumer<SparseCode> damage) {
    SparseCode code = Outputs.received(good);
    damage.accept(code);
    assertThrows(
        IllegalArgumentException.class,
        () -> reader.decode(code, Cosines.atoms(4, 1, 4), 4),
        code::toString);
  }
}
