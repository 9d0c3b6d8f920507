package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import io.millrace.schema.KeyValueSample;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Writes the state files of a newborn format version: {@code GoldenBasisStates FOLDER} once, with
 * {@code src/test/resources/golden} as the folder. Files of a released version are never written
 * again.
 */
final class GoldenBasisStates {
  private GoldenBasisStates() {}

  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[0]).resolve("kv-basis").resolve("v1");
    Files.createDirectories(folder);
    write(folder, "empty", new BasisLearning(BasisSettings.defaults()).createState("m/w/0/V/0"));
    for (int atoms : new int[] {0, 16}) {
      BasisLearning operator = new BasisLearning(BasisLearningLawsTest.settings(atoms));
      BasisState state = operator.createState(Samples.BASIS);
      for (KeyValueSample sample : BasisLearningLawsTest.inputs(1)) {
        operator.accept(state, sample, 0, Models.NONE, output -> {});
      }
      write(folder, atoms == 0 ? "basis" : "basis-and-dictionary", state);
    }
  }

  private static void write(Path folder, String name, BasisState state) throws IOException {
    BasisStateCodec codec = new BasisStateCodec();
    for (int section = 0; section < codec.sections(); section++) {
      Files.write(folder.resolve(name + "." + section + ".bin"), codec.encode(state, section));
    }
  }
}
