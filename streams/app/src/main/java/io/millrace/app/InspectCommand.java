package io.millrace.app;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code millrace inspect}. */
@Command(
    name = "inspect",
    description = "Shows dictionary versions, a key's state, dead letters.",
    mixinStandardHelpOptions = true)
final class InspectCommand implements Callable<Integer> {
  @Mixin private DeploymentFile file;

  @Override
  public Integer call() {
    file.read();
    return 0;
  }
}
