package io.millrace.app.federated;

import picocli.CommandLine.Option;

/**
 * {@code --help} alone, for commands whose {@code --version} is one of a model: the standard
 * options would bring another, and none of them would be there.
 */
final class HelpOption {
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help message and exit.")
  private boolean isHelpRequested;
}
