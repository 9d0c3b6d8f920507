package io.millrace.app.federated;

import picocli.CommandLine.Command;

/** {@code millrace federated}: the owner's side of federated models. */
@Command(
    name = "federated",
    description = "Publishes, watches, verifies and rolls back models that many clients train.",
    mixinStandardHelpOptions = true,
    subcommands = {
      PublishCommand.class,
      ClientKeyCommand.class,
      TickCommand.class,
      StatusCommand.class,
      VerifyCommand.class,
      RebuildCommand.class,
      SoupCommand.class,
      RollBackCommand.class,
      GatewayCommand.class,
      IdentityCommand.class
    })
public final class FederatedCommand {}
