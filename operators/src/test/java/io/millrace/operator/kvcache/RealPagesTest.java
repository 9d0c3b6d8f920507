package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

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
