package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LowRankKeysTest {
  private static final Exact HALVES = new Exact(TokenFormat.FLOAT16);

  /** Error energy of values is what the spectrum of the same tokens leaves out, within 2 %. */
  @ParameterizedTest
  @ValueSource(strings = {"stories260K", "kjv-hd64", "minilm-l6"})
  void leavesOutTheEnergyOfTheOtherComponents(String model) {
    KeyValueDump dump = DumpTools.dump(model);
    int tokens = dump.tokens() / 32 * 32;
    int c = dump.channels();
    PageShape shape = DumpTools.shape(dump, tokens);
    float[] values = dump.span(PageKind.VALUES, 1, 0, tokens);
    SecondMoments moments = new SecondMoments(c);
    moments.observe(values, 0, tokens, new SecondMoments.Scratch());
    double[] spectrum = SymmetricEigen.of(moments.covariance(), c).values();
    TransformBasis basis = TransformBasis.learn("b", 1, LearnedModels.vectors(shape), moments, c);
    for (int percent : new int[] {12, 25, 50}) {
      double left = 0;
      for (int j = c * percent / 100; j < c; j++) {
        left += spectrum[j] * tokens;
      }
      float[] restored =
          DumpTools.through(
              new LowRankKeys(percent, HALVES, basis), shape, PageKind.VALUES, values);
      double error = 0;
      for (int i = 0; i < values.length; i++) {
        error += Math.pow((double) values[i] - restored[i], 2);
      }
      assertEquals(left, error, 0.02 * left, percent + " %");
    }
  }

  @Test
  void ofAllComponentsRestoringThenTurningIsTurningThenRestoring() {
    KeyValueDump dump = DumpTools.dump("kjv-hd64");
    PageShape shape = DumpTools.shape(dump, 256);
    RotaryEmbedding rotary = DumpTools.rotary(dump);
    float[] before = DumpTools.beforeRotary(dump, 0, PageKind.KEYS, 0, 256);
    float[] restoredThenTurned =
        DumpTools.through(all(shape, before), shape, PageKind.KEYS, before);
    rotary.turn(shape, restoredThenTurned, 0, false);
    float[] turned = before.clone();
    rotary.turn(shape, turned, 0, false);
    float[] turnedThenRestored =
        DumpTools.through(all(shape, turned), shape, PageKind.KEYS, turned);
    assertTrue(DumpTools.error(restoredThenTurned, turnedThenRestored) < 1e-3);
    assertTrue(DumpTools.error(turned, restoredThenTurned) < 1e-3);
  }

  /** Outputs' errors at a quarter of the rank that the notes measured another way. */
  @ParameterizedTest(name = "{0}")
  @CsvSource({"stories260K, 0.096", "kjv-hd64, 0.0185"})
  void reproducesTheMeasuredTable(String model, double outputs) {
    KeyValueDump dump = DumpTools.dump(model);
    PageMeasure measured = quarter(dump, HALVES);
    assertEquals(4.0, measured.bits(), 1e-9);
    // learned from the dump itself, where the notes had other text
    assertTrue(measured.outputs() < 1.1 * outputs, measured.toString());
    assertTrue(measured.outputs() > 0.4 * outputs, measured.toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"stories260K", "kjv-hd64", "minilm-l6"})
  void fourBitCoefficientsLoseLittleAtAThirdOfTheBits(String model) {
    KeyValueDump dump = DumpTools.dump(model);
    PageMeasure halves = quarter(dump, HALVES);
    PageMeasure fours = quarter(dump, new Kivi(4, 32));
    assertTrue(fours.bits() <= 1.5, fours.toString());
    assertTrue(fours.outputs() < 1.5 * halves.outputs(), fours + " against " + halves);
  }

  @Test
  void isFoundOnceItsBasisIsKnown() {
    PageShape shape = new PageShape(32, 2, 16);
    TransformBasis basis = LearnedModels.basis(shape);
    assertEquals(Optional.empty(), PageCodecs.named("cskv-25", CodecContext.NONE));
    CodecContext known = LearnedModels.context(basis.id(), basis);
    for (String name : new String[] {"cskv-25", "cskv-25-kivi-4"}) {
      PageCodec codec = PageCodecs.named(name, known).orElseThrow();
      assertEquals(name, codec.name());
      assertEquals(basis, codec.model().orElseThrow());
      assertThrows(
          IllegalArgumentException.class,
          () -> PageCodecs.reading(codec.id(), codec.parameters(), Optional.empty()));
    }
  }

  @Test
  void refusesOtherChannelsAndBases() {
    PageShape shape = new PageShape(32, 2, 16);
    TransformBasis basis = LearnedModels.basis(shape);
    PageCodec codec = new LowRankKeys(25, HALVES, basis);
    assertThrows(
        IllegalArgumentException.class,
        () -> codec.encode(new PageShape(32, 1, 16), PageKind.KEYS, new float[512]));
    assertThrows(IllegalArgumentException.class, () -> new LowRankKeys(0, HALVES, basis));
    assertThrows(
        IllegalArgumentException.class, () -> new LowRankKeys(25, new BlockFloat(4), basis));
  }

  private static PageMeasure quarter(KeyValueDump dump, PageCodec base) {
    return PageMeasure.of(
        dump,
        PageMeasure.PAGE,
        (layer, kind) -> {
          PageShape shape = DumpTools.shape(dump, dump.tokens());
          float[] tokens = DumpTools.beforeRotary(dump, layer, kind, 0, dump.tokens());
          return new LowRankKeys(25, base, basis(shape, tokens));
        });
  }

  private static PageCodec all(PageShape shape, float[] tokens) {
    return new LowRankKeys(100, HALVES, basis(shape, tokens));
  }

  private static TransformBasis basis(PageShape shape, float[] tokens) {
    SecondMoments moments = new SecondMoments(shape.channels());
    moments.observe(tokens, 0, shape.tokens(), new SecondMoments.Scratch());
    return TransformBasis.learn("b", 1, LearnedModels.vectors(shape), moments, shape.channels());
  }
}
