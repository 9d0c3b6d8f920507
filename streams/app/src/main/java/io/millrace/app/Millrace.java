package io.millrace.app;

import io.millrace.app.bench.BenchCommand;
import io.millrace.app.bench.EngineCommand;
import io.millrace.app.inspect.InspectCommand;
import io.millrace.app.replay.ReplayCommand;
import io.millrace.app.topics.TopicsCommand;
import io.millrace.runtime.ConfigurationException;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command line. */
@Command(
    name = "millrace",
    description = "Online learning on record streams, exactly once.",
    mixinStandardHelpOptions = true,
    versionProvider = Release.class,
    subcommands = {
      DemoCommand.class,
      RunCommand.class,
      ReplayCommand.class,
      TopicsCommand.class,
      InspectCommand.class,
      BenchCommand.class,
      EngineCommand.class
    })
public final class Millrace {
  private Millrace() {}

  public static void main(String[] args) {
    System.exit(commandLine().execute(args));
  }

  /** The command line, for tests. */
  static CommandLine commandLine() {
    return new CommandLine(new Millrace())
        .setExecutionExceptionHandler(
            (error, command, parsed) -> {
              if (error instanceof ConfigurationException
                  || error instanceof IllegalStateException) {
                command.getErr().println("millrace: " + error.getMessage());
                return error instanceof ConfigurationException
                    ? CommandLine.ExitCode.USAGE
                    : CommandLine.ExitCode.SOFTWARE;
              }
              throw error;
            });
  }
}
