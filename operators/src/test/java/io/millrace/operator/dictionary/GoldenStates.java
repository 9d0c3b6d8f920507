package io.millrace.operator.dictionary;

import io.millrace.operator.Models;
import io.millrace.operator.StateCodec;
import io.millrace.schema.SensorReading;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Writes the state files of a newborn format version: {@code GoldenStates FOLDER} once, with {@code
 * src/test/resources/golden} as the folder. Files of a released version are never written again.
 */
final class GoldenStates {
  private static final String VERSION = "v1";

  private GoldenStates() {}

  public static void main(String[] arguments) throws IOException {
    Path golden = Path.of(arguments[0]);
    Path sensors = golden.resolve("sensor-dictionary").resolve(VERSION);
    write(sensors, "one-channel", new SensorStateCodec(), sensor(new SensorSettings(), odl()));
    write(
        sensors,
        "two-channels-bounded",
        new SensorStateCodec(),
        sensor(
            new SensorSettings().channels(2).gaps(1000, 9000, 5).bound(0.1f, 0.1f).atoms(20),
            odl()));
    write(
        sensors,
        "frank-wolfe",
        new SensorStateCodec(),
        sensor(
            new SensorSettings().atoms(8),
            new FrankWolfeDictionaryLearning(FrankWolfeDictionaryLearning.Settings.DEFAULT)));
    SensorDictionarySettings shared =
        new SensorSettings().shared(SharedLoop.NAME).rounds(16, 16, 4).build();
    SharedLoop loop = new SharedLoop(shared, shared, GoldenStates::pursuit, GoldenStates::odl, 2);
    for (SensorReading reading : Readings.tones(300, 1, 1000, 1)) {
      loop.accept(0, reading);
      loop.accept(1, reading);
    }
    write(sensors, "shared", new SensorStateCodec(), loop.workers.get(1));
    write(
        golden.resolve("shared-dictionary").resolve(VERSION),
        "merge",
        new SharedDictionaryStateCodec(),
        loop.merged);
  }

  private static SensorState sensor(SensorSettings settings, DictionaryLearner learner) {
    SensorDictionarySettings built = settings.build();
    SensorDictionaryLearning operator = new SensorDictionaryLearning(built, pursuit(), learner);
    SensorState state = operator.createState("werk/ölpumpe-7");
    for (SensorReading reading : Readings.tones(300, built.window().channels(), 1000, 1)) {
      operator.accept(state, reading, 0, Models.NONE, output -> {});
    }
    return state;
  }

  private static SparseCoder pursuit() {
    return new BatchOrthogonalMatchingPursuit(BatchOrthogonalMatchingPursuit.Settings.atoms(3));
  }

  private static DictionaryLearner odl() {
    return new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT);
  }

  private static <S> void write(Path folder, String name, StateCodec<S> codec, S state)
      throws IOException {
    Files.createDirectories(folder);
    for (int section = 0; section < codec.sections(); section++) {
      Files.write(folder.resolve(name + "." + section + ".bin"), codec.encode(state, section));
    }
  }
}
