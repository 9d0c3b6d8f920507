package io.millrace.it;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.utility.DockerImageName;
import org.testcontainers.utility.MountableFile;

/** One of our images running a deployment; what it prints goes to a file. */
final class AppContainer implements AutoCloseable {
  /** Exit code of a JVM that ended after SIGTERM, its shutdown hooks done. */
  static final int STOPPED_BY_SIGNAL = 143;

  private static final String FILE = "/etc/millrace/deployment.yaml";
  private static final Duration START = Duration.ofMinutes(3);
  private static final int STOP_SECONDS = 60;

  private final GenericContainer<?> container;
  private final ContainerLog log;

  private AppContainer(GenericContainer<?> container, ContainerLog log) {
    this.container = container;
    this.log = log;
  }

  /**
   * Starts {@code run}; returns when the image's own health check is content.
   *
   * @param bootstrapServers of the broker, seen from the container
   * @param arguments of {@code run} beside the deployment file
   */
  static AppContainer start(
      DockerImageName image,
      Network network,
      String bootstrapServers,
      Deployment deployment,
      String... arguments) {
    Path file = deployment.file(0);
    ContainerLog log = new ContainerLog(deployment.directory().resolve("container.log"));
    List<String> command = new ArrayList<>(List.of("run", "-c", FILE));
    command.addAll(List.of(arguments));
    GenericContainer<?> container =
        new GenericContainer<>(image)
            .withNetwork(network)
            .withEnv("MILLRACE_KAFKA_BOOTSTRAP_SERVERS", bootstrapServers)
            .withEnv("MILLRACE_DASHBOARD_ENABLED", "true")
            // The file names a folder of this machine, which no container sees.
            .withEnv(
                "MILLRACE_ENGINES_FLINK_EXECUTION_CHECKPOINTING_DIR", FlinkContainers.CHECKPOINTS)
            // Checkpoints to a store in a container take a while.
            .withEnv("MILLRACE_ENGINE_COMMIT_INTERVAL_MILLIS", "1000")
            .withCopyFileToContainer(MountableFile.forHostPath(file), FILE)
            .withCommand(command.toArray(new String[0]))
            .withLogConsumer(log)
            .waitingFor(Wait.forHealthcheck().withStartupTimeout(START));
    AppContainer app = new AppContainer(container, log);
    container.start();
    return app;
  }

  boolean isAlive() {
    return container.isRunning();
  }

  /** What a command in the container prints. */
  String ask(String... command) throws IOException, InterruptedException {
    return container.execInContainer(command).getStdout().strip();
  }

  /** SIGTERM, as {@code docker stop} sends it. Returns the exit code. */
  int stop() {
    var docker = DockerClientFactory.instance().client();
    docker.stopContainerCmd(container.getContainerId()).withTimeout(STOP_SECONDS).exec();
    return container.getCurrentContainerInfo().getState().getExitCodeLong().intValue();
  }

  /** Last lines that it printed. */
  String logTail() {
    return log.tail();
  }

  @Override
  public void close() {
    container.stop();
  }
}
