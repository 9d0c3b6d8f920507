package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.Models;
import io.millrace.schema.BasisVersion;
import io.millrace.schema.ElementFormat;
import io.millrace.schema.KeyValueSample;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Learned transforms on keys and values of real models. */
class RealBasisTest {
  /** First tokens of a dump, for learning; a multiple of a block. */
  private static final int LEARNED = 256;

  /**
   * At no more bits than KIVI's 3.0, with a basis that the operator learned from the dump's first
   * tokens and published, on the others: half of its error.
   */
  @ParameterizedTest
  @ValueSource(strings = {"stories260K", "kjv-hd64"})
  void errsAtMostHalfAsMuchAsKiviAtEqualBits(String model) {
    KeyValueDump dump = DumpTools.dump(model);
    KeyValueDump rest = dump.from(LEARNED);
    PageMeasure kivi = PageMeasure.of(rest, new Kivi(2, 32), new Kivi(2, 32));
    PageMeasure learned =
        PageMeasure.of(
            rest,
            PageMeasure.PAGE,
            (layer, kind) -> new LearnedTransform(published(dump, layer, kind), 250));
    assertTrue(learned.bits() <= kivi.bits(), learned + " against " + kivi);
    assertTrue(learned.outputs() <= 0.5 * kivi.outputs(), learned + " against " + kivi);
  }

  /** Of its tables' ideal code length, with step and states; tables and step of the dump's own. */
  @ParameterizedTest
  @CsvSource({
    "stories260K, 120", "stories260K, 220",
    "kjv-hd64, 120", "kjv-hd64, 220",
    "minilm-l6, 120", "minilm-l6, 220"
  })
  void costsAtMostTwoPercentMoreThanItsTablesAllow(String model, int hundredths) {
    KeyValueDump dump = DumpTools.dump(model);
    // as wide as a model's tokens are: pages of a few bytes would measure the coder's states alone
    PageShape shape =
        new PageShape(Math.max(64, 16_384 / dump.channels()), dump.heads(), dump.headDimension());
    for (PageKind kind : PageKind.values()) {
      for (int layer = 0; layer < dump.layers(); layer++) {
        LearnedTransform codec = new LearnedTransform(own(dump, layer, kind), hundredths);
        byte[] payload =
            codec.encode(shape, kind, DumpTools.beforeRotary(dump, layer, kind, 0, shape.tokens()));
        double ideal = idealBits(own(dump, layer, kind), shape.tokens(), payload);
        assertTrue(
            8.0 * payload.length <= 1.02 * ideal,
            model
                + " "
                + kind
                + " "
                + layer
                + ": "
                + payload.length
                + " bytes, ideal "
                + ideal / 8);
      }
    }
  }

  /** As many bits as its name says, on tokens that its basis has seen. */
  @ParameterizedTest
  @ValueSource(strings = {"stories260K", "kjv-hd64", "minilm-l6"})
  void costsWhatItsNameSays(String model) {
    KeyValueDump dump = DumpTools.dump(model);
    PageMeasure measured =
        PageMeasure.of(
            dump, 64, (layer, kind) -> new LearnedTransform(own(dump, layer, kind), 220));
    assertEquals(2.2, measured.bits(), 0.2, measured.toString());
  }

  /** -log2 of what each code's symbol has in its table, escaped bits and plain bits. */
  private static double idealBits(TransformBasis basis, int tokens, byte[] payload) {
    ByteBuffer in = ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
    ComponentTables tables = ComponentTables.of(basis.deviations(), in.getFloat());
    double bits = 0;
    for (int j = 0; j < tables.count(); j++) {
      PlainBits.get(in, new int[tokens], 0, tokens, tables.plainBits()[j]);
      bits += tokens * tables.plainBits()[j];
    }
    NumeralCoder.Reader reader = new NumeralCoder.Reader(in);
    for (int i = 0; i < tables.count() * tokens; i++) {
      GaussianTable table = tables.table(i / tokens);
      int symbol = table.symbol(reader.next(i, table));
      bits += Math.log((double) GaussianTable.TOTAL / table.count(symbol)) / Math.log(2);
      bits += symbol == table.escape() ? GaussianTable.ESCAPED_BITS : 0;
    }
    reader.end();
    return bits;
  }

  /** A basis of all of the dump's tokens. */
  private static TransformBasis own(KeyValueDump dump, int layer, PageKind kind) {
    SecondMoments moments = new SecondMoments(dump.channels());
    moments.observe(DumpTools.beforeRotary(dump, layer, kind, 0, dump.tokens()), 0, dump.tokens());
    return TransformBasis.learn(
        "b", 1, Samples.vectors(dump.heads(), dump.headDimension()), moments, 4);
  }

  /** What the operator publishes after the dump's first tokens. */
  private static TransformBasis published(KeyValueDump dump, int layer, PageKind kind) {
    BasisSettings defaults = BasisSettings.defaults();
    BasisLearning learning =
        new BasisLearning(
            new BasisSettings(
                new BasisSettings.Schedule(LEARNED, 0, 0, 0.05),
                defaults.referenceBits(),
                defaults.maximumBits(),
                defaults.budget(),
                defaults.dictionary(),
                defaults.maximumChannels()));
    BasisState state = learning.createState(Samples.BASIS);
    float[] tokens = DumpTools.beforeRotary(dump, layer, kind, 0, LEARNED);
    ByteBuffer elements =
        ByteBuffer.allocate(tokens.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    elements.asFloatBuffer().put(tokens);
    List<SpecificRecord> out = new ArrayList<>();
    learning.accept(
        state,
        new KeyValueSample(
            Samples.BASIS,
            dump.model(),
            "w",
            layer,
            kind == PageKind.KEYS ? TensorKind.KEYS : TensorKind.VALUES,
            0,
            dump.heads(),
            dump.headDimension(),
            Samples.vectors(1, 1).rotary(),
            ElementFormat.FLOAT32,
            LEARNED,
            0L,
            elements),
        0,
        Models.NONE,
        out::add);
    List<BasisVersion> slices =
        out.stream().filter(BasisVersion.class::isInstance).map(BasisVersion.class::cast).toList();
    BasisAssembly assembly = new BasisAssembly(slices.get(0));
    slices.forEach(assembly::add);
    return assembly.model().orElseThrow();
  }
}
