package io.millrace.app.federated;

import io.millrace.app.federated.FederatedSelection.Selected;
import io.millrace.operator.federated.FederatedSettings;
import io.millrace.operator.federated.WithoutClient;
import io.millrace.runtime.ConfigurationException;
import io.millrace.schema.ModelChunk;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace federated rebuild}: a version as it would be without some clients. */
@Command(
    name = "rebuild",
    description = {
      "Makes a version anew from the log as if a client had never sent anything, bit for bit, and",
      "writes its numbers to a file. For rules that sum, which are all but the robust ones. What",
      "other clients sent stays as it was, and rounds end when they ended; a version of that",
      "client alone is like its parent."
    })
final class RebuildCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private FederatedSelection selection;
  @Mixin private HelpOption help;

  @Option(names = "--model", required = true, description = "Which.")
  private String model;

  @Option(names = "--without", required = true, paramLabel = "CLIENT", description = "Whom.")
  private String client;

  @Option(names = "--version", description = "Which version (default: the newest).")
  private Long version;

  @Option(
      names = "--out",
      required = true,
      description = "File for its numbers, little-endian, as exchange.numbers.")
  private Path file;

  @Override
  public Integer call() throws IOException {
    FederatedSelection.requireName("--model", model);
    FederatedSelection.requireName("--without", client);
    Selected selected = selection.read();
    TreeMap<Long, TreeMap<Integer, ModelChunk>> made = new TreeMap<>();
    WithoutClient without = without(selected.pipeline().settings());
    ChunkReplay replay =
        new ChunkReplay(
            selected.deployment(), selected.pipeline(), without, (key, chunk) -> take(made, chunk));
    UpdateLog.into(replay, selected);
    TreeMap<Integer, ModelChunk> chunks = whole(made);
    try (OutputStream out = Files.newOutputStream(file);
        WritableByteChannel channel = Channels.newChannel(out)) {
      for (ModelChunk chunk : chunks.values()) {
        channel.write(chunk.getValues().duplicate());
      }
    }
    PrintWriter out = spec.commandLine().getOut();
    chunks.forEach((number, chunk) -> out.printf("chunk %6d %s%n", number, hex(chunk)));
    out.printf(
        "%s version %d without %d updates of %s: %s%n",
        model, chunks.firstEntry().getValue().getVersion(), without.taken(), client, file);
    if (!without.skipped().isEmpty()) {
      out.printf("%s alone made, so like their parents: %s%n", client, without.skipped());
    }
    out.flush();
    return 0;
  }

  /** All versions that may still be asked for: from the newest whole one on, or the one wanted. */
  private void take(TreeMap<Long, TreeMap<Integer, ModelChunk>> made, ModelChunk chunk) {
    if (!chunk.getModel().equals(model) || version != null && version != chunk.getVersion()) {
      return;
    }
    made.computeIfAbsent(chunk.getVersion(), number -> new TreeMap<>())
        .put(chunk.getChunk(), chunk);
  }

  private TreeMap<Integer, ModelChunk> whole(TreeMap<Long, TreeMap<Integer, ModelChunk>> made) {
    for (TreeMap<Integer, ModelChunk> chunks : made.descendingMap().values()) {
      if (chunks.size() == chunks.firstEntry().getValue().getChunkCount()) {
        return chunks;
      }
    }
    throw new IllegalStateException(
        "the log of updates makes no whole version"
            + (version == null ? "" : " " + version)
            + " of "
            + model);
  }

  private WithoutClient without(FederatedSettings settings) {
    try {
      return new WithoutClient(settings, model, client);
    } catch (IllegalArgumentException e) {
      throw new ConfigurationException(e.getMessage());
    }
  }

  private static String hex(ModelChunk chunk) {
    byte[] digest = new byte[chunk.getDigest().remaining()];
    chunk.getDigest().duplicate().get(digest);
    return HexFormat.of().formatHex(digest);
  }
}
