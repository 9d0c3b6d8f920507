package io.millrace.app.cache;

import picocli.CommandLine.Command;

/** {@code millrace cache}: reads what a KV-cache pipeline keeps. */
@Command(
    name = "cache",
    description = "Lists, verifies, restores and serves the pages of a KV-cache pipeline.",
    mixinStandardHelpOptions = true,
    subcommands = {
      ListCommand.class,
      VerifyCommand.class,
      RestoreCommand.class,
      ServeCommand.class
    })
public final class CacheCommand {}
