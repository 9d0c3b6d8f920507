package io.millrace.runtime;

import io.millrace.operator.StateCodec;
import io.millrace.operator.dictionary.SensorStateCodec;
import io.millrace.operator.dictionary.SharedDictionaryStateCodec;
import io.millrace.operator.federated.ChunkStateCodec;
import io.millrace.operator.federated.ControlStateCodec;
import io.millrace.operator.federated.MixingStateCodec;
import io.millrace.operator.kvcache.BasisStateCodec;
import io.millrace.operator.kvcache.KeyValueStateCodec;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;

/**
 * The table of contents: every operator, learner and coder by its name. A new algorithm is one line
 * here or in its family's file.
 */
public final class Catalog {
  /** Reads a pipeline's settings. */
  interface Family {
    Pipeline pipeline(Settings settings, String name);
  }

  private static final Map<String, Family> OPERATORS =
      new TreeMap<>(
          Map.of(
              "sensor-dictionary",
              DictionaryFamily::pipeline,
              "kv-cache",
              KeyValueFamily::pipeline,
              FederatedFamily.OPERATOR,
              FederatedFamily::pipeline,
              MixingFamily.OPERATOR,
              MixingFamily::pipeline));

  private static final Map<String, Supplier<StateCodec<?>>> STATE_CODECS =
      new TreeMap<>(
          Map.of(
              "sensor-dictionary",
              SensorStateCodec::new,
              "shared-dictionary",
              SharedDictionaryStateCodec::new,
              "kv-cache",
              KeyValueStateCodec::new,
              "kv-basis",
              BasisStateCodec::new,
              FederatedFamily.CHUNKS,
              ChunkStateCodec::new,
              FederatedFamily.ROUNDS,
              ControlStateCodec::new,
              MixingFamily.OPERATOR,
              MixingStateCodec::new));

  private Catalog() {}

  /**
   * The plan of a pipeline.
   *
   * @param settings its section; the caller finishes it
   * @param name unique within a deployment
   * @throws ConfigurationException for an unknown operator or impossible settings
   */
  public static Pipeline pipeline(Settings settings, String name) {
    String operator =
        settings.choice("operator", "sensor-dictionary", OPERATORS.keySet().toArray(String[]::new));
    return OPERATORS.get(operator).pipeline(settings, name);
  }

  /**
   * The codec of a state, from its operator's name alone.
   *
   * @throws IllegalArgumentException for an unknown name
   */
  public static StateCodec<?> stateCodec(String operator) {
    Supplier<StateCodec<?>> codec = STATE_CODECS.get(operator);
    if (codec == null) {
      throw new IllegalArgumentException(
          "operator is " + operator + ", expected one of " + STATE_CODECS.keySet());
    }
    return codec.get();
  }
}
