package io.millrace.flink;

import io.millrace.runtime.ConfigurationException;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.LaunchSettings;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.MetricOptions;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.configuration.WebOptions;
import org.apache.flink.core.execution.RecoveryClaimMode;

/** A deployment's settings as Flink's configuration. */
final class FlinkSettings {
  static final String CHECKPOINT_DIRECTORY = "execution.checkpointing.dir";

  /** Key groups of a job: the largest parallelism that it can ever be given. */
  private static final int MAXIMUM_PARALLELISM = 1024;

  private static final String LOOPBACK = "127.0.0.1";

  /** Properties that settings of a deployment file stand for, and which. */
  private static final Map<String, String> OWNED =
      Map.of(
          "execution.checkpointing.interval", "set by engine.commit-interval-millis",
          "execution.checkpointing.mode", "always EXACTLY_ONCE",
          "parallelism.default", "set by engine.threads",
          "execution.state-recovery.path", "given by --from",
          "execution.target", "given by --cluster",
          "pipeline.jars", "always the job jar",
          "pipeline.name", "made of name and the pipeline's name");

  private final Deployment deployment;
  private final LaunchSettings launch;
  private final String baseDirectoryOrEmpty;

  /**
   * @param temporaryDirectory for checkpoints of a run in this process that has no other place
   * @throws ConfigurationException for properties that other settings stand for
   */
  FlinkSettings(Deployment deployment, LaunchSettings launch, String temporaryDirectory) {
    deployment.requireFree(FlinkEngine.NAME, OWNED);
    this.deployment = deployment;
    this.launch = launch;
    String given = deployment.engineProperties(FlinkEngine.NAME).get(CHECKPOINT_DIRECTORY);
    if (given != null) {
      baseDirectoryOrEmpty = given;
    } else if (launch.cluster().isPresent()) {
      baseDirectoryOrEmpty = "";
    } else {
      baseDirectoryOrEmpty =
          java.nio.file.Path.of(
                  deployment.stateDirectory().isEmpty()
                      ? temporaryDirectory
                      : deployment.stateDirectory())
              .toAbsolutePath()
              .resolve("flink-checkpoints")
              .toUri()
              .toString();
    }
  }

  /** A cluster in this process: on the loopback address unless told otherwise. */
  Configuration localCluster(int slots) {
    Configuration configuration = new Configuration();
    configuration.set(RestOptions.ADDRESS, LOOPBACK);
    configuration.set(RestOptions.BIND_ADDRESS, LOOPBACK);
    configuration.set(RestOptions.BIND_PORT, "0");
    configuration.set(JobManagerOptions.BIND_HOST, LOOPBACK);
    configuration.set(TaskManagerOptions.BIND_HOST, LOOPBACK);
    configuration.set(TaskManagerOptions.HOST, LOOPBACK);
    configuration.set(TaskManagerOptions.NUM_TASK_SLOTS, slots);
    configuration.setString("taskmanager.memory.managed.size", 64 * slots + "m");
    configuration.set(MetricOptions.METRIC_FETCHER_UPDATE_INTERVAL, Duration.ofSeconds(1));
    // what REST tells may be this old: whether a job runs yet, and the newest checkpoint
    configuration.set(WebOptions.REFRESH_INTERVAL, Duration.ofMillis(250));
    properties(configuration);
    return configuration;
  }

  /** What this process itself needs where jobs run elsewhere. */
  Configuration client() {
    Configuration configuration = new Configuration();
    properties(configuration);
    return configuration;
  }

  /** One job, without its place in a cluster. */
  Configuration job(String name) {
    Configuration configuration = new Configuration();
    configuration.set(PipelineOptions.NAME, name);
    configuration.set(PipelineOptions.GENERIC_TYPES, false);
    configuration.set(PipelineOptions.OBJECT_REUSE, true);
    configuration.set(PipelineOptions.MAX_PARALLELISM, MAXIMUM_PARALLELISM);
    configuration.set(
        CheckpointingOptions.CHECKPOINTING_INTERVAL,
        Duration.ofMillis(deployment.engine().commitIntervalMillis()));
    configuration.set(
        CheckpointingOptions.EXTERNALIZED_CHECKPOINT_RETENTION,
        ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
    configuration.set(StateBackendOptions.STATE_BACKEND, "rocksdb");
    configuration.set(CheckpointingOptions.INCREMENTAL_CHECKPOINTS, true);
    // An incremental checkpoint uploads every file that compaction wrote. By levels that is the
    // whole state at each fourth checkpoint; universal compaction merges the small new files.
    configuration.setString("state.backend.rocksdb.compaction.style", "UNIVERSAL");
    configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "exponential-delay");
    configuration.set(
        RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_INITIAL_BACKOFF,
        Duration.ofMillis(500));
    configuration.set(
        RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_MAX_BACKOFF,
        Duration.ofSeconds(10));
    // Flink's default is an hour: every failure of a day would pause as if it were the same one.
    configuration.set(
        RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_RESET_BACKOFF_THRESHOLD,
        Duration.ofMinutes(1));
    properties(configuration);
    if (!baseDirectoryOrEmpty.isEmpty()) {
      configuration.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, directory(name));
      configuration.set(
          CheckpointingOptions.SAVEPOINT_DIRECTORY, SavedStates.savepoints(directory(name)));
    }
    return configuration;
  }

  /**
   * Adds the state that a job goes on from, if any.
   *
   * @return the state; empty: none
   * @throws ConfigurationException when this process cannot see which one is the newest
   */
  Optional<String> resume(Configuration configuration, String name) {
    return switch (launch.resumeFrom()) {
      case LaunchSettings.NOTHING -> Optional.empty();
      case LaunchSettings.LATEST -> {
        Optional<String> newest = newest(name);
        newest.ifPresent(
            state -> {
              configuration.set(StateRecoveryOptions.SAVEPOINT_PATH, state);
              // left by a run of this job, so this one clears it away when it has newer ones
              configuration.set(StateRecoveryOptions.RESTORE_MODE, RecoveryClaimMode.CLAIM);
            });
        yield newest;
      }
      default -> {
        configuration.set(StateRecoveryOptions.SAVEPOINT_PATH, launch.resumeFrom());
        yield Optional.of(launch.resumeFrom());
      }
    };
  }

  /** Where states are kept, if that is in a file system of this machine. */
  Optional<java.nio.file.Path> localDirectory() {
    URI place = new org.apache.flink.core.fs.Path(baseDirectoryOrEmpty + "/").toUri();
    return place.getScheme() == null || place.getScheme().equals("file")
        ? Optional.of(java.nio.file.Path.of(place.getPath()))
        : Optional.empty();
  }

  /** Where a job's savepoint goes; empty: where the cluster puts them. */
  String savepointDirectoryOrEmpty(String name) {
    return baseDirectoryOrEmpty.isEmpty() ? "" : SavedStates.savepoints(directory(name));
  }

  private Optional<String> newest(String name) {
    String expected =
        "a path, or " + LaunchSettings.NOTHING + " to start from the beginning of the topics";
    if (baseDirectoryOrEmpty.isEmpty()) {
      throw new ConfigurationException(
          "--from: got "
              + LaunchSettings.LATEST
              + " without engines.flink."
              + CHECKPOINT_DIRECTORY
              + ", expected "
              + expected);
    }
    try {
      return SavedStates.newest(directory(name));
    } catch (IOException e) {
      throw new ConfigurationException(
          "--from: got "
              + LaunchSettings.LATEST
              + ", but "
              + directory(name)
              + " cannot be read here ("
              + e.getMessage()
              + "), expected "
              + expected);
    }
  }

  private String directory(String name) {
    return baseDirectoryOrEmpty + (baseDirectoryOrEmpty.endsWith("/") ? "" : "/") + name;
  }

  private void properties(Configuration configuration) {
    deployment.engineProperties(FlinkEngine.NAME).forEach(configuration::setString);
  }
}
