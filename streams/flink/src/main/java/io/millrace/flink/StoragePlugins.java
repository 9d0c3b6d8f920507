package io.millrace.flink;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.plugin.PluginManager;
import org.apache.flink.core.plugin.PluginUtils;

/**
 * File systems such as S3: plugins of Flink, from the folder that the variable FLINK_PLUGINS_DIR
 * names. This process needs them, too, where jobs run elsewhere: it looks for the newest state.
 */
final class StoragePlugins {
  private StoragePlugins() {}

  /**
   * Loads them, once in a process.
   *
   * @param configuration with their settings
   */
  static PluginManager load(Configuration configuration) {
    PluginManager plugins = PluginUtils.createPluginManagerFromRootFolder(configuration);
    FileSystem.initialize(configuration, plugins);
    return plugins;
  }
}
