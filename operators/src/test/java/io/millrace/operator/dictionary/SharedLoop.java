package io.millrace.operator.dictionary;

import io.millrace.schema.DictionaryStatistics;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * Workers and the merge stage of one shared dictionary without an engine between them: statistics
 * go to the merge stage as bytes, versions come back to every worker, at once.
 */
final class SharedLoop {
  static final String NAME = "shared";

  private final List<SensorDictionaryLearning> operators = new ArrayList<>();
  private final SharedDictionaryMerge merge;
  final List<SensorState> workers = new ArrayList<>();
  final SharedDictionaryState merged;
  final MemoryModels models = new MemoryModels();
  final List<DictionaryStatistics> sent = new ArrayList<>();
  final List<DictionaryVersion> published = new ArrayList<>();

  SharedLoop(
      SensorDictionarySettings workerSettings,
      SensorDictionarySettings mergeSettings,
      Supplier<SparseCoder> coder,
      Supplier<DictionaryLearner> learner,
      int workerCount) {
    for (int worker = 0; worker < workerCount; worker++) {
      SensorDictionaryLearning operator =
          new SensorDictionaryLearning(workerSettings, coder.get(), learner.get());
      operators.add(operator);
      workers.add(operator.createState("sensor-" + worker));
    }
    merge = new SharedDictionaryMerge(mergeSettings, learner.get());
    merged = merge.createState(NAME);
  }

  /** Hands a reading to a worker and what it sends to the merge stage; returns what it emits. */
  Outputs accept(int worker, SensorReading reading) {
    Outputs outputs = new Outputs();
    operators.get(worker).accept(workers.get(worker), reading, 0, models, outputs);
    for (DictionaryStatistics slice : outputs.statistics) {
      merge(SingleObject.of(DictionaryStatistics.class).decode(Outputs.bytes(slice)));
    }
    return outputs;
  }

  private void merge(DictionaryStatistics slice) {
    sent.add(slice);
    Outputs outputs = new Outputs();
    merge.accept(merged, slice, 0, models, outputs);
    published.addAll(outputs.versions);
    outputs.versions.forEach(models::add);
  }
}
