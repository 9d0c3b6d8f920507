package io.millrace.app.inspect;

import io.millrace.app.PipelineSelection;
import io.millrace.operator.StateCodec;
import io.millrace.operator.dictionary.SensorState;
import io.millrace.operator.dictionary.SharedDictionaryState;
import io.millrace.operator.kvcache.BasisState;
import io.millrace.runtime.Catalog;
import io.millrace.runtime.ChunkStore;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.Pipeline;
import io.millrace.runtime.Stage;
import io.millrace.runtime.StateKeeper;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code millrace inspect key}: a key's state as of the last commit, read from the changelog with
 * the same code that restores it.
 */
@Command(
    name = "key",
    description = "Shows the state of one key as of the last commit.",
    mixinStandardHelpOptions = true)
final class KeyCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private PipelineSelection selection;

  @Parameters(paramLabel = "KEY", description = "The sensor, or the shared dictionary.")
  private String key;

  @Override
  public Integer call() {
    Deployment deployment = selection.deployment();
    PrintWriter out = spec.commandLine().getOut();
    boolean found = false;
    for (Pipeline pipeline : selection.pipelines(deployment)) {
      for (Stage stage : pipeline.stages()) {
        String changelog =
            deployment.name() + "-" + pipeline.name() + "-" + stage.name() + "-state-changelog";
        StateCodec<?> codec = Catalog.stateCodec(stage.spec().get().name());
        found |= show(deployment, changelog, codec, pipeline.name() + "/" + stage.name(), out);
      }
    }
    if (!found) {
      out.println("No state of key " + key + ".");
    }
    out.flush();
    return found ? 0 : 1;
  }

  private <S> boolean show(
      Deployment deployment, String changelog, StateCodec<S> codec, String place, PrintWriter out) {
    byte[] name = key.getBytes(StandardCharsets.UTF_8);
    Chunks chunks = new Chunks();
    new TopicScan(deployment.kafka())
        .forEach(
            changelog,
            record -> {
              byte[] stored = record.key();
              if (stored.length > name.length
                  && Arrays.equals(stored, 1, 1 + name.length, name, 0, name.length)) {
                chunks.put(stored, record.value());
              }
            });
    StateKeeper<S> keeper =
        new StateKeeper<>(
            codec,
            chunks,
            deployment.engine().chunkBytes(),
            Long.MAX_VALUE,
            state -> OptionalLong.empty());
    S state = keeper.getOrNull(key);
    if (state == null) {
      return false;
    }
    out.printf("%s: key %s%n", place, key);
    for (int section = 0; section < codec.sections(); section++) {
      out.printf("  section %d: %,d bytes%n", section, codec.encode(state, section).length);
    }
    out.printf("  on the heap: %,d bytes%n", codec.heapBytes(state));
    if (state instanceof SensorState sensor) {
      out.printf("  dictionary version: %d%n", sensor.dictionaryVersion());
      out.printf(
          "  windows learned since the start or the last drift: %d%n", sensor.windowsLearned());
      out.printf("  readings since the last window: %d%n", sensor.readingsSinceLastWindow());
      out.printf(
          "  newest reading: %s%n",
          sensor.newestReadingMicros() < 0
              ? "none"
              : Instant.EPOCH.plus(sensor.newestReadingMicros(), ChronoUnit.MICROS));
    } else if (state instanceof SharedDictionaryState shared) {
      out.printf("  dictionary version: %d%n", shared.dictionaryVersion());
      out.printf("  windows learned: %d%n", shared.windowsLearned());
    } else if (state instanceof BasisState basis) {
      out.printf("  basis version: %d%n", basis.basisVersion());
      out.printf("  tokens learned: %d%n", basis.tokensLearned());
    }
    return true;
  }

  /** The newest value of each chunk, in memory. */
  private static final class Chunks implements ChunkStore {
    private final TreeMap<byte[], byte[]> values = new TreeMap<>(Arrays::compareUnsigned);

    @Override
    public byte[] get(byte[] chunk) {
      return values.get(chunk);
    }

    @Override
    public void put(byte[] chunk, byte[] valueOrNull) {
      if (valueOrNull == null) {
        values.remove(chunk);
      } else {
        values.put(chunk, valueOrNull);
      }
    }

    @Override
    public void scan(byte prefix, BiConsumer<byte[], byte[]> visitor) {
      values.forEach(
          (chunk, value) -> {
            if (chunk[0] == prefix) {
              visitor.accept(chunk, value);
            }
          });
    }
  }
}
