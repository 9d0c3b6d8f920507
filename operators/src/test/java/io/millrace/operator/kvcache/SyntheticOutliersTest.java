package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every codec on keys of which 2 % of the channels are ten times as large, as in large models:
 * methods with one step along channels lose what lies beside an outlier, the others do not.
 */
class SyntheticOutliersTest {
  private static final Exact HALVES = new Exact(TokenFormat.FLOAT16);

  /** A codec for a dump's layer, and by what its error on all other channels may grow. */
  private record Expected(String name, double least, double most, Of codec) {
    @Override
    public String toString() {
      return name;
    }
  }

  private interface Of {
    PageCodec of(KeyValueDump dump, int layer);
  }

  static Stream<Arguments> expected() {
    Stream<Expected> all =
        Stream.of(
            // a step for each channel: nothing happens
            new Expected("kivi-2", 0.98, 1.01, (dump, layer) -> new Kivi(2, 32)),
            new Expected("kivi-4", 0.98, 1.01, (dump, layer) -> new Kivi(4, 32)),
            new Expected("budget", 0.98, 1.01, (dump, layer) -> budget(dump)),
            new Expected("gear-2", 0.95, 1.15, (dump, layer) -> new Gear(2, 20, 2)),
            // a step shared with the outlier
            new Expected("rtn-2", 1.05, 2, (dump, layer) -> new RoundToNearest(2, 32)),
            new Expected("rtn-4", 2, 4, (dump, layer) -> new RoundToNearest(4, 32)),
            new Expected("bfp-4", 1.7, 4, (dump, layer) -> new BlockFloat(4)),
            // spread over the head
            new Expected("rotated-4", 1.25, 3, (dump, layer) -> new RotatedCodebook(4)),
            // outliers take a place, no more
            new Expected("mustafar-50", 1, 1.15, (dump, layer) -> new BitmapSparse(50, 16)),
            new Expected("mustafar-70-8", 1, 1.17, (dump, layer) -> new BitmapSparse(70, 8)),
            new Expected("think-50", 1, 1.1, SyntheticOutliersTest::pruned),
            // learned from such keys
            new Expected(
                "cskv-25",
                1,
                1.1,
                (dump, layer) -> new LowRankKeys(25, HALVES, basis(dump, layer))),
            new Expected(
                "dictionary-4",
                1,
                1.35,
                (dump, layer) ->
                    new DictionaryAtoms(
                        4,
                        DictionaryAtomsTest.learned(
                            dump, layer, PageKind.KEYS, 64, 4, dump.tokens()))),
            new Expected(
                "transform-2.2",
                1,
                1.25,
                (dump, layer) -> new LearnedTransform(basis(dump, layer), 220)));
    return all.flatMap(
        codec ->
            Stream.of("stories260K", "kjv-hd64", "minilm-l6")
                .map(model -> Arguments.of(codec, model)));
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("expected")
  void otherChannelsLoseWhatTheMethodSharesWithThem(Expected expected, String model) {
    KeyValueDump plain = DumpTools.dump(model);
    KeyValueDump outliers = DumpTools.withOutliers(plain);
    double before = otherChannels(plain, plain, layer -> expected.codec().of(plain, layer));
    double after = otherChannels(plain, outliers, layer -> expected.codec().of(outliers, layer));
    String all = before + ", with outliers " + after;
    assertTrue(after >= expected.least() * before, all);
    assertTrue(after <= expected.most() * before, all);
  }

  @ParameterizedTest
  @ValueSource(strings = {"stories260K", "kjv-hd64", "minilm-l6"})
  void kiviBeatsPlainRoundingByMoreThanWithout(String model) {
    KeyValueDump plain = DumpTools.dump(model);
    KeyValueDump outliers = DumpTools.withOutliers(plain);
    double without =
        otherChannels(plain, plain, layer -> new Kivi(4, 32))
            / otherChannels(plain, plain, layer -> new RoundToNearest(4, 32));
    double with =
        otherChannels(plain, outliers, layer -> new Kivi(4, 32))
            / otherChannels(plain, outliers, layer -> new RoundToNearest(4, 32));
    assertTrue(with < 0.5 * without, with + " against " + without);
  }

  /** On such keys GEAR halves KIVI's error of outputs, and learned components still win. */
  @ParameterizedTest
  @ValueSource(strings = {"stories260K", "kjv-hd64", "minilm-l6"})
  void outputsGainMoreFromOutlierSectionsAndFromLearnedComponents(String model) {
    KeyValueDump plain = DumpTools.dump(model);
    KeyValueDump outliers = DumpTools.withOutliers(plain);
    double gear = outputs(outliers, (dump, layer) -> new Gear(2, 20, 2));
    double kivi = outputs(outliers, (dump, layer) -> new Kivi(2, 32));
    double plainGear = outputs(plain, (dump, layer) -> new Gear(2, 20, 2));
    double plainKivi = outputs(plain, (dump, layer) -> new Kivi(2, 32));
    assertTrue(gear < 0.5 * kivi, gear + " against " + kivi);
    assertTrue(gear / kivi < plainGear / plainKivi, gear / kivi + ", " + plainGear / plainKivi);
    double learned =
        outputs(outliers, (dump, layer) -> new LearnedTransform(basis(dump, layer), 220));
    double fours = outputs(outliers, (dump, layer) -> new Kivi(4, 32));
    assertTrue(learned < 0.5 * fours, learned + " against " + fours);
  }

  private static double outputs(KeyValueDump dump, Of codec) {
    return PageMeasure.of(
            dump,
            PageMeasure.PAGE,
            (layer, kind) -> kind == PageKind.KEYS ? codec.of(dump, layer) : HALVES)
        .outputs();
  }

  /** Relative error of the keys' channels that are no outliers, as attention reads them. */
  private static double otherChannels(
      KeyValueDump plain, KeyValueDump dump, IntFunction<PageCodec> codecs) {
    PageShape shape = DumpTools.shape(dump, 32);
    double error = 0;
    double energy = 0;
    for (int layer = 0; layer < dump.layers(); layer++) {
      PageCodec codec = codecs.apply(layer);
      boolean turned = codec.codesBeforeRotary() && dump.turns();
      for (int first = 0; first + 32 <= dump.tokens(); first += 32) {
        float[] was = plain.span(PageKind.KEYS, layer, first, 32);
        float[] keys = dump.span(PageKind.KEYS, layer, first, 32);
        float[] coded =
            turned ? DumpTools.beforeRotary(dump, layer, PageKind.KEYS, first, 32) : keys;
        float[] got = DumpTools.through(codec, shape, PageKind.KEYS, coded);
        if (turned) {
          DumpTools.rotary(dump).turn(shape, got, first, false);
        }
        for (int i = 0; i < keys.length; i++) {
          if (keys[i] == was[i]) {
            error += Math.pow((double) keys[i] - got[i], 2);
            energy += (double) keys[i] * keys[i];
          }
        }
      }
    }
    return Math.sqrt(error / energy);
  }

  private static PageCodec budget(KeyValueDump dump) {
    float[] bits = DumpTools.constant(4f, dump.heads());
    return new BudgetedHeads(new HeadBudgetModel("b", 1, bits));
  }

  private static PageCodec pruned(KeyValueDump dump, int layer) {
    return new PrunedChannels(50, HALVES, DumpTools.queryMeanSquares(dump, layer));
  }

  private static TransformBasis basis(KeyValueDump dump, int layer) {
    PageShape shape = DumpTools.shape(dump, dump.tokens());
    SecondMoments moments = new SecondMoments(shape.channels());
    float[] keys = DumpTools.beforeRotary(dump, layer, PageKind.KEYS, 0, dump.tokens());
    moments.observe(keys, 0, dump.tokens(), new SecondMoments.Scratch());
    return TransformBasis.learn("b", 1, LearnedModels.vectors(shape), moments, shape.channels());
  }
}
