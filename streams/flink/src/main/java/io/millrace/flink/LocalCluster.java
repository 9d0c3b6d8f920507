package io.millrace.flink;

import java.net.URI;
import java.util.concurrent.ExecutionException;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.plugin.PluginManager;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.runtime.minicluster.RpcServiceSharing;

/** A whole Flink cluster in this process, REST interface included. */
final class LocalCluster implements AutoCloseable {
  private final MiniCluster cluster;
  private final URI address;

  private LocalCluster(MiniCluster cluster, URI address) {
    this.cluster = cluster;
    this.address = address;
  }

  /**
   * Starts a cluster of one task manager.
   *
   * @throws IllegalStateException when it does not start
   */
  static LocalCluster start(Configuration configuration) throws InterruptedException {
    PluginManager plugins = StoragePlugins.load(configuration);
    MiniCluster cluster =
        new MiniCluster(
            new MiniClusterConfiguration.Builder()
                .setConfiguration(configuration)
                .setNumTaskManagers(1)
                .setNumSlotsPerTaskManager(
                    configuration.get(
                        org.apache.flink.configuration.TaskManagerOptions.NUM_TASK_SLOTS))
                .setRpcServiceSharing(RpcServiceSharing.SHARED)
                .setPluginManager(plugins)
                .build());
    try {
      cluster.start();
      return new LocalCluster(cluster, cluster.getRestAddress().get());
    } catch (ExecutionException e) {
      throw new IllegalStateException("Flink does not start: " + e.getCause(), e);
    } catch (InterruptedException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException("Flink does not start: " + e.getMessage(), e);
    }
  }

  /** Of its REST interface. */
  URI address() {
    return address;
  }

  @Override
  public void close() {
    try {
      cluster.close();
    } catch (Exception e) {
      throw new IllegalStateException("Flink does not stop: " + e.getMessage(), e);
    }
  }
}
