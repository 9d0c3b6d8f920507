package io.millrace.operator.federated;

import io.millrace.operator.Models;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Writes the state files of a newborn format version: {@code ChunkGoldenStates FOLDER} once, with
 * {@code src/test/resources/golden} as the folder. Files of a released version are never written
 * again.
 */
final class ChunkGoldenStates {
  private static final String VERSION = "v1";
  private static final long SEED = 5;

  private ChunkGoldenStates() {}

  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[0]).resolve("federated-chunk").resolve(VERSION);
    Files.createDirectories(folder);
    write(folder, "sums", state(ChunkLawsTest.sums(), false));
    write(folder, "deciding", state(ChunkLawsTest.clipping(), true));
    write(folder, "memories", state(ChunkLawsTest.scallion(), false));
  }

  /** After nine versions, or but for the last decision. */
  private static ChunkState state(FederatedSettings settings, boolean deciding) {
    ChunkAggregation operator =
        new ChunkAggregation(settings, new Authority(ChunkRecords.MASTER_KEY));
    ChunkState state =
        operator.createState(FederatedKeys.chunk(ChunkRecords.MODEL, ChunkContract.CHUNK));
    List<FederatedInput> inputs = new ChunkContract.Script(settings, SEED).inputs(9);
    int end = inputs.size();
    while (deciding && !(inputs.get(end - 1) instanceof FederatedInput.Authorised)) {
      end--;
    }
    for (FederatedInput input : inputs.subList(0, deciding ? end - 1 : end)) {
      operator.accept(state, input, 0, Models.NONE, output -> {});
    }
    if (state.deciding != deciding) {
      throw new IllegalStateException("state is deciding: " + state.deciding);
    }
    return state;
  }

  private static void write(Path folder, String name, ChunkState state) throws IOException {
    ChunkStateCodec codec = new ChunkStateCodec();
    for (int section = 0; section < codec.sections(); section++) {
      Files.write(folder.resolve(name + "." + section + ".bin"), codec.encode(state, section));
    }
  }
}
