package io.millrace.it;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** A broker for each test of a class: its directory is emptied, and stays after it for its logs. */
final class FreshBroker implements BeforeEachCallback, AfterEachCallback {
  private final Path directory;
  private BrokerProcess broker;
  private Cluster cluster;

  /**
   * @param directory of all that the test writes, the broker's log below it
   */
  FreshBroker(Path directory) {
    this.directory = directory;
  }

  BrokerProcess process() {
    return broker;
  }

  Cluster cluster() {
    return cluster;
  }

  @Override
  public void beforeEach(ExtensionContext context) throws IOException {
    Directories.delete(directory);
    broker = BrokerProcess.start(directory.resolve("broker"));
    cluster = new Cluster(broker.bootstrapServers());
  }

  @Override
  public void afterEach(ExtensionContext context) {
    if (broker != null) {
      broker.close();
    }
  }
}
