package io.millrace.operator.dictionary;

import io.millrace.operator.Models;
import io.millrace.schema.SensorReading;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Nested;

/** The operator contract in the configurations that take different ways through the operator. */
class SensorDictionaryLearningLawsTest {
  @Nested
  class OneChannel extends SensorContract {
    @Override
    SensorDictionarySettings settings() {
      return new SensorSettings().build();
    }
  }

  @Nested
  class ChannelsWithMissingValuesAndGaps extends SensorContract {
    @Override
    SensorDictionarySettings settings() {
      return new SensorSettings().channels(3).gaps(1000, 20_000, 0).build();
    }

    @Override
    protected List<SensorReading> inputs(long seed) {
      return gappy(Readings.tones(300, 3, 1000, seed), seed);
    }
  }

  @Nested
  class OverlappingWindowsFlushedWhenIdle extends SensorContract {
    @Override
    SensorDictionarySettings settings() {
      return new SensorSettings().windows(8, 3).gaps(0, 0, 4).build();
    }

    @Override
    protected List<SensorReading> inputs(long seed) {
      return gappy(Readings.tones(200, 1, 1000, seed), seed);
    }

    @Override
    protected boolean hasDeadlines() {
      return true;
    }
  }

  @Nested
  class ErrorBound extends SensorContract {
    @Override
    SensorDictionarySettings settings() {
      return new SensorSettings().channels(2).bound(0.05f, 0.2f).build();
    }
  }

  @Nested
  class FrankWolfeWithHardThreshold extends SensorContract {
    @Override
    SensorDictionarySettings settings() {
      return new SensorSettings().atoms(8).build();
    }

    @Override
    SparseCoder coder() {
      return new HardThreshold(new HardThreshold.Settings(3, 0.1f, false));
    }

    @Override
    DictionaryLearner learner() {
      return new FrankWolfeDictionaryLearning(FrankWolfeDictionaryLearning.Settings.DEFAULT);
    }
  }

  @Nested
  class Lasso extends SensorContract {
    @Override
    SensorDictionarySettings settings() {
      return new SensorSettings().windows(8, 4).build();
    }

    @Override
    SparseCoder coder() {
      return new LassoCoordinateDescent(new LassoCoordinateDescent.Settings(0.1f, true, 200));
    }
  }

  @Nested
  class DriftAlarms extends SensorContract {
    @Override
    SensorDictionarySettings settings() {
      return new SensorSettings()
          .detection(new DetectionSettings(0.9, 32, 16, 1.2, new PageHinkley.Settings(0, 0.05)))
          .build();
    }
  }

  @Nested
  class SharedDictionary extends SensorContract {
    private static final String NAME = "all-sensors";
    private final MemoryModels known = new MemoryModels();

    SharedDictionary() {
      Random random = new Random(3);
      for (long version = 1; version <= 200; version++) {
        float[] atoms = new float[16 * 8];
        for (int i = 0; i < atoms.length; i++) {
          atoms[i] = (float) random.nextGaussian();
        }
        known.add(new DictionaryModel(NAME, version, Dictionary.normalized(atoms, 16, 8), 8, 1));
      }
    }

    @Override
    SensorDictionarySettings settings() {
      return new SensorSettings().shared(NAME).build();
    }

    /**
     * A version every 30 readings, in the middle of a batch as often as not; then a long silence.
     */
    @Override
    protected Models models(int index) {
      return known.upTo(index < 200 ? index / 30 : 150);
    }
  }

  /** Drops values and readings and falls silent now and then, for short and for long. */
  private static List<SensorReading> gappy(List<SensorReading> readings, long seed) {
    Random random = new Random(seed);
    List<SensorReading> kept = new ArrayList<>();
    long silence = 0;
    for (SensorReading reading : readings) {
      double chance = random.nextDouble();
      silence += chance < 0.04 ? random.nextInt(12_000) : chance < 0.06 ? 25_000 : 0;
      reading.setTimeMicros(reading.getTimeMicros() + silence);
      List<Integer> missing = new ArrayList<>();
      for (int channel = 0; channel < reading.getValues().size(); channel++) {
        if (random.nextDouble() < 0.15) {
          missing.add(channel);
          reading.getValues().set(channel, Float.NaN);
        }
      }
      reading.setMissing(missing);
      if (random.nextDouble() > 0.1) {
        kept.add(reading);
      }
    }
    return kept;
  }
}
