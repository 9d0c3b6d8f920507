package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.Models;
import io.millrace.operator.dictionary.BatchOrthogonalMatchingPursuit;
import io.millrace.operator.dictionary.Dictionary;
import io.millrace.operator.dictionary.DictionaryModel;
import io.millrace.operator.dictionary.LearnerState;
import io.millrace.operator.dictionary.OnlineDictionaryLearning;
import io.millrace.operator.dictionary.SparseCodes;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DictionaryAtomsTest {
  private static final int ROUNDS = 30;

  @Test
  void costsWhatItsFormulaSays() {
    PageShape shape = new PageShape(32, 2, 64);
    // 129 atoms: 8 bits
    for (int s : new int[] {2, 4, 8}) {
      byte[] payload =
          new DictionaryAtoms(s, LearnedModels.dictionary(shape))
              .encode(shape, PageKind.KEYS, DumpTools.normal(1, shape.values()));
      assertEquals(
          (s * (8 + 8) + 8) / 64.0 + 16.0 / shape.values(), 8.0 * payload.length / shape.values());
    }
  }

  /** Residuals fall with every atom and are orthogonal to the chosen ones, on real keys. */
  @Test
  void residualsFallAndAreOrthogonalToTheChosenAtoms() {
    KeyValueDump dump = DumpTools.dump("kjv-hd64");
    float[] keys = DumpTools.beforeRotary(dump, 0, PageKind.KEYS, 0, 128);
    Dictionary dictionary = LearnedModels.dictionary(DumpTools.shape(dump, 32)).dictionary();
    double before = Double.MAX_VALUE;
    for (int s = 1; s <= 12; s++) {
      SparseCodes codes = code(dictionary, keys, s);
      double sum = 0;
      for (int v = 0; v < codes.count(); v++) {
        double[] residual = new double[64];
        for (int i = 0; i < 64; i++) {
          residual[i] = keys[v * 64 + i];
          for (int e = codes.start(v); e < codes.start(v + 1); e++) {
            int at = codes.atoms()[e] * 64 + i;
            residual[i] -= (double) codes.values()[e] * dictionary.atoms()[at];
          }
        }
        for (int e = codes.start(v); e < codes.start(v + 1); e++) {
          double along = 0;
          for (int i = 0; i < 64; i++) {
            along += residual[i] * dictionary.atoms()[codes.atoms()[e] * 64 + i];
          }
          assertEquals(0, along, 1e-4 * Math.sqrt(codes.energy(v)));
        }
        sum += Arrays.stream(residual).map(x -> x * x).sum();
      }
      assertTrue(sum < before, s + " atoms: " + sum + " after " + before);
      before = sum;
    }
  }

  /** Half of a mantissa of 3 bits is 3 % of a coefficient, and little beside what is left out. */
  @ParameterizedTest
  @ValueSource(strings = {"stories260K", "kjv-hd64", "minilm-l6"})
  void eightBitCoefficientsLoseLittle(String model) {
    KeyValueDump dump = DumpTools.dump(model);
    PageShape shape = DumpTools.shape(dump, 64);
    float[] values = dump.span(PageKind.VALUES, 0, 0, 64);
    DictionaryModel learned = learned(dump, 0, PageKind.VALUES, 64, 4, dump.tokens());
    double before = Double.MAX_VALUE;
    for (int s : new int[] {1, 2, 4}) {
      SparseCodes codes = code(learned.dictionary(), values, s);
      double left = 0;
      double energy = 0;
      for (int v = 0; v < codes.count(); v++) {
        left += codes.residualEnergy(v);
        energy += codes.energy(v);
      }
      double ideal = Math.sqrt(left / energy);
      double error =
          DumpTools.error(
              values,
              DumpTools.through(new DictionaryAtoms(s, learned), shape, PageKind.VALUES, values));
      assertTrue(error < Math.sqrt(ideal * ideal + 0.03 * 0.03), error + " against " + ideal);
      assertTrue(error < before, s + " atoms: " + error + " after " + before);
      before = error;
    }
  }

  /** Learned on the stream in rounds, within 10 % of alternating minimisation over all at once. */
  @ParameterizedTest(name = "{0} {1}")
  @CsvSource({
    "stories260K, KEYS, 64, 2",
    "stories260K, VALUES, 64, 2",
    "kjv-hd64, KEYS, 96, 4",
    "minilm-l6, VALUES, 128, 4"
  })
  void anOnlineDictionaryIsWithinTenPercentOfABatchOne(
      String model, PageKind kind, int atoms, int s) {
    KeyValueDump dump = DumpTools.dump(model);
    int d = dump.headDimension();
    int split = dump.tokens() * 3 / 4;
    float[] heldOut = DumpTools.beforeRotary(dump, 1, kind, split, dump.tokens() - split);
    float[] seen = DumpTools.beforeRotary(dump, 1, kind, 0, split);
    double online = relativeError(learned(dump, 1, kind, atoms, s, split).dictionary(), heldOut, s);
    double batch = relativeError(batch(seen, d, atoms, s), heldOut, s);
    assertTrue(online < 1.1 * batch, online + " against " + batch);
  }

  @Test
  void keysBeforeTheRotaryStepAreSparser() {
    KeyValueDump dump = DumpTools.dump("kjv-hd64");
    KeyValueDump rest = dump.from(dump.tokens() / 2);
    PageMeasure before = measured(dump, rest, 96, 4);
    PageMeasure after =
        PageMeasure.of(
            rest,
            PageMeasure.PAGE,
            (layer, kind) ->
                new AfterRotary(new DictionaryAtoms(4, turned(dump, layer, kind, 96, 4))));
    assertTrue(before.keys() < 0.65 * after.keys(), before + " against " + after);
  }

  /** About one bit against KIVI's three, from half a context of learning. */
  @Test
  void aBitIsWorthMoreThanThreeOfKivi() {
    KeyValueDump dump = DumpTools.dump("kjv-hd64");
    KeyValueDump rest = dump.from(dump.tokens() / 2);
    PageMeasure atoms = measured(dump, rest, 96, 4);
    PageMeasure kivi = PageMeasure.of(rest, new Kivi(2, 32), new Kivi(2, 32));
    assertTrue(atoms.bits() < 1.1 && kivi.bits() == 3, atoms + " against " + kivi);
    assertTrue(atoms.outputs() < kivi.outputs(), atoms + " against " + kivi);
  }

  @Test
  void isFoundOnceItsDictionaryIsKnown() {
    DictionaryModel model = LearnedModels.dictionary(new PageShape(32, 2, 16));
    assertEquals(Optional.empty(), PageCodecs.named("dictionary-4", CodecContext.NONE));
    PageCodec codec =
        PageCodecs.named("dictionary-4", LearnedModels.context("m/w/0/K/0", model)).orElseThrow();
    assertEquals("dictionary-4", codec.name());
    assertEquals(model, codec.model().orElseThrow());
    assertThrows(
        IllegalArgumentException.class,
        () -> PageCodecs.reading(codec.id(), codec.parameters(), Optional.empty()));
  }

  @Test
  void refusesDamagedCodes() {
    PageShape shape = new PageShape(32, 1, 8);
    PageCodec codec = new DictionaryAtoms(2, LearnedModels.dictionary(shape));
    byte[] payload = codec.encode(shape, PageKind.KEYS, DumpTools.normal(2, 256));
    // scale, 32 counts, 64 atoms of 17 in 5 bits, 64 coefficients
    assertEquals(2 + 32 + 40 + 64, payload.length);
    for (int[] change :
        new int[][] {{1, 0x7c}, {2, 3}, {2, 1}, {34, 0x1f}, {34, 0xff}, {74, 0x7f}}) {
      byte[] damaged = payload.clone();
      damaged[change[0]] = (byte) change[1];
      assertThrows(
          IllegalArgumentException.class,
          () -> DumpTools.open(codec, shape, PageKind.KEYS, damaged),
          "byte " + change[0]);
    }
    assertThrows(
        IllegalArgumentException.class,
        () -> codec.encode(new PageShape(32, 1, 16), PageKind.KEYS, new float[512]));
  }

  /** The same codec on keys after the rotary step. */
  private record AfterRotary(DictionaryAtoms codec) implements PageCodec {
    @Override
    public byte id() {
      return codec.id();
    }

    @Override
    public int parameters() {
      return codec.parameters();
    }

    @Override
    public String name() {
      return codec.name();
    }

    @Override
    public Optional<Models.Model> model() {
      return codec.model();
    }

    @Override
    public byte[] encode(PageShape shape, PageKind kind, float[] values) {
      return codec.encode(shape, kind, values);
    }

    @Override
    public Page open(PageShape shape, PageKind kind, ByteBuffer payload) {
      return codec.open(shape, kind, payload);
    }
  }

  private static PageMeasure measured(KeyValueDump dump, KeyValueDump rest, int atoms, int s) {
    int half = dump.tokens() / 2;
    return PageMeasure.of(
        rest,
        PageMeasure.PAGE,
        (layer, kind) -> new DictionaryAtoms(s, learned(dump, layer, kind, atoms, s, half)));
  }

  /** Learned online from the first tokens of a layer, keys before the rotary step. */
  static DictionaryModel learned(
      KeyValueDump dump, int layer, PageKind kind, int atoms, int s, int tokens) {
    return online(
        DumpTools.beforeRotary(dump, layer, kind, 0, tokens), dump.headDimension(), atoms, s);
  }

  private static DictionaryModel turned(
      KeyValueDump dump, int layer, PageKind kind, int atoms, int s) {
    return online(dump.span(kind, layer, 0, dump.tokens() / 2), dump.headDimension(), atoms, s);
  }

  /** In rounds of 8 N vectors, over and over, as a longer stream would go on. */
  private static DictionaryModel online(float[] vectors, int d, int atoms, int s) {
    OnlineDictionaryLearning learner =
        new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT);
    LearnerState state = learner.createState(first(vectors, atoms, d), atoms, d);
    int count = vectors.length / d;
    float[] round = new float[8 * atoms * d];
    for (int i = 0, next = 0; i < ROUNDS; i++) {
      for (int v = 0; v < 8 * atoms; v++, next = (next + 1) % count) {
        System.arraycopy(vectors, next * d, round, v * d, d);
      }
      learner.accumulate(state, round, 0, 8 * atoms, code(state.dictionary(), round, s));
      learner.endRound(state);
    }
    return new DictionaryModel("b/dictionary", 1, state.dictionary(), 1, d);
  }

  /** The method of optimal directions (Engan, 1999) in double: D = X Z' (Z Z')^-1, unit atoms. */
  private static Dictionary batch(float[] vectors, int d, int atoms, int s) {
    Dictionary dictionary = Dictionary.normalized(first(vectors, atoms, d), atoms, d);
    for (int iteration = 0; iteration < ROUNDS; iteration++) {
      SparseCodes codes = code(dictionary, vectors, s);
      DMatrixRMaj products = CommonOps_DDRM.identity(atoms);
      CommonOps_DDRM.scale(1e-6, products);
      DMatrixRMaj sums = new DMatrixRMaj(atoms, d);
      for (int v = 0; v < codes.count(); v++) {
        for (int e = codes.start(v); e < codes.start(v + 1); e++) {
          int atom = codes.atoms()[e];
          for (int f = codes.start(v); f < codes.start(v + 1); f++) {
            products.add(atom, codes.atoms()[f], (double) codes.values()[e] * codes.values()[f]);
          }
          for (int i = 0; i < d; i++) {
            sums.add(atom, i, (double) codes.values()[e] * vectors[v * d + i]);
          }
        }
      }
      DMatrixRMaj solved = new DMatrixRMaj(atoms, d);
      CommonOps_DDRM.solve(products, sums, solved);
      float[] next = new float[atoms * d];
      for (int i = 0; i < next.length; i++) {
        next[i] = (float) solved.get(i);
      }
      dictionary = Dictionary.normalized(next, atoms, d);
    }
    return dictionary;
  }

  /** Vectors evenly spread. */
  private static float[] first(float[] vectors, int atoms, int d) {
    float[] chosen = new float[atoms * d];
    int count = vectors.length / d;
    for (int j = 0; j < atoms; j++) {
      System.arraycopy(vectors, j * count / atoms * d, chosen, j * d, d);
    }
    return chosen;
  }

  private static double relativeError(Dictionary dictionary, float[] vectors, int s) {
    SparseCodes codes = code(dictionary, vectors, s);
    double left = 0;
    double energy = 0;
    for (int v = 0; v < codes.count(); v++) {
      left += codes.residualEnergy(v);
      energy += codes.energy(v);
    }
    return Math.sqrt(left / energy);
  }

  private static SparseCodes code(Dictionary dictionary, float[] vectors, int s) {
    SparseCodes codes = new SparseCodes();
    new BatchOrthogonalMatchingPursuit(BatchOrthogonalMatchingPursuit.Settings.atoms(s))
        .code(dictionary, vectors, 0, vectors.length / dictionary.dimension(), codes);
    return codes;
  }
}
