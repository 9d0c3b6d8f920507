package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.Models;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The operator as a whole against KIVI with 2 bits and groups of 32 (3.0 bits a value), on tensors
 * of three models: window 64, one sink. Bits count frames and sinks; bases are apart. What is
 * learned is learned from other tokens, see {@link CalibrationMoments}.
 */
class WholeCacheTest {

  @ParameterizedTest
  @ValueSource(strings = {"stories260K", "kjv-hd64", "minilm-l6"})
  void atThreeBitsAttentionErrsLessThanWithKivi(String model) {
    KeyValueDump dump = CalibrationMoments.measured(DumpTools.dump(model));
    WholeCache kivi = kivi(dump);
    WholeCache learned = learned(model, "transform-2.2", 64);
    assertTrue(learned.bits() <= 3.0, learned.toString());
    assertTrue(learned.outputs() < 0.7 * kivi.outputs(), learned + " against " + kivi);
  }

  @ParameterizedTest
  @CsvSource({"stories260K, transform-0.8", "kjv-hd64, transform-1.1", "minilm-l6, transform-1.1"})
  void atOnePointThreeBitsItErrsNoMore(String model, String codec) {
    KeyValueDump dump = CalibrationMoments.measured(DumpTools.dump(model));
    WholeCache kivi = kivi(dump);
    WholeCache learned = learned(model, codec, 64);
    assertTrue(learned.bits() <= 1.3, learned.toString());
    assertTrue(learned.outputs() <= kivi.outputs(), learned + " against " + kivi);
  }

  /** The token that a model rests on is unlike all others, and no basis of others fits it. */
  @ParameterizedTest
  @ValueSource(strings = "minilm-l6")
  void withoutItsSinkALearnedBasisErrsMoreThanTwiceAsMuch(String model) {
    KeyValueDump dump = DumpTools.dump(model);
    Models models = CalibrationMoments.models(dump, (l, k) -> WholeCache.basis(dump, l, k));
    WholeCache with = WholeCache.of(dump, settings("transform-1.2", 32, 1), models);
    WholeCache without = WholeCache.of(dump, settings("transform-1.2", 32, 0), models);
    assertTrue(without.outputs() > 2 * with.outputs(), without + " against " + with);
  }

  /** KIVI with the same window, sink and pages. */
  private static WholeCache kivi(KeyValueDump dump) {
    return WholeCache.of(dump, settings("kivi-2", 64, 1), Models.NONE);
  }

  private static WholeCache learned(String model, String codec, int page) {
    KeyValueDump dump = DumpTools.dump(model);
    Models models = CalibrationMoments.models(dump, (l, k) -> WholeCache.basis(dump, l, k));
    return WholeCache.of(CalibrationMoments.measured(dump), settings(codec, page, 1), models);
  }

  private static KeyValueSettings settings(String codec, int page, int sinks) {
    KeyValueSettings settings =
        new KeyValueTestSettings()
            .window(PageMeasure.WINDOW, page, sinks)
            .fine(codec, codec, 0)
            .coarse(codec, 0, 0)
            .samples(0, 256, true)
            .build();
    return new KeyValueSettings(
        settings.window(),
        settings.tiers(),
        settings.lifetime(),
        settings.bases(),
        new KeyValueSettings.Limits(384, 1024));
  }
}
