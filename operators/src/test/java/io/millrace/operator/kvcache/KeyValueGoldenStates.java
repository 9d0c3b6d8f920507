package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.TensorKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/**
 * Writes the state files of a newborn format version: {@code KeyValueGoldenStates FOLDER} once,
 * with {@code src/test/resources/golden} as the folder. Files of a released version are never
 * written again.
 */
final class KeyValueGoldenStates {
  private static final String VERSION = "v1";

  private KeyValueGoldenStates() {}

  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[0]).resolve("kv-window").resolve(VERSION);
    KeyValueSettings tiers =
        new KeyValueTestSettings()
            .coarse("rotated-2", 400, 0)
            .summary(8, 1500)
            .lifetime(60_000, 60_000)
            .build();
    RotaryPosition stretched =
        new RotaryPosition(
            RotaryState.AFTER, RotaryPairing.HALVES, 5e5, 6, List.of(1.0, 0.5, 0.25));
    write(folder, "tiers", state(tiers, ElementFormat.FLOAT16, stretched, 150, true));
    KeyValueSettings plain = new KeyValueTestSettings().window(5, 4, 0).build();
    write(folder, "brain", state(plain, ElementFormat.BFLOAT16, CacheRecords.none(), 30, false));
    write(folder, "floats", state(plain, ElementFormat.FLOAT32, CacheRecords.none(), 7, false));
    write(folder, "new", new KeyValueWindow(plain).createState("any key"));
    KeyValueState ended = state(plain, ElementFormat.FLOAT16, CacheRecords.none(), 20, false);
    new KeyValueWindow(plain)
        .accept(
            ended,
            new CacheInput.End(CacheRecords.end(ended.groupOrNull, 9_000_000)),
            0,
            Models.NONE,
            output -> {});
    write(folder, "ended", ended);
  }

  /** Keys of {@code tokens} tokens, one each 25 ms, and values of two in three of them. */
  private static KeyValueState state(
      KeyValueSettings settings,
      ElementFormat format,
      RotaryPosition rotary,
      int tokens,
      boolean moments) {
    HeadGroup group = CacheRecords.group("tenant-1", "session:9", 2, 16);
    KeyValueWindow window = new KeyValueWindow(settings);
    KeyValueState state = window.createState(HeadGroupKey.of(group));
    if (moments) {
      take(window, state, new CacheInput.Moments(CacheRecords.moments(group, 0.5f, 1_000_000)));
    }
    TensorLayout keys = CacheRecords.layout(format, rotary);
    TensorLayout values = CacheRecords.layout(format, CacheRecords.none());
    for (int token = 0; token < tokens; token++) {
      long micros = 1_000_000 + 25_000L * token;
      take(
          window,
          state,
          new CacheInput.Block(CacheRecords.block(group, TensorKind.KEYS, keys, token, 1, micros)));
      if (token < tokens * 2 / 3) {
        take(
            window,
            state,
            new CacheInput.Block(
                CacheRecords.block(group, TensorKind.VALUES, values, token, 1, micros)));
      }
    }
    return state;
  }

  private static void take(KeyValueWindow window, KeyValueState state, CacheInput input) {
    long now = window.eventTimeMillis(input);
    OptionalLong due = window.nextDeadlineMillis(state);
    while (due.isPresent() && due.getAsLong() <= now) {
      window.onDeadline(state, due.getAsLong(), Models.NONE, output -> {});
      due = window.nextDeadlineMillis(state);
    }
    window.accept(state, input, now, Models.NONE, output -> {});
  }

  private static void write(Path folder, String name, KeyValueState state) throws IOException {
    KeyValueStateCodec codec = new KeyValueStateCodec();
    Files.createDirectories(folder);
    for (int section = 0; section < codec.sections(); section++) {
      Files.write(folder.resolve(name + "." + section + ".bin"), codec.encode(state, section));
    }
  }
}
