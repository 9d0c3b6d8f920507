package io.millrace.runtime;

import io.millrace.operator.kvcache.BasisLearning;
import io.millrace.operator.kvcache.BasisSettings;
import io.millrace.operator.kvcache.BasisStateCodec;
import io.millrace.operator.kvcache.CodecContext;
import io.millrace.operator.kvcache.KeyValueSettings;
import io.millrace.operator.kvcache.KeyValueStateCodec;
import io.millrace.operator.kvcache.KeyValueWindow;
import io.millrace.operator.kvcache.PageCodecs;
import io.millrace.runtime.Pipeline.Purpose;
import io.millrace.schema.KeyValueSample;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Reads the settings of sliding KV-cache compression and plans its stages. */
final class KeyValueFamily {
  private static final String FAMILY = "kv-cache";
  private static final String FINE = "transform-2.2";
  private static final String COARSE = "transform-1.2";

  /** Bound on times in seconds, some 290 years. */
  private static final long MAXIMUM_SECONDS = Long.MAX_VALUE / 1_000_000_000;

  private KeyValueFamily() {}

  static Pipeline pipeline(Settings settings, String name) {
    KeyValueSettings window = window(settings);
    BasisSettings learning = learning(settings.section("learning"));
    boolean learns = window.bases().sampleShare() > 0;
    String input = settings.topic("input", name + ".blocks");
    String deadLetters = settings.topic("dead-letters", name + ".dead-letters");
    Map<String, String> outputs = new LinkedHashMap<>();
    for (String channel : channels(learns)) {
      outputs.put(channel, settings.section("outputs").topic(channel, name + "." + channel));
    }
    int kept = settings.section("bases").integer("kept-versions", 8, 1, 1024);
    Map<String, String> results = new LinkedHashMap<>(outputs);
    String bases = results.remove(BasisOutput.BASES);
    List<Stage> stages = new ArrayList<>();
    stages.add(
        new Stage(
            "window",
            () ->
                new OperatorSpec<>(
                    "kv-cache",
                    new KeyValueWindow(window),
                    new KeyValueInput(),
                    new KeyValueStateCodec(),
                    new KeyValueOutput()),
            input,
            results,
            new Following(bases, Set.of(), kept)));
    if (learns) {
      stages.add(
          new Stage(
              "learning",
              () ->
                  new OperatorSpec<>(
                      "kv-basis",
                      new BasisLearning(learning),
                      new AvroInput<>(KeyValueSample.class),
                      new BasisStateCodec(),
                      new BasisOutput()),
              results.get(KeyValueOutput.SAMPLES),
              Map.of(BasisOutput.BASES, bases),
              Following.NOTHING));
    }
    return new Pipeline(
        name,
        FAMILY,
        List.copyOf(stages),
        deadLetters,
        FamilyTopics.of(settings, input, outputs, KeyValueFamily::purpose, deadLetters));
  }

  private static KeyValueSettings window(Settings settings) {
    Settings window = settings.section("window");
    Settings limits = settings.section("limits");
    Settings learning = settings.section("learning");
    var sizes =
        new KeyValueSettings.Window(
            window.integer("tokens", 128, 0, 65_535),
            window.integer("page-tokens", 64, 1, 4096),
            window.integer("sinks", 4, 0, 4096));
    var lifetime =
        new KeyValueSettings.Lifetime(
            millis(settings, "idle-timeout-seconds", 600),
            millis(settings, "retention-seconds", 86_400));
    var bases =
        new KeyValueSettings.Bases(
            settings.section("bases").flag("shared-between-tenants", false),
            learning.number("share", 0.05, 0, 1),
            learning.integer("maximum-sample-bytes", 256 * 1024, 1, 1 << 24));
    var bounds =
        new KeyValueSettings.Limits(
            limits.integer("channels", 4096, 1, 65_535),
            limits.integer("block-tokens", 4096, 1, 65_535));
    try {
      return new KeyValueSettings(sizes, tiers(settings), lifetime, bases, bounds);
    } catch (IllegalArgumentException e) {
      throw settings.refuse("window", e.getMessage(), "settings that fit each other");
    }
  }

  private static KeyValueSettings.Tiers tiers(Settings settings) {
    Settings coarse = settings.section("coarse");
    Settings summary = settings.section("summary");
    long coarseAfter = millis(coarse, "after-seconds", 0);
    var fine =
        new KeyValueSettings.Tier(
            codec(settings.section("keys"), "codec", FINE),
            codec(settings.section("values"), "codec", FINE),
            0,
            settings.number("error-bound", 0, 0, 1e6));
    String both = codec(coarse, "codec", COARSE);
    var later =
        new KeyValueSettings.Tier(
            codec(coarse, "keys", both),
            codec(coarse, "values", both),
            coarseAfter,
            coarse.number("error-bound", 0, 0, 1e6));
    var last =
        new KeyValueSettings.Summary(
            summary.integer("features", 256, 1, 4096),
            millis(summary, "after-seconds", 0),
            summary.wholeNumber("seed", 1, Long.MIN_VALUE, Long.MAX_VALUE));
    if (last.afterMillis() > 0 && last.afterMillis() <= coarseAfter) {
      throw summary.refuse(
          "after-seconds",
          Long.toString(last.afterMillis() / 1000),
          "more than coarse.after-seconds, " + coarseAfter / 1000);
    }
    return new KeyValueSettings.Tiers(
        fine, later, last, settings.section("labels").number("share", 0, 0, 1));
  }

  private static BasisSettings learning(Settings section) {
    BasisSettings defaults = BasisSettings.defaults();
    Settings budget = section.section("budget");
    Settings dictionary = section.section("dictionary");
    return new BasisSettings(
        new BasisSettings.Schedule(
            section.wholeNumber("minimum-tokens", 0, 0, 1L << 40),
            section.wholeNumber("interval-tokens", 0, 0, 1L << 40),
            section.wholeNumber("half-life-tokens", 0, 0, 1L << 40),
            section.number("gain-bits", defaults.schedule().gainBits(), 1e-6, 8)),
        section.number("reference-bits", defaults.referenceBits(), 0.5, 8),
        section.number("maximum-bits", defaults.maximumBits(), 0.5, 8),
        new BasisSettings.Budget(
            budget.number("bits", defaults.budget().totalBits(), 1, 8),
            budget.choice("by", "water", "water", "entropy").equals("entropy")),
        new BasisSettings.HeadDictionary(
            dictionary.integer("atoms", 0, 0, 4096),
            dictionary.integer("coefficients", defaults.dictionary().coefficients(), 1, 64),
            dictionary.integer("vectors", defaults.dictionary().vectors(), 1, 65_536)),
        section.integer("maximum-channels", defaults.maximumChannels(), 1, 4096));
  }

  private static String codec(Settings section, String key, String fallback) {
    String name = section.text(key, fallback);
    try {
      PageCodecs.named(name, CodecContext.NONE);
    } catch (IllegalArgumentException e) {
      throw section.refuse(
          key,
          name,
          "one of "
              + String.join(", ", PageCodecs.names())
              + ", or transform-BITS with 0.5 to 8 bits and at most two decimals");
    }
    return name;
  }

  private static long millis(Settings section, String key, long fallback) {
    return 1000 * section.wholeNumber(key, fallback, 0, MAXIMUM_SECONDS);
  }

  private static List<String> channels(boolean learns) {
    return learns
        ? List.of(KeyValueOutput.PAGES, KeyValueOutput.SAMPLES, BasisOutput.BASES)
        : List.of(KeyValueOutput.PAGES, BasisOutput.BASES);
  }

  private static Purpose purpose(String channel) {
    return channel.equals(KeyValueOutput.SAMPLES) ? Purpose.INTERNAL : Purpose.MODEL;
  }
}
