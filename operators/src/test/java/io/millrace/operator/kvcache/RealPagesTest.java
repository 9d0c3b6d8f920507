package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.operator.Models;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Codecs on keys and values of real models: the shape of the published and measured tables. */
class RealPagesTest {

  @ParameterizedTest
  @ValueSource(strings = {"stories260K", "kjv-hd64", "minilm-l6"})
  void keysWantStepsPerChannel(String model) {
    KeyValueDump dump = dump(model);
    PageMeasure kivi = PageMeasure.of(dump, new Kivi(2, 32), new Kivi(2, 32));
    PageMeasure plain = PageMeasure.of(dump, new RoundToNearest(3, 32), new RoundToNearest(3, 32));
    // KIVI at 3.0 bits against plain rounding at 3.7: its keys are still the better ones on
    // stories,
    // and nowhere worse by more than the bit that they lack
    assertTrue(kivi.bits() < plain.bits(), kivi + " against " + plain);
    assertTrue(kivi.keys() < 1.5 * plain.keys(), kivi + " against " + plain);
  }

  /** Relative errors of attention outputs, measured for the research notes another way, +- 30 %. */
  @ParameterizedTest(name = "{0} {1}")
  @CsvSource({
    "stories260K, 2, 0.145",
    "stories260K, 4, 0.013",
    "kjv-hd64, 2, 0.081",
    "kjv-hd64, 4, 0.0126",
    "minilm-l6, 2, 0.145",
    "minilm-l6, 4, 0.026"
  })
  void kiviReproducesTheMeasuredTable(String model, int bits, double outputs) {
    KeyValueDump dump = dump(model);
    PageMeasure measured = PageMeasure.of(dump, new Kivi(bits, 32), new Kivi(bits, 32));
    assertTrue(Math.abs(measured.bits() - (bits + 1)) < 1e-9, measured.toString());
    assertTrue(measured.outputs() < 1.3 * outputs, measured.toString());
    assertTrue(measured.outputs() > 0.7 * outputs, measured.toString());
  }

  @ParameterizedTest(name = "{0} {1}")
  @CsvSource({
    "kjv-hd64, 4, 0.0155",
    "kjv-hd64, 3, 0.030",
    "kjv-hd64, 2, 0.057",
    "minilm-l6, 4, 0.035",
    "minilm-l6, 2, 0.143"
  })
  void rotationReproducesTheMeasuredTable(String model, int bits, double outputs) {
    KeyValueDump dump = dump(model);
    PageCodec codec = new RotatedCodebook(bits);
    PageMeasure measured = PageMeasure.of(dump, codec, codec);
    assertTrue(measured.outputs() < 1.3 * outputs, measured.toString());
    assertTrue(measured.outputs() > 0.7 * outputs, measured.toString());
  }

  /**
   * Relative errors of attention outputs by codecs' names, within 40 % of what another program
   * measured for the research notes; MiniLM there had more layers and tokens.
   */
  @ParameterizedTest(name = "{0} {1}")
  @CsvSource({
    "stories260K, rtn-8, 0.003",
    "stories260K, rtn-4, 0.079",
    "stories260K, kivi-3, 0.031",
    "stories260K, rotated-4, 0.035",
    "stories260K, rotated-3, 0.124",
    "stories260K, gear-2, 0.047",
    "stories260K, mustafar-50, 0.127",
    "stories260K, mustafar-70, 0.178",
    "stories260K, think-50, 0.043",
    "stories260K, transform-2.2, 0.026",
    "stories260K, transform-1.2, 0.055",
    "kjv-hd64, rtn-8, 0.0009",
    "kjv-hd64, rtn-4, 0.0155",
    "kjv-hd64, kivi-3, 0.028",
    "kjv-hd64, bfp-4, 0.022",
    "kjv-hd64, bfp-3, 0.048",
    "kjv-hd64, gear-2, 0.053",
    "kjv-hd64, mustafar-50, 0.048",
    "kjv-hd64, mustafar-70, 0.093",
    "kjv-hd64, think-50, 0.078",
    "kjv-hd64, cskv-25, 0.0185",
    "kjv-hd64, transform-2.2, 0.0041",
    "kjv-hd64, transform-1.2, 0.013",
    "minilm-l6, rtn-8, 0.002",
    "minilm-l6, rtn-4, 0.034",
    "minilm-l6, kivi-3, 0.059",
    "minilm-l6, rotated-3, 0.071",
    "minilm-l6, bfp-4, 0.051",
    "minilm-l6, bfp-3, 0.104",
    "minilm-l6, gear-2, 0.102",
    "minilm-l6, mustafar-50, 0.124",
    "minilm-l6, mustafar-70, 0.218",
    "minilm-l6, think-50, 0.196"
  })
  void everyCodecReproducesItsRowOfTheTable(String model, String codec, double outputs) {
    KeyValueDump whole = dump(model);
    boolean learned = codec.startsWith("transform") || codec.startsWith("cskv");
    KeyValueDump dump = learned ? CalibrationMoments.measured(whole) : whole;
    Models models = learned ? CalibrationMoments.models(whole, RealPagesTest::basis) : Models.NONE;
    PageMeasure measured =
        PageMeasure.of(
            dump,
            PageMeasure.PAGE,
            (layer, kind) ->
                PageCodecs.named(
                        codec,
                        new CodecContext(
                            models, basis(layer, kind), DumpTools.queryMeanSquares(dump, layer)))
                    .orElseThrow());
    assertTrue(measured.outputs() < 1.4 * outputs, measured.toString());
    assertTrue(measured.outputs() > 0.6 * outputs, measured.toString());
  }

  private static String basis(int layer, PageKind kind) {
    return layer + "/" + kind;
  }

  private static KeyValueDump dump(String model) {
    Optional<KeyValueDump> dump = KeyValueDump.of(model);
    assumeTrue(
        dump.isPresent(),
        "the dump of "
            + model
            + " is not at "
            + KeyValueDump.folder().toAbsolutePath()
            + " (-Dmillrace.shared=FOLDER)");
    return dump.get();
  }
}
