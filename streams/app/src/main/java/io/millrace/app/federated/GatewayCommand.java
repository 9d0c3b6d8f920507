package io.millrace.app.federated;

import io.javalin.util.JavalinBindException;
import io.millrace.app.LogLevels;
import io.millrace.app.federated.FederatedSelection.Selected;
import io.millrace.client.ClientTopics;
import io.millrace.client.RecordSender;
import io.millrace.runtime.ConfigurationException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code millrace federated gateway}: the way in for clients that cannot speak Kafka. */
@Command(
    name = "gateway",
    description = {
      "Takes updates of federated clients over HTTP and sends them on, until stopped; serves tasks"
          + " and models.",
      "There are no passwords: on another address than loopback, whoever reaches it may read the"
          + " models. Updates count only with a task of the aggregator and a signed commit."
    },
    mixinStandardHelpOptions = true)
final class GatewayCommand implements Callable<Integer> {
  private static final int HIGHEST_PORT = 65_535;

  @Spec private CommandSpec spec;
  @Mixin private FederatedSelection selection;

  @Option(names = "--host", defaultValue = "127.0.0.1", description = "Default: ${DEFAULT-VALUE}.")
  private String host;

  @Option(
      names = "--port",
      defaultValue = "8391",
      description = "0: any that is free (default: ${DEFAULT-VALUE}).")
  private int port;

  @Option(
      names = "--model-megabytes",
      defaultValue = "512",
      description = "Memory for chunks of models (default: ${DEFAULT-VALUE}).")
  private int modelMegabytes;

  @Override
  public Integer call() throws InterruptedException {
    require("--port", port, 0, HIGHEST_PORT);
    require("--model-megabytes", modelMegabytes, 1, 1 << 20);
    LogLevels.forService();
    Selected selected = selection.read();
    ClientTopics topics = FederatedTopics.of(selected.pipeline().pipeline());
    Map<String, String> kafka = selected.deployment().kafka();
    GatewayShelf shelf = new GatewayShelf((long) modelMegabytes << 20);
    CountDownLatch stopping = new CountDownLatch(1);
    CountDownLatch closed = new CountDownLatch(1);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(stopping, closed), "stop"));
    try (RecordSender sender = new RecordSender(kafka, topics);
        GatewayFollower follower = GatewayFollower.start(kafka, topics, shelf);
        GatewayServer server = serve(sender, shelf, follower)) {
      PrintWriter out = spec.commandLine().getOut();
      out.println("Gateway of " + selected.pipeline().pipeline().name() + " at " + server.url());
      out.flush();
      stopping.await();
    } finally {
      closed.countDown();
    }
    return 0;
  }

  private GatewayServer serve(RecordSender sender, GatewayShelf shelf, GatewayFollower follower) {
    try {
      return GatewayServer.start(
          host,
          port,
          new GatewayIntake(record -> sender.send(List.of(record))),
          shelf,
          follower::isCaughtUp);
    } catch (JavalinBindException e) {
      throw new ConfigurationException(
          "--port: got "
              + port
              + ", which cannot be bound on "
              + host
              + ", expected a free port, or 0 for any");
    }
  }

  /** The process ends when this returns: not before all is closed, unless that takes long. */
  private static void stop(CountDownLatch stopping, CountDownLatch closed) {
    stopping.countDown();
    try {
      closed.await(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void require(String option, int value, int least, int most) {
    if (value < least || value > most) {
      throw new ParameterException(
          spec.commandLine(), option + ": got " + value + ", expected " + least + " to " + most);
    }
  }
}
