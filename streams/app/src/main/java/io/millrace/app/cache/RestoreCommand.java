package io.millrace.app.cache;

import io.millrace.operator.kvcache.HeadGroupPages;
import io.millrace.runtime.ConfigurationException;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.TensorKind;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace cache restore}: keys or values of a session as a dense file. */
@Command(
    name = "restore",
    description =
        "Restores keys, as queries meet them, or values to a dense file: [tokens, heads,"
            + " channels].",
    mixinStandardHelpOptions = true)
final class RestoreCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private CacheSelection selection;

  @Option(names = "--tenant", required = true, description = "Whose session.")
  private String tenant;

  @Option(names = "--session", required = true, description = "Which.")
  private String session;

  @Option(names = "--model", description = "Of this model, where more have such a session.")
  private String model = "";

  @Option(names = "--layer", required = true, description = "From 0.")
  private int layer;

  @Option(
      names = "--first-head",
      description = "First head of the group, where a layer has more groups.")
  private Integer firstHeadOrNull;

  @Option(names = "--kind", required = true, description = "${COMPLETION-CANDIDATES}")
  private Kind kind;

  @Option(names = "--from", defaultValue = "0", description = "First token (default: 0).")
  private long from;

  @Option(names = "--to", description = "Token after the last (default: all there are).")
  private Long toOrNull;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "FILE",
      description = "FILE.npy, or any other name: float32 and FILE.json beside it.")
  private Path file;

  /** What to restore. */
  enum Kind {
    keys(TensorKind.KEYS),
    values(TensorKind.VALUES);

    private final TensorKind kind;

    Kind(TensorKind kind) {
      this.kind = kind;
    }
  }

  /** A tensor out of the store. */
  private record Restored(HeadGroup group, long from, float[] values) {}

  @Override
  public Integer call() throws IOException {
    CacheStore store = selection.scan(tenant + "/");
    Restored restored = store.read(this::restore);
    HeadGroup group = restored.group();
    Map<String, Object> origin = new LinkedHashMap<>();
    origin.put("tenant", group.getTenant());
    origin.put("model", group.getModel());
    origin.put("weights", group.getWeights());
    origin.put("session", group.getSession());
    origin.put("layer", group.getLayer());
    origin.put("firstHead", group.getFirstHead());
    origin.put("kind", kind.name());
    origin.put("firstToken", restored.from());
    TensorFile.write(file, restored.values(), group.getHeads(), group.getHeadDimension(), origin);
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        "%s: %d tokens of %d heads of %d channels%n",
        file,
        restored.values().length / (group.getHeads() * group.getHeadDimension()),
        group.getHeads(),
        group.getHeadDimension());
    out.flush();
    return 0;
  }

  private Restored restore(CacheStore.View view) {
    List<HeadGroupPages> found =
        view.table().groups(tenant).stream()
            .filter(
                group ->
                    group.group().getSession().equals(session)
                        && group.group().getLayer() == layer
                        && (model.isEmpty() || group.group().getModel().equals(model))
                        && (firstHeadOrNull == null
                            || group.group().getFirstHead() == firstHeadOrNull))
            .toList();
    if (found.size() != 1) {
      throw new ConfigurationException(
          "session "
              + session
              + ", layer "
              + layer
              + (found.isEmpty() ? ": no such head group of " + tenant : ": which of ")
              + (found.isEmpty() ? "" : found.stream().map(HeadGroupPages::key).toList()));
    }
    HeadGroupPages group = found.get(0);
    long to = toOrNull == null ? group.end() : toOrNull;
    try {
      return new Restored(group.group(), from, view.reader().restore(group, kind.kind, from, to));
    } catch (IllegalArgumentException e) {
      throw new IllegalStateException(e.getMessage(), e);
    }
  }
}
