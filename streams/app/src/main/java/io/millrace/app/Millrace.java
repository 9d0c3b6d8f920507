package io.millrace.app;

import io.millrace.app.bench.BenchCommand;
import io.millrace.app.bench.EngineCommand;
import io.millrace.app.cache.CacheCommand;
import io.millrace.app.federated.FederatedCommand;
import io.millrace.app.inspect.InspectCommand;
import io.millrace.app.replay.ReplayCommand;
import io.millrace.app.topics.TopicsCommand;
import io.millrace.runtime.ConfigurationException;
import java.io.PrintWriter;
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
      StopCommand.class,
      ReplayCommand.class,
      TopicsCommand.class,
      InspectCommand.class,
      CacheCommand.class,
      FederatedCommand.class,
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
        .setParameterExceptionHandler((error, parsed) -> refused(error))
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

  /** One line for a wrong argument; where a command is missing, the list of them. */
  private static int refused(CommandLine.ParameterException error) {
    CommandLine command = error.getCommandLine();
    PrintWriter err = command.getErr();
    err.println(
        "millrace: "
            + error.getMessage()
            + "; see: "
            + command.getCommandSpec().qualifiedName()
            + " --help");
    if (!command.getSubcommands().isEmpty()) {
      command.usage(err);
    }
    return CommandLine.ExitCode.USAGE;
  }
}
