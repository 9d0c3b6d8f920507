package io.millrace.app.inspect;

import picocli.CommandLine.Command;

/** {@code millrace inspect}: what a deployment has learned, keeps and refused. */
@Command(
    name = "inspect",
    description = "Shows dictionary versions, a key's state, or dead letters.",
    mixinStandardHelpOptions = true,
    subcommands = {DictionariesCommand.class, KeyCommand.class, DeadLettersCommand.class})
public final class InspectCommand {}
