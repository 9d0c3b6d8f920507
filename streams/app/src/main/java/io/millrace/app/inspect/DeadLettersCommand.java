package io.millrace.app.inspect;

import io.millrace.app.PipelineSelection;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.Pipeline;
import io.millrace.schema.DeadLetter;
import io.millrace.schema.SingleObject;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.HexFormat;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace inspect dead-letters}: refused records, counted by reason, the newest shown. */
@Command(
    name = "dead-letters",
    description = "Counts refused records by reason and shows the newest.",
    mixinStandardHelpOptions = true)
final class DeadLettersCommand implements Callable<Integer> {
  private static final int SHOWN_BYTES = 32;

  @Spec private CommandSpec spec;
  @Mixin private PipelineSelection selection;

  @Option(names = "--reason", description = "Only those refused for this reason.")
  private String reason;

  @Option(
      names = "--limit",
      defaultValue = "20",
      description = "How many to show (default: ${DEFAULT-VALUE}).")
  private int limit;

  @Override
  public Integer call() {
    Deployment deployment = selection.deployment();
    PrintWriter out = spec.commandLine().getOut();
    for (Pipeline pipeline : selection.pipelines(deployment)) {
      SingleObject<DeadLetter> framing = SingleObject.of(DeadLetter.class);
      TreeMap<String, Long> reasons = new TreeMap<>();
      ArrayDeque<DeadLetter> newest = new ArrayDeque<>();
      new TopicScan(deployment.kafka())
          .forEach(
              pipeline.deadLetterTopic(),
              record -> {
                DeadLetter letter = framing.decode(record.value());
                if (reason == null || reason.equals(letter.getReason())) {
                  reasons.merge(letter.getReason(), 1L, Long::sum);
                  newest.addLast(letter);
                  if (newest.size() > limit) {
                    newest.removeFirst();
                  }
                }
              });
      out.printf(
          "%s: %,d dead letters%n",
          pipeline.name(), reasons.values().stream().mapToLong(Long::longValue).sum());
      reasons.forEach((name, count) -> out.printf("  %-16s %,d%n", name, count));
      newest.forEach(letter -> print(out, letter));
    }
    out.flush();
    return 0;
  }

  private static void print(PrintWriter out, DeadLetter letter) {
    out.printf(
        "  %s-%d offset %d, %s, key %s%n    %s: %s%n    %d bytes: %s%n",
        letter.getTopic(),
        letter.getPartition(),
        letter.getOffset(),
        Instant.ofEpochMilli(letter.getTimeMillis()),
        text(letter.getKey()),
        letter.getReason(),
        letter.getMessage(),
        letter.getValueBytes(),
        hex(letter.getValue()));
  }

  /** Keys are anybody's bytes: control characters do not reach the terminal. */
  private static String text(ByteBuffer bytes) {
    return bytes == null
        ? "none"
        : StandardCharsets.UTF_8.decode(bytes.duplicate()).toString().replaceAll("\\p{Cntrl}", "?");
  }

  private static String hex(ByteBuffer bytes) {
    if (bytes == null) {
      return "none";
    }
    byte[] shown = new byte[Math.min(SHOWN_BYTES, bytes.remaining())];
    bytes.duplicate().get(shown);
    return HexFormat.ofDelimiter(" ").formatHex(shown)
        + (bytes.remaining() > shown.length ? " ..." : "");
  }
}
