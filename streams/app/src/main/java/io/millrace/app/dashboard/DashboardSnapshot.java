package io.millrace.app.dashboard;

import com.fasterxml.jackson.databind.annotation.JsonSerialize;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the page shows at one moment; Jackson writes it as is, so component names are the JSON
 * contract. Times are milliseconds since 1970, fractional where events are closer than that. A NaN
 * is written as null: no value. Records holding arrays compare by identity.
 *
 * @param version of this program
 * @param engine that runs the pipelines
 * @param startedAt ISO-8601 instant
 * @param uptimeSeconds since startedAt
 * @param kernels in use, for example simd-512
 * @param pipelines in the order of the configuration
 */
public record DashboardSnapshot(
    String version,
    String engine,
    String startedAt,
    double uptimeSeconds,
    String kernels,
    List<PipelineView> pipelines) {

  /**
   * One pipeline.
   *
   * @param name of the pipeline
   * @param family of the operator
   * @param engine that runs it
   * @param recordsIn records taken since the start
   * @param recordsOut records written since the start
   * @param recordsPerSecond taken, over the last seconds
   * @param lag records in the input topic that were not taken yet
   * @param deadLetters records refused
   * @param deadLetterReasons reason to count
   * @param compressionRatio float32 bytes of the values over bytes of the codes' records, over the
   *     last windows; 0 while there are none
   * @param relativeError median residual of the last windows, in units of the signal's usual
   *     deviation
   * @param atomsPerWindow mean over the last windows
   * @param atomsInUse atoms used by at least one window in a thousand, in the newest version of
   *     each dictionary at hand
   * @param atomCount atoms of these dictionaries
   * @param alarms anomalies seen since the page's feed started
   * @param modelVersions versions of dictionaries seen
   * @param stateBytes of all keys
   * @param keys with state
   * @param restarts recoveries from a failure since the start
   * @param checkpoints null where the engine takes none
   * @param inputTopic that it reads
   * @param outputTopics that it writes
   * @param history of the whole run, coarser as it grows
   * @param dictionaries at hand, most recently used last
   * @param sensors shown, by name
   * @param recentDeadLetters newest first
   * @param cache of a KV cache; null for other families
   * @param federated of federated rounds; null for other families
   */
  public record PipelineView(
      String name,
      String family,
      String engine,
      long recordsIn,
      long recordsOut,
      double recordsPerSecond,
      long lag,
      long deadLetters,
      Map<String, Long> deadLetterReasons,
      double compressionRatio,
      double relativeError,
      double atomsPerWindow,
      int atomsInUse,
      int atomCount,
      long alarms,
      long modelVersions,
      long stateBytes,
      long keys,
      long restarts,
      Optional<CheckpointView> checkpoints,
      String inputTopic,
      List<String> outputTopics,
      HistoryView history,
      List<DictionaryView> dictionaries,
      List<SensorView> sensors,
      List<DeadLetterView> recentDeadLetters,
      Optional<CacheView> cache,
      Optional<FederatedView> federated) {

    PipelineView withDetail(
        HistoryView newHistory,
        List<DictionaryView> newDictionaries,
        List<SensorView> newSensors,
        List<DeadLetterView> newDeadLetters,
        Optional<CacheView> newCache,
        Optional<FederatedView> newFederated) {
      return new PipelineView(
          name,
          family,
          engine,
          recordsIn,
          recordsOut,
          recordsPerSecond,
          lag,
          deadLetters,
          deadLetterReasons,
          compressionRatio,
          relativeError,
          atomsPerWindow,
          atomsInUse,
          atomCount,
          alarms,
          modelVersions,
          stateBytes,
          keys,
          restarts,
          checkpoints,
          inputTopic,
          outputTopics,
          newHistory,
          newDictionaries,
          newSensors,
          newDeadLetters,
          newCache,
          newFederated);
    }
  }

  /** Columns of equal length; point i covers the time up to times[i]. */
  public record HistoryView(
      long[] times,
      float[] recordsPerSecond,
      float[] lag,
      float[] relativeError,
      float[] atomsPerWindow,
      float[] stateBytes) {
    static final HistoryView EMPTY =
        new HistoryView(
            new long[0], new float[0], new float[0], new float[0], new float[0], new float[0]);
  }

  /**
   * The newest complete version of one dictionary.
   *
   * @param id the sensor's key, or the shared dictionary's name
   * @param version newest complete one
   * @param learner catalogue name
   * @param windowsLearned so far
   * @param length steps in an atom
   * @param channels of an atom
   * @param atomCount of the dictionary
   * @param atomsInUse as in PipelineView
   * @param atoms the most used, with their index and share of windows, most used first
   * @param versions oldest first
   */
  public record DictionaryView(
      String id,
      long version,
      String learner,
      long windowsLearned,
      int length,
      int channels,
      int atomCount,
      int atomsInUse,
      List<AtomView> atoms,
      List<VersionView> versions) {
    DictionaryView outline() {
      return new DictionaryView(
          id,
          version,
          learner,
          windowsLearned,
          length,
          channels,
          atomCount,
          atomsInUse,
          List.of(),
          List.of());
    }
  }

  /** One atom: [channels x length], channel by channel. */
  public record AtomView(
      int index,
      float usage,
      @JsonSerialize(using = SnapshotJson.FourDigits.class) float[] values) {}

  /** How one version came to be; relativeError 0 for version 0. */
  public record VersionView(
      long version,
      double time,
      String cause,
      float relativeError,
      long windows,
      int replacedAtoms) {}

  /**
   * The newest stretch of one sensor.
   *
   * @param sensor record key
   * @param dictionary that its newest code names; empty: none seen yet
   * @param channels of the sensor
   * @param times of the readings
   * @param signal [channels][times.length]
   * @param reconstruction same shape, NaN where no code was seen or decoded yet
   * @param anomalies that overlap this stretch, oldest first
   * @param scoreTimes end of each window
   * @param scores anomaly score of each window
   */
  public record SensorView(
      String sensor,
      String dictionary,
      int channels,
      double[] times,
      float[][] signal,
      float[][] reconstruction,
      List<AnomalyView> anomalies,
      double[] scoreTimes,
      float[] scores) {
    SensorView outline() {
      return new SensorView(
          sensor,
          dictionary,
          channels,
          new double[0],
          new float[0][],
          new float[0][],
          List.of(),
          new double[0],
          new float[0]);
    }
  }

  /** One anomaly of a sensor. */
  public record AnomalyView(
      String kind,
      double start,
      double end,
      double peak,
      int channel,
      float score,
      float threshold,
      String reaction) {}

  /** One refused record. */
  public record DeadLetterView(
      long time,
      String reason,
      String message,
      String topic,
      int partition,
      long offset,
      String key,
      long valueBytes) {}

  /**
   * The same moment for one viewer: figures of every pipeline, but history, dead letters, signal
   * and atoms only of what is looked at. A tenth of the bytes or less.
   *
   * @param pipelineName to look at; unknown: the first
   * @param sensorName to look at in it; unknown: the first
   */
  DashboardSnapshot focusedOn(String pipelineName, String sensorName) {
    PipelineView focus =
        pipelines.stream()
            .filter(pipeline -> pipeline.name().equals(pipelineName))
            .findFirst()
            .orElse(pipelines.isEmpty() ? null : pipelines.get(0));
    return new DashboardSnapshot(
        version,
        engine,
        startedAt,
        uptimeSeconds,
        kernels,
        pipelines.stream()
            .map(pipeline -> pipeline == focus ? focused(pipeline, sensorName) : outline(pipeline))
            .toList());
  }

  private static PipelineView outline(PipelineView pipeline) {
    return pipeline.withDetail(
        HistoryView.EMPTY,
        List.of(),
        List.of(),
        List.of(),
        pipeline.cache().map(CacheView::outline),
        pipeline.federated().map(FederatedView::outline));
  }

  private static PipelineView focused(PipelineView pipeline, String sensorName) {
    SensorView focus =
        pipeline.sensors().stream()
            .filter(sensor -> sensor.sensor().equals(sensorName))
            .findFirst()
            .orElse(pipeline.sensors().isEmpty() ? null : pipeline.sensors().get(0));
    return pipeline.withDetail(
        pipeline.history(),
        pipeline.dictionaries().stream()
            .map(
                dictionary ->
                    focus != null && dictionary.id().equals(focus.dictionary())
                        ? dictionary
                        : dictionary.outline())
            .toList(),
        pipeline.sensors().stream()
            .map(sensor -> sensor == focus ? sensor : sensor.outline())
            .toList(),
        pipeline.recentDeadLetters(),
        pipeline.cache(),
        pipeline.federated());
  }
}
