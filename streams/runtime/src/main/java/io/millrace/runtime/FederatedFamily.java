package io.millrace.runtime;

import io.millrace.operator.federated.ChunkAggregation;
import io.millrace.operator.federated.ChunkStateCodec;
import io.millrace.operator.federated.ControlStateCodec;
import io.millrace.operator.federated.FederatedSettings;
import io.millrace.operator.federated.RoundControl;
import io.millrace.runtime.Pipeline.Purpose;
import io.millrace.runtime.Pipeline.TopicNeed;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the settings of federated models and plans their two stages, which feed each other: what
 * the chunks report lies on the topic that control reads, what control commands on the topic that
 * the chunks read.
 */
final class FederatedFamily {
  static final String OPERATOR = "federated";
  static final String CHUNKS = "federated-chunks";
  static final String ROUNDS = "federated-control";
  static final String UPDATES = "updates";
  static final String CONTROL = "control";

  private static final List<String> RESULTS =
      List.of(
          FederatedOutputCodec.MODELS,
          FederatedOutputCodec.MEMORIES,
          FederatedOutputCodec.TASKS,
          FederatedOutputCodec.VERSIONS,
          FederatedOutputCodec.ACCOUNTS,
          FederatedOutputCodec.ROUNDS);

  private FederatedFamily() {}

  static Pipeline pipeline(Settings settings, String name) {
    return read(settings, name).pipeline();
  }

  /** The plan, and the settings behind it. */
  static FederatedPipeline read(Settings settings, String name) {
    FederatedSettings federated = FederatedSections.read(settings);
    MasterKey key =
        new MasterKey(settings.place("master-key-file"), settings.requiredText("master-key-file"));
    String updates = settings.topic(UPDATES, name + '.' + UPDATES);
    String control = settings.topic(CONTROL, name + '.' + CONTROL);
    String deadLetters = settings.topic("dead-letters", name + ".dead-letters");
    Map<String, String> results = new LinkedHashMap<>();
    for (String channel : RESULTS) {
      results.put(channel, settings.section("outputs").topic(channel, name + '.' + channel));
    }
    List<TopicNeed> inputs =
        List.of(
            new TopicNeed(updates, UPDATES, Purpose.INPUT, Partitioning.BY_CHUNK),
            new TopicNeed(control, CONTROL, Purpose.INPUT, Partitioning.BY_KEY));
    List<TopicNeed> topics =
        FamilyTopics.of(settings, inputs, results, FederatedFamily::purpose, deadLetters);
    List<Stage> stages =
        List.of(
            aggregation(federated, key, updates, control, results),
            control(federated, key, updates, control, results));
    return new FederatedPipeline(
        new Pipeline(name, OPERATOR, stages, deadLetters, topics),
        federated,
        settings.section("ticks").wholeNumber("interval-millis", 1000, 0, 3_600_000),
        key);
  }

  private static Stage aggregation(
      FederatedSettings federated,
      MasterKey key,
      String updates,
      String control,
      Map<String, String> results) {
    return new Stage(
        FederatedPipeline.AGGREGATION,
        () ->
            new OperatorSpec<>(
                CHUNKS,
                new ChunkAggregation(federated, key.authority()),
                new FederatedInputCodec(),
                new ChunkStateCodec(),
                new FederatedOutputCodec()),
        updates,
        Map.of(
            FederatedOutputCodec.MODELS, results.get(FederatedOutputCodec.MODELS),
            FederatedOutputCodec.MEMORIES, results.get(FederatedOutputCodec.MEMORIES),
            FederatedOutputCodec.REPORTS, control),
        Following.NOTHING);
  }

  private static Stage control(
      FederatedSettings federated,
      MasterKey key,
      String updates,
      String control,
      Map<String, String> results) {
    return new Stage(
        FederatedPipeline.CONTROL,
        () ->
            new OperatorSpec<>(
                ROUNDS,
                new RoundControl(federated, key.authority()),
                new FederatedInputCodec(),
                new ControlStateCodec(),
                new FederatedOutputCodec()),
        control,
        Map.of(
            FederatedOutputCodec.COMMANDS, updates,
            FederatedOutputCodec.TASKS, results.get(FederatedOutputCodec.TASKS),
            FederatedOutputCodec.VERSIONS, results.get(FederatedOutputCodec.VERSIONS),
            FederatedOutputCodec.ACCOUNTS, results.get(FederatedOutputCodec.ACCOUNTS),
            FederatedOutputCodec.ROUNDS, results.get(FederatedOutputCodec.ROUNDS)),
        Following.NOTHING);
  }

  private static Purpose purpose(String channel) {
    return channel.equals(FederatedOutputCodec.ROUNDS) ? Purpose.OUTPUT : Purpose.MODEL;
  }
}
