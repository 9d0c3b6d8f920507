package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.Models;
import io.millrace.operator.dictionary.DictionaryAssembly;
import io.millrace.operator.dictionary.DictionaryModel;
import io.millrace.operator.kvcache.BasisSettings.Budget;
import io.millrace.operator.kvcache.BasisSettings.HeadDictionary;
import io.millrace.operator.kvcache.BasisSettings.Schedule;
import io.millrace.operator.kvcache.TransformBasis.Vectors;
import io.millrace.schema.BasisCause;
import io.millrace.schema.BasisVersion;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.HeadBudget;
import io.millrace.schema.KeyValueSample;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BasisLearningTest {
  private static final int HEADS = 4;
  private static final int HEAD_DIMENSION = 8;
  private static final int CHANNELS = HEADS * HEAD_DIMENSION;
  private static final PageShape PAGE = new PageShape(64, HEADS, HEAD_DIMENSION);

  @Test
  void publishesTheFirstVersionAfterEnoughTokensAndNoneBefore() {
    Run run = new Run(schedule(512, 256, 0, 8));
    run.learn(Samples.tokens(0, 1, 511, CHANNELS, 2));
    assertTrue(run.outputs.isEmpty());
    run.learn(Samples.tokens(0, 2, 1, CHANNELS, 2));
    TransformBasis basis = run.bases().get(1L);
    assertEquals(Samples.BASIS, basis.id());
    assertEquals(BasisCause.FIRST, run.slices(1).get(0).getCause());
    assertEquals(1_700_000_000_000_000L, run.slices(1).get(0).getTimeMicros(), 20.0);
    assertEquals(1, run.budgets().size());
  }

  @Test
  void keepsItsVersionWhileTheStreamStaysTheSame() {
    Run run = new Run(BasisSettings.defaults());
    for (int block = 0; block < 60; block++) {
      run.learn(Samples.tokens(0, block, 256, CHANNELS, 2));
    }
    // 10 tokens a channel are few: one better estimate may follow the first
    assertTrue(run.bases().size() <= 2, run.bases().toString());
  }

  /**
   * After another topic came, pages cost within 5 % of what the topic's own basis would take, and
   * pages of old versions restore as they did.
   */
  @Test
  void followsAnotherTopicWithinSomePagesAndOldPagesStillDecode() {
    Run run = new Run(schedule(320, 320, 640, 0.05));
    for (int block = 0; block < 10; block++) {
      run.learn(Samples.tokens(0, block, 256, CHANNELS, 2));
    }
    TransformBasis before = run.newest();
    float[] oldPage = Samples.tokens(0, 99, PAGE.tokens(), CHANNELS, 2);
    byte[] oldPayload = new LearnedTransform(before, 120).encode(PAGE, PageKind.KEYS, oldPage);
    float[] oldRestored = restored(before, oldPayload);

    // the cost at equal error: the step is the same
    float step = before.tables(2).step();
    double stale = bits(before, step, 7);
    int pages = 0;
    double now = stale;
    double matched = bits(matched(7), step, 7);
    assertTrue(stale > 1.25 * matched, stale + " against " + matched);
    while (now > 1.05 * matched) {
      run.learn(Samples.tokens(7, 1000 + pages, PAGE.tokens(), CHANNELS, 2));
      now = bits(run.newest(), step, 7);
      assertTrue(++pages <= 50, now + " against " + matched + " after " + pages + " pages");
    }
    assertNotEquals(before.version(), run.newest().version());
    BasisVersion slice = run.slices(run.newest().version()).get(0);
    assertEquals(BasisCause.GAIN, slice.getCause());
    assertTrue(slice.getCodingGainBits() > 0.05, slice.getCodingGainBits() + "");
    for (int topic = 1; run.newest().version() < before.version() + 3; topic++) {
      for (int block = 0; block < 4; block++) {
        run.learn(Samples.tokens(topic, 2000 + topic, 256, CHANNELS, 2));
      }
      assertTrue(topic < 20, "no three versions after 20 topics");
    }
    // opened by the version that the page names, out of the records alone
    assertArrayEquals(oldRestored, restored(run.bases().get(before.version()), oldPayload));
  }

  /** The formula against its meaning: bits of coded pages with either basis, at one step. */
  @ParameterizedTest
  @ValueSource(ints = {1, 3, 5, 7})
  void theGainIsWhatPagesSave(int topic) {
    TransformBasis old = matched(0);
    SecondMoments moments = moments(Samples.tokens(topic, 5, 20_000, CHANNELS, 2));
    double gain = CodingGain.bits(old, moments, 4);
    TransformBasis fresh = matched(topic);
    float step = old.tables(4).step();
    double saved = bits(old, step, topic) - bits(fresh, step, topic);
    assertTrue(gain > 0.1, "gain " + gain);
    // escapes cost more than the formula says
    assertEquals(saved, gain, 0.15 * saved + 0.02);
  }

  @Test
  void gainsNothingOverTheBasisOfTheSameMoments() {
    SecondMoments moments = moments(Samples.tokens(4, 5, 20_000, CHANNELS, 2));
    TransformBasis basis =
        TransformBasis.learn("b", 1, Samples.vectors(HEADS, HEAD_DIMENSION), moments, 8);
    assertEquals(0, CodingGain.bits(basis, moments, 2), 2e-3);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void momentsOfAnyPartitionOfTheSamplesAreThoseOfOneRun(long seed) {
    float[] tokens = Samples.tokens(0, seed, 2048, CHANNELS, 2);
    SecondMoments whole = moments(tokens);
    Random random = new Random(seed);
    List<SecondMoments> parts = new ArrayList<>();
    for (int part = 0; part < 5; part++) {
      parts.add(new SecondMoments(CHANNELS));
    }
    for (int token = 0; token < 2048; ) {
      int count = Math.min(1 + random.nextInt(90), 2048 - token);
      parts.get(random.nextInt(5)).observe(tokens, token * CHANNELS, count);
      token += count;
    }
    Collections.shuffle(parts, random);
    SecondMoments merged = new SecondMoments(CHANNELS);
    parts.forEach(merged::add);
    assertEquals(whole.weight(), merged.weight());
    double[] expected = whole.covariance();
    double[] got = merged.covariance();
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], got[i], 1e-6, "seed " + seed + " cell " + i);
    }
    SecondMoments again = new SecondMoments(CHANNELS);
    parts.forEach(again::add);
    assertArrayEquals(got, again.covariance(), "the same order gives the same bits");
  }

  @Test
  void momentsAreThoseOfTheDefinition() {
    float[] tokens = Samples.tokens(3, 9, 300, CHANNELS, 2);
    double[] got = moments(tokens).covariance();
    for (int i = 0; i < CHANNELS; i++) {
      for (int j = 0; j < CHANNELS; j++) {
        double mi = 0;
        double mj = 0;
        double product = 0;
        for (int t = 0; t < 300; t++) {
          mi += tokens[t * CHANNELS + i] / 300.0;
          mj += tokens[t * CHANNELS + j] / 300.0;
          product += (double) tokens[t * CHANNELS + i] * tokens[t * CHANNELS + j] / 300;
        }
        assertEquals(product - mi * mj, got[i * CHANNELS + j], 1e-5);
      }
    }
  }

  @Test
  void learnsTheSameHoweverTheTokensAreCut() {
    float[] tokens = Samples.tokens(0, 1, 1500, CHANNELS, 2);
    List<byte[]> sections = new ArrayList<>();
    for (long seed : new long[] {1, 2}) {
      Run run = new Run(schedule(512, 256, 0, 0.01));
      Samples.cut(tokens, HEADS, HEAD_DIMENSION, run.vectors.rotary(), seed).forEach(run::accept);
      sections.add(new BasisStateCodec().encode(run.state, 2));
    }
    assertArrayEquals(sections.get(0), sections.get(1));
  }

  @Test
  void entropyOfEqualChannelsIsOneAndOfOneDirectionNothing() {
    Random random = new Random(1);
    int count = 100_000;
    float[] tokens = new float[count * 2 * 8];
    for (int t = 0; t < count; t++) {
      float z = (float) random.nextGaussian();
      for (int i = 0; i < 8; i++) {
        tokens[t * 16 + i] = (float) random.nextGaussian();
        tokens[t * 16 + 8 + i] = z * (i + 1) + 3;
      }
    }
    HeadEntropies heads = new HeadEntropies(moments(tokens, 16), 2, 8);
    float[] whole = heads.entropies(8);
    assertEquals(1, whole[0], 1e-3);
    assertEquals(0, whole[1], 1e-3);
    assertEquals(0.25, heads.entropies(2)[0], 0.005, "a quarter of the eigenvalues");
  }

  @Test
  void budgetsHaveTheirMeanAndStayWithinBounds() {
    for (float[] weights :
        new float[][] {{1, 1, 1, 1}, {0, 0, 0, 9}, {1, 2, 3, 4}, {1e-9f, 5, 5, 5}, {0, 0, 0, 0}}) {
      for (double total : new double[] {1, 2.5, 3, 8}) {
        float[] bits = HeadEntropies.budget(weights, total);
        double mean = 0;
        for (int head = 0; head < bits.length; head++) {
          assertTrue(bits[head] >= 1 && bits[head] <= 8);
          mean += bits[head] / bits.length;
          assertTrue(
              head == 0 || weights[head] < weights[head - 1] || bits[head] >= bits[head - 1]);
        }
        assertEquals(total, mean, 1e-4);
      }
    }
  }

  @Test
  void waterFillsHeadsByWhatTheyHold() {
    Random random = new Random(2);
    float[] tokens = new float[40_000 * 8];
    for (int i = 0; i < tokens.length; i++) {
      // the second head is four times as large: two bits more
      tokens[i] = (float) (random.nextGaussian() * (i % 8 < 4 ? 1 : 4));
    }
    float[] bits = new HeadEntropies(moments(tokens, 8), 2, 4).waterBits(3);
    assertEquals(2, bits[0], 0.02);
    assertEquals(4, bits[1], 0.02);
  }

  @Test
  void dictionariesOfHeadsAreLearnedFromTheSameTokens() {
    BasisSettings settings =
        new BasisSettings(
            new Schedule(512, 256, 1024, 0.05),
            2,
            4,
            new Budget(3, false),
            new HeadDictionary(16, 2, 256),
            64);
    Run run = new Run(settings);
    for (int block = 0; block < 60; block++) {
      run.learn(pairsOfAtoms(block, 256));
    }
    List<DictionaryVersion> slices =
        run.outputs.stream()
            .filter(DictionaryVersion.class::isInstance)
            .map(DictionaryVersion.class::cast)
            .toList();
    assertTrue(slices.size() > 3, slices.size() + " versions");
    DictionaryAssembly assembly = new DictionaryAssembly(slices.get(slices.size() - 1));
    assembly.add(slices.get(slices.size() - 1));
    DictionaryModel model = assembly.model().orElseThrow();
    assertEquals(Samples.BASIS + "/dictionary", model.id());
    assertEquals(HEAD_DIMENSION, model.dictionary().dimension());
    assertEquals(16, model.dictionary().atomCount());
    assertTrue(
        slices.get(slices.size() - 1).getRelativeError() < 0.6 * slices.get(0).getRelativeError(),
        () -> slices.stream().map(DictionaryVersion::getRelativeError).toList().toString());
  }

  private static BasisSettings schedule(long minimum, long interval, long halfLife, double gain) {
    return new BasisSettings(
        new Schedule(minimum, interval, halfLife, gain),
        2,
        4,
        new Budget(3, false),
        new HeadDictionary(0, 4, 32),
        64);
  }

  /** Heads that are sums of two of 16 directions. */
  private static float[] pairsOfAtoms(long seed, int count) {
    Random directions = new Random(42);
    float[] atoms = new float[16 * HEAD_DIMENSION];
    for (int i = 0; i < atoms.length; i++) {
      atoms[i] = (float) directions.nextGaussian();
    }
    Random random = new Random(seed);
    float[] tokens = new float[count * CHANNELS];
    for (int vector = 0; vector < count * HEADS; vector++) {
      for (int pair = 0; pair < 2; pair++) {
        int atom = random.nextInt(16) * HEAD_DIMENSION;
        double size = (0.5 + random.nextDouble()) * (random.nextBoolean() ? 1 : -1);
        for (int i = 0; i < HEAD_DIMENSION; i++) {
          tokens[vector * HEAD_DIMENSION + i] += (float) (size * atoms[atom + i]);
        }
      }
    }
    return tokens;
  }

  private static TransformBasis matched(int topic) {
    SecondMoments moments = moments(Samples.tokens(topic, 77, 20_000, CHANNELS, 2));
    return TransformBasis.learn("b", 1, Samples.vectors(HEADS, HEAD_DIMENSION), moments, 8);
  }

  private static SecondMoments moments(float[] tokens) {
    return moments(tokens, CHANNELS);
  }

  private static SecondMoments moments(float[] tokens, int channels) {
    SecondMoments moments = new SecondMoments(channels);
    moments.observe(tokens, 0, tokens.length / channels);
    return moments;
  }

  /**
   * Bits a value of a topic's pages, at a step, of which a share like the step's own error is
   * charged for what the basis leaves out.
   */
  private static double bits(TransformBasis basis, float step, int topic) {
    LearnedTransform codec = LearnedTransform.withStep(basis, step);
    double bits = 0;
    for (int page = 0; page < 20; page++) {
      float[] values = Samples.tokens(topic, 500 + page, PAGE.tokens(), CHANNELS, 2);
      byte[] payload = codec.encode(PAGE, PageKind.KEYS, values);
      float[] restored = restored(basis, payload);
      double error = 0;
      for (int i = 0; i < values.length; i++) {
        error += Math.pow((double) values[i] - restored[i], 2) / values.length;
      }
      // at equal error: six decibels a bit
      double excess = Math.log(Math.max(1, error / (step * step / 12))) / Math.log(2) / 2;
      bits += 8.0 * (payload.length - 20) / values.length + excess;
    }
    return bits / 20;
  }

  private static float[] restored(TransformBasis basis, byte[] payload) {
    float[] values = new float[PAGE.values()];
    new LearnedTransform(basis, 200)
        .open(PAGE, PageKind.KEYS, ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN))
        .restore(values);
    return values;
  }

  /** One basis from its first sample on. */
  private static final class Run {
    final BasisLearning operator;
    final Vectors vectors = Samples.vectors(HEADS, HEAD_DIMENSION);
    final BasisState state;
    final List<SpecificRecord> outputs = new ArrayList<>();

    Run(BasisSettings settings) {
      operator = new BasisLearning(settings);
      state = operator.createState(Samples.BASIS);
    }

    void learn(float[] tokens) {
      Samples.cut(tokens, HEADS, HEAD_DIMENSION, vectors.rotary(), 1).forEach(this::accept);
    }

    void accept(KeyValueSample sample) {
      operator.accept(state, sample, operator.eventTimeMillis(sample), Models.NONE, outputs::add);
    }

    List<BasisVersion> slices(long version) {
      return outputs.stream()
          .filter(BasisVersion.class::isInstance)
          .map(BasisVersion.class::cast)
          .filter(slice -> slice.getVersion() == version)
          .toList();
    }

    List<SpecificRecord> budgets() {
      return outputs.stream().filter(HeadBudget.class::isInstance).toList();
    }

    TreeMap<Long, TransformBasis> bases() {
      TreeMap<Long, TransformBasis> bases = new TreeMap<>();
      for (long version = 1; version <= state.basisVersion(); version++) {
        BasisAssembly assembly = new BasisAssembly(slices(version).get(0));
        slices(version).forEach(assembly::add);
        bases.put(version, assembly.model().orElseThrow());
      }
      return bases;
    }

    TransformBasis newest() {
      return bases().lastEntry().getValue();
    }
  }
}
