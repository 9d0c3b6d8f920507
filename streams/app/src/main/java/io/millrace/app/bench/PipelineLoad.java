package io.millrace.app.bench;

/**
 * What a pipeline benchmark feeds, and the pipeline that it feeds.
 *
 * @param pipeline name of the pipeline, part of its consumer group
 * @param record what one input record is, in the plural, for units
 * @param yaml the pipeline's own settings: lines of a deployment file, indented by four
 * @param filler writes the input
 */
record PipelineLoad(String pipeline, String record, String yaml, Filler filler) {
  /** Readings of sensors, and a dictionary for each. */
  static final PipelineLoad SENSORS =
      new PipelineLoad(
          "sensors",
          "readings",
          """
              window: {length: 64}
              atoms: 128
              coder: {maximum-atoms: 5, relative-error: 0}
          """,
          SinusoidReadings::fill);

  /** Blocks of 64 tokens of 1024 channels: one comes, one page leaves. */
  static final PipelineLoad CACHE =
      new PipelineLoad(
          "cache",
          "pages",
          """
              operator: kv-cache
              window: {tokens: 128, page-tokens: 64, sinks: 4}
              keys: {codec: kivi-4}
              values: {codec: kivi-4}
              learning: {share: 0}
          """,
          CacheBlocks::fill);

  /** Writes input. */
  interface Filler {
    /**
     * @param topic of one partition
     * @param records to write
     */
    void fill(String servers, String topic, int records);
  }
}
