package io.millrace.runtime;

import io.millrace.operator.dictionary.BatchOrthogonalMatchingPursuit;
import io.millrace.operator.dictionary.DetectionSettings;
import io.millrace.operator.dictionary.DictionaryLearner;
import io.millrace.operator.dictionary.FrankWolfeDictionaryLearning;
import io.millrace.operator.dictionary.HardThreshold;
import io.millrace.operator.dictionary.LassoCoordinateDescent;
import io.millrace.operator.dictionary.OnlineDictionaryLearning;
import io.millrace.operator.dictionary.PageHinkley;
import io.millrace.operator.dictionary.RoundSettings;
import io.millrace.operator.dictionary.SensorDictionaryLearning;
import io.millrace.operator.dictionary.SensorDictionarySettings;
import io.millrace.operator.dictionary.SensorStateCodec;
import io.millrace.operator.dictionary.SharedDictionaryMerge;
import io.millrace.operator.dictionary.SharedDictionaryStateCodec;
import io.millrace.operator.dictionary.SparseCoder;
import io.millrace.operator.dictionary.WindowSettings;
import io.millrace.runtime.Pipeline.Purpose;
import io.millrace.runtime.Pipeline.TopicNeed;
import io.millrace.schema.DictionaryStatistics;
import io.millrace.schema.SensorReading;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** Reads the settings of online dictionary learning and plans its stages. */
final class DictionaryFamily {
  private static final String FAMILY = "dictionary";

  /** Dictionaries and statistics hold matrices of atoms x atoms: 256 MiB each at this bound. */
  private static final int MAXIMUM_ATOMS = 8192;

  private static final int MAXIMUM_DICTIONARY_VALUES = 1 << 26;

  private DictionaryFamily() {}

  static Pipeline pipeline(Settings settings, String name) {
    SensorDictionarySettings operator = operator(settings);
    Supplier<DictionaryLearner> learner = learner(settings, operator);
    Supplier<SparseCoder> coder = coder(settings.section("coder"));
    String input = settings.topic("input", name + ".readings");
    Map<String, String> outputs = outputs(settings.section("outputs"), name, operator);
    String deadLetters = settings.topic("dead-letters", name + ".dead-letters");
    List<Stage> stages = new ArrayList<>();
    boolean shared = !operator.sharedDictionary().isEmpty();
    String models = outputs.get(DictionaryOutput.DICTIONARIES);
    stages.add(
        new Stage(
            "sensors",
            () ->
                new OperatorSpec<>(
                    "sensor-dictionary",
                    new SensorDictionaryLearning(operator, coder.get(), learner.get()),
                    new AvroInput<>(SensorReading.class),
                    new SensorStateCodec(),
                    new DictionaryOutput()),
            input,
            outputs,
            shared
                ? Following.dictionary(models, operator.sharedDictionary())
                : Following.NOTHING));
    if (shared) {
      stages.add(
          new Stage(
              "merge",
              () ->
                  new OperatorSpec<>(
                      "shared-dictionary",
                      new SharedDictionaryMerge(operator, learner.get()),
                      new AvroInput<>(DictionaryStatistics.class),
                      new SharedDictionaryStateCodec(),
                      new DictionaryOutput()),
              outputs.get(DictionaryOutput.STATISTICS),
              Map.of(DictionaryOutput.DICTIONARIES, models),
              Following.NOTHING));
    }
    // constructed once here, so that impossible combinations stop the start
    try {
      stages.get(0).spec().get().operator().createState("check");
    } catch (IllegalArgumentException e) {
      throw settings.refuse("learner", e.getMessage(), "settings that fit each other");
    }
    List<TopicNeed> topics =
        FamilyTopics.of(settings, input, outputs, DictionaryFamily::purpose, deadLetters);
    return new Pipeline(name, FAMILY, List.copyOf(stages), deadLetters, topics);
  }

  private static SensorDictionarySettings operator(Settings settings) {
    int channels = settings.integer("channels", 1, 1, 4096);
    WindowSettings window = window(settings.section("window"), channels);
    int dimension = window.dimension();
    int fitting = Math.min(MAXIMUM_ATOMS, MAXIMUM_DICTIONARY_VALUES / dimension);
    int atoms = settings.integer("atoms", Math.min(2 * dimension, fitting), 1, fitting);
    return new SensorDictionarySettings(
        window,
        atoms,
        bound(settings, channels),
        rounds(settings.section("rounds")),
        detection(settings.section("detection")),
        sharedDictionary(settings));
  }

  private static WindowSettings window(Settings section, int channels) {
    int length =
        section.integer(
            "length",
            Math.max(2, Math.min(64, WindowSettings.MAXIMUM_DIMENSION / channels)),
            2,
            WindowSettings.MAXIMUM_DIMENSION / channels);
    return new WindowSettings(
        channels,
        length,
        section.integer("hop", length, 1, length),
        section.wholeNumber("interval-micros", 0, 0, Long.MAX_VALUE / 4),
        section.wholeNumber("maximum-gap-micros", 0, 0, Long.MAX_VALUE / 4),
        section.wholeNumber("idle-flush-millis", 0, 0, Long.MAX_VALUE / 4000));
  }

  private static RoundSettings rounds(Settings section) {
    int first = section.integer("first-windows", 32, 1, 1 << 20);
    return new RoundSettings(
        first,
        section.integer("maximum-windows", Math.max(first, 2048), first, 1 << 20),
        section.integer("batch-windows", Math.min(first, 32), 1, 4096));
  }

  private static DetectionSettings detection(Settings section) {
    int history = section.integer("history-windows", 512, 16, 65_536);
    return new DetectionSettings(
        section.number("quantile", 0.99, 0.5, 1),
        history,
        section.integer("warm-up-windows", Math.min(history, 64), 1, history),
        section.number("threshold", 1.5, 1, 1e6),
        new PageHinkley.Settings(
            section.number("drift-delta", 0.01, 0, 10),
            section.number("drift-level", 0.3, 1e-6, 1e6)));
  }

  /** Its name is a record key and part of others. */
  private static String sharedDictionary(Settings settings) {
    String name = settings.text("shared-dictionary", "");
    if (name.length() > 200 || name.indexOf('@') >= 0) {
      throw settings.refuse("shared-dictionary", '"' + name + '"', "at most 200 characters, no @");
    }
    return name;
  }

  /** One bound for all channels, or one each. */
  private static float[] bound(Settings settings, int channels) {
    float[] bound = settings.floats("error-bound", 1e-30, 1e30);
    if (bound.length == 1 && channels > 1) {
      float[] each = new float[channels];
      Arrays.fill(each, bound[0]);
      return each;
    }
    if (bound.length != 0 && bound.length != channels) {
      throw settings.refuse(
          "error-bound",
          bound.length + " numbers",
          "one for all channels or " + channels + ", one for each");
    }
    return bound;
  }

  private static Supplier<DictionaryLearner> learner(
      Settings settings, SensorDictionarySettings operator) {
    Settings section = settings.section("learner");
    String name =
        section.choice(
            "name",
            OnlineDictionaryLearning.NAME,
            OnlineDictionaryLearning.NAME,
            FrankWolfeDictionaryLearning.NAME);
    if (name.equals(FrankWolfeDictionaryLearning.NAME)) {
      if (!operator.sharedDictionary().isEmpty()) {
        throw section.refuse("name", name, "odl for a shared dictionary");
      }
      if (operator.atoms() != operator.window().dimension()) {
        throw settings.refuse(
            "atoms",
            Integer.toString(operator.atoms()),
            operator.window().dimension()
                + " for "
                + name
                + ", which learns as many atoms as a window has values");
      }
      FrankWolfeDictionaryLearning.Settings defaults =
          FrankWolfeDictionaryLearning.Settings.DEFAULT;
      var frankWolfe =
          new FrankWolfeDictionaryLearning.Settings(
              section.number("gradient-step", defaults.gradientStep(), 1e-3, 1e3),
              section.number("direction-step", defaults.directionStep(), 1e-3, 1e3),
              (float) section.number("clip", defaults.clip(), 1e-3, 1e30));
      return () -> new FrankWolfeDictionaryLearning(frankWolfe);
    }
    OnlineDictionaryLearning.Settings defaults = OnlineDictionaryLearning.Settings.DEFAULT;
    var online =
        new OnlineDictionaryLearning.Settings(
            section.number("forgetting-exponent", defaults.forgettingExponent(), 0, 100),
            section.number("memory-uses", defaults.memoryUses(), 1, 1e9),
            section.integer("sweeps", defaults.sweeps(), 1, 100),
            (float) section.number("clip", 4, 1e-3, 1e30));
    return () -> new OnlineDictionaryLearning(online);
  }

  private static Supplier<SparseCoder> coder(Settings section) {
    String name = section.choice("name", "omp", "omp", "lasso", "hard-threshold");
    return switch (name) {
      case "lasso" -> {
        var lasso =
            new LassoCoordinateDescent.Settings(
                (float) section.number("lambda", 0.1, 1e-9, 1e9),
                section.flag("relative", true),
                section.integer("maximum-sweeps", 200, 1, 100_000));
        yield () -> new LassoCoordinateDescent(lasso);
      }
      case "hard-threshold" -> {
        var threshold =
            new HardThreshold.Settings(
                section.integer("maximum-atoms", 8, 1, 4096),
                (float) section.number("threshold", 0, 0, 1e30),
                section.flag("refit", false));
        yield () -> new HardThreshold(threshold);
      }
      default -> {
        var pursuit =
            new BatchOrthogonalMatchingPursuit.Settings(
                section.integer("maximum-atoms", 8, 1, 4096),
                (float) section.number("relative-error", 0.05, 0, 0.999),
                (float) section.number("absolute-error", 0, 0, 1e30));
        yield () -> new BatchOrthogonalMatchingPursuit(pursuit);
      }
    };
  }

  private static Map<String, String> outputs(
      Settings section, String name, SensorDictionarySettings operator) {
    Map<String, String> outputs = new LinkedHashMap<>();
    for (String channel : new DictionaryOutput().channels()) {
      if (!channel.equals(DictionaryOutput.STATISTICS) || !operator.sharedDictionary().isEmpty()) {
        outputs.put(channel, section.topic(channel, name + "." + channel));
      }
    }
    return outputs;
  }

  private static Purpose purpose(String channel) {
    return switch (channel) {
      case DictionaryOutput.DICTIONARIES -> Purpose.MODEL;
      case DictionaryOutput.STATISTICS -> Purpose.INTERNAL;
      default -> Purpose.OUTPUT;
    };
  }
}
