package io.millrace.app.federated;

import io.millrace.app.federated.FederatedSelection.Selected;
import io.millrace.app.inspect.TopicScan;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.SingleObject;
import io.millrace.schema.VersionCommit;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import java.util.function.UnaryOperator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code millrace federated verify}: every version made anew from the log. */
@Command(
    name = "verify",
    description = {
      "Makes every version anew from the log of updates and compares it with what was committed:",
      "digests of chunks, updates in them, their Merkle roots, the chain of lineages.",
      "Exit code 0: all is well. 1: something is wrong, each a line."
    },
    mixinStandardHelpOptions = true)
final class VerifyCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private FederatedSelection selection;

  @Override
  public Integer call() {
    Selected selected = selection.read();
    ChunkReplay replay =
        new ChunkReplay(
            selected.deployment(),
            selected.pipeline(),
            UnaryOperator.identity(),
            (key, chunk) -> {});
    LineageCheck check = new LineageCheck(replay);
    SingleObject<VersionCommit> commits = SingleObject.of(VersionCommit.class);
    SingleObject<ModelChunk> chunks = SingleObject.of(ModelChunk.class);
    TopicScan scan = new TopicScan(selected.deployment().kafka());
    scan.forEach(
        selected.pipeline().pipeline().topic("versions"),
        record -> {
          if (SingleObject.recordName(record.value()).equals("VersionCommit")) {
            check.take(commits.decode(record.value()));
          }
        });
    // after the versions: what they are made of is committed before them
    UpdateLog.into(replay, selected);
    check.run();
    scan.forEach(
        selected.pipeline().pipeline().topic("models"),
        record -> {
          if (record.value() != null) {
            check.check(chunks.decode(record.value()));
          }
        });
    PrintWriter out = spec.commandLine().getOut();
    check.findings().forEach(out::println);
    out.println(check.summary());
    out.flush();
    return check.findings().isEmpty() ? 0 : 1;
  }
}
