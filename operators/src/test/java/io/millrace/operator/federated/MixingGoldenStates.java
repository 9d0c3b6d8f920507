package io.millrace.operator.federated;

import io.millrace.operator.Models;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Writes the state files of a newborn format version: {@code MixingGoldenStates FOLDER} once, with
 * {@code src/test/resources/golden} as the folder. Files of a released version are never written
 * again.
 */
final class MixingGoldenStates {
  private static final String VERSION = "v1";
  private static final long SEED = 5;

  private MixingGoldenStates() {}

  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[0]).resolve("federated-mixing").resolve(VERSION);
    Files.createDirectories(folder);
    for (MixingMethod method : MixingMethod.values()) {
      EdgeMixing operator =
          new EdgeMixing(MixingLawsTest.settings(method), new Authority(ChunkRecords.MASTER_KEY));
      MixingState state = operator.createState(FederatedKeys.chunk(ChunkRecords.MODEL, 0));
      for (FederatedInput input : MixingLawsTest.inputs(SEED, 9)) {
        operator.accept(state, input, 0, Models.NONE, output -> {});
      }
      MixingStateCodec codec = new MixingStateCodec();
      String name = method.name().toLowerCase(Locale.ROOT);
      for (int section = 0; section < codec.sections(); section++) {
        Files.write(folder.resolve(name + "." + section + ".bin"), codec.encode(state, section));
      }
    }
  }
}
