package io.millrace.it;

import io.millrace.app.broker.EmbeddedBroker;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** A broker in a process of its own, which can be killed and come back on its port. */
final class BrokerProcess implements AutoCloseable {
  private static final Duration START = Duration.ofSeconds(60);

  private final Path directory;
  private JavaProcess process;
  private String bootstrapServers;

  private BrokerProcess(Path directory) {
    this.directory = directory;
  }

  /**
   * Starts a broker.
   *
   * @param directory of its log directory and its output
   */
  static BrokerProcess start(Path directory) {
    BrokerProcess broker = new BrokerProcess(directory);
    broker.launch("0");
    return broker;
  }

  String bootstrapServers() {
    return bootstrapServers;
  }

  void kill() {
    process.kill();
  }

  /** Starts it again where it was; returns when it takes requests. */
  void restart() {
    launch(bootstrapServers.substring(bootstrapServers.indexOf(':') + 1));
  }

  @Override
  public void close() {
    process.close();
  }

  private void launch(String port) {
    process =
        JavaProcess.start(
            "broker",
            directory,
            List.of("-Xmx512m", "-XX:TieredStopAtLevel=1"),
            Map.of(),
            List.of(EmbeddedBroker.class.getName(), directory.resolve("log").toString(), port));
    bootstrapServers = process.awaitLine("127.0.0.1:", START);
  }
}
