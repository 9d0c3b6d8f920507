package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValuePage;
import io.millrace.schema.KeyValueSample;
import io.millrace.schema.KeyValueSummary;
import io.millrace.schema.PageTier;
import io.millrace.schema.RotaryState;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class KeyValueWindowTest {
  private static final HeadGroup GROUP = CacheRecords.group("tenant-1", "session-1", 2, 16);
  private static final TensorLayout TURNED =
      CacheRecords.layout(ElementFormat.FLOAT16, CacheRecords.rotary(RotaryState.AFTER, 16));
  private static final TensorLayout PLAIN =
      CacheRecords.layout(ElementFormat.FLOAT16, CacheRecords.none());
  private static final int TOKENS = 200;
  private static final long SECOND = 1_000_000;

  private static WindowRun run(KeyValueTestSettings settings) {
    return new WindowRun(settings.build(), GROUP, TURNED, Models.NONE);
  }

  @ParameterizedTest(name = "blocks of {0}")
  @ValueSource(ints = {1, 7, 64, TOKENS, -1, -2, -3})
  void pagesDependOnTheTokensAndNotOnBlocks(int block) {
    KeyValueTestSettings settings =
        new KeyValueTestSettings()
            .fine("kivi-4", "rotated-3", 0)
            .coarse("rotated-2", 500, 0)
            .samples(0.4, 300, false)
            .labels(0.25);
    WindowRun expected = run(settings);
    for (int token = 0; token < TOKENS; token++) {
      expected.send(1, SECOND);
    }
    WindowRun got = run(settings);
    Random random = new Random(block);
    long[] sent = new long[2];
    while (sent[0] < TOKENS || sent[1] < TOKENS) {
      int kind = random.nextInt(2);
      int count = (int) Math.min(block < 0 ? random.nextInt(40) + 1 : block, TOKENS - sent[kind]);
      if (count > 0) {
        got.send(TensorKind.values()[kind], count, SECOND);
        sent[kind] += count;
      }
    }
    expected.fireDue(Long.MAX_VALUE);
    got.fireDue(Long.MAX_VALUE);
    assertEquals(keyed(expected.outputs), keyed(got.outputs));
    assertEquals(2 * (1 + (TOKENS - 3 - 16) / 8), got.kept().size());
    assertTrue(got.kept().stream().anyMatch(page -> page.getTier() == PageTier.COARSE));
    byte[][] sections = got.sections();
    for (int section = 0; section < sections.length; section++) {
      assertArrayEquals(expected.sections()[section], sections[section], "section " + section);
    }
  }

  /** Outputs of each key in their order: those of two kinds mix as their blocks do. */
  private static Map<String, List<String>> keyed(List<CacheOutput> outputs) {
    Map<String, List<String>> keyed = new TreeMap<>();
    for (CacheOutput output : outputs) {
      keyed
          .computeIfAbsent(output.key(HeadGroupKey.of(GROUP)), key -> new ArrayList<>())
          .add(Arrays.toString(CacheRecords.bytes(output)));
    }
    return keyed;
  }

  /** With 16-bit elements, R = 128, P = 64 and c = 1024: what README says of a layer. */
  @Test
  void stateIsAsLargeAsItsFormula() {
    KeyValueSettings small = new KeyValueTestSettings().window(128, 64, 4).build();
    KeyValueSettings settings =
        new KeyValueSettings(
            small.window(),
            small.tiers(),
            small.lifetime(),
            small.bases(),
            new KeyValueSettings.Limits(1024, 1024));
    HeadGroup wide = CacheRecords.group("tenant-1", "session-1", 8, 128);
    TensorLayout halves = CacheRecords.layout(ElementFormat.FLOAT16, CacheRecords.none());
    WindowRun run = new WindowRun(settings, wide, halves, Models.NONE);
    run.send(400, 1_000_000);

    long bytes = Arrays.stream(run.sections()).mapToLong(section -> section.length).sum();

    long formula = 2L * (128 + 64) * (2 * 1024 + 8);
    assertTrue(bytes >= formula && bytes < formula + 1024, bytes + " against " + formula);
  }

  @Test
  void theExactWindowNeverFallsBelowItsSize() {
    WindowRun run = run(new KeyValueTestSettings());
    Random random = new Random(1);
    for (int i = 0; i < 300; i++) {
      run.send(1 + random.nextInt(30), SECOND);
      for (TensorKind kind : TensorKind.values()) {
        TokenWindow window = run.state.tensorOrNull(kind).window;
        assertTrue(window.size() >= Math.min(16, window.next() - 3), "holds " + window.size());
        assertTrue(window.size() < 16 + 8);
        long paged =
            run.pages(kind).stream()
                .mapToLong(page -> page.getFirstToken() + page.getTokens())
                .max()
                .orElse(0);
        assertEquals(paged, window.start());
      }
    }
  }

  @Test
  void sinksLeaveExactlyAsSoonAsTheyAreFull() {
    WindowRun run = run(new KeyValueTestSettings());
    run.send(TensorKind.KEYS, 2, SECOND);
    assertTrue(run.outputs.isEmpty());
    run.send(TensorKind.KEYS, 1, 2 * SECOND);
    KeyValuePage sinks = run.pages().get(0);
    assertEquals(PageTier.EXACT, sinks.getTier());
    assertEquals(0, sinks.getFirstToken());
    assertEquals(3, sinks.getTokens());
    assertEquals(2 * SECOND, sinks.getTimeMicros());
    assertEquals(RotaryState.AFTER, sinks.getRotary().getState());
    assertEquals("fp16", sinks.getCodec());
    assertEquals(0f, sinks.getRelativeError());
    assertArrayEquals(run.exact(sinks), run.restored(sinks));
  }

  @Test
  void everyPageStatesItsBitsAndItsError() {
    WindowRun run = run(new KeyValueTestSettings().fine("kivi-2", "rotated-4", 0));
    run.send(TOKENS, SECOND);
    List<KeyValuePage> fine = run.pages(PageTier.FINE);
    assertEquals(2 * 22, fine.size());
    for (KeyValuePage page : fine) {
      float[] exact = run.exact(page);
      float[] restored = run.restored(page);
      double difference = 0;
      double energy = 0;
      for (int i = 0; i < exact.length; i++) {
        difference += Math.pow(exact[i] - restored[i], 2);
        energy += Math.pow(exact[i], 2);
      }
      double expected = Math.sqrt(difference / energy);
      assertEquals(expected, page.getRelativeError(), 1e-6 * expected);
      assertTrue(expected > 0.01 && expected < 0.6, "error " + expected);
      assertEquals(8f * page.getFrame().remaining() / exact.length, page.getBitsPerValue());
    }
  }

  @Test
  void valuesTooSmallToMeasureStayExactAndZerosStayZero() {
    TensorLayout floats = CacheRecords.layout(ElementFormat.FLOAT32, CacheRecords.none());
    for (float size : new float[] {0f, 1e-30f}) {
      WindowRun run =
          new WindowRun(run(new KeyValueTestSettings()).settings(), GROUP, floats, Models.NONE);
      CacheInput.Block block = (CacheInput.Block) run.block(TensorKind.KEYS, 0, 40, SECOND);
      ByteBuffer elements = block.block().getElements().order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < elements.limit(); i += Float.BYTES) {
        elements.putFloat(i, size);
      }
      run.accept(block);
      KeyValuePage page = run.pages().get(1);
      assertEquals(size == 0 ? PageTier.FINE : PageTier.EXACT, page.getTier());
      assertEquals(0f, page.getRelativeError());
      for (float value : run.restored(page)) {
        assertTrue(value == size, "got " + value);
      }
    }
  }

  @Test
  void theSameTokensAgainOrOverlappingChangeNothing() {
    WindowRun plain = run(new KeyValueTestSettings());
    WindowRun again = run(new KeyValueTestSettings());
    Random random = new Random(4);
    while (plain.state.tokens() < TOKENS) {
      long next = plain.state.tokens();
      int count = 1 + random.nextInt(9);
      plain.send(TensorKind.KEYS, count, SECOND);
      int back = random.nextInt((int) Math.min(next, 50) + 1);
      again.accept(again.block(TensorKind.KEYS, next - back, back + count, SECOND));
      again.accept(again.block(TensorKind.KEYS, next, count, SECOND));
    }
    assertEquals(keyed(plain.outputs), keyed(again.outputs));
    for (int section = 0; section < plain.sections().length; section++) {
      assertArrayEquals(plain.sections()[section], again.sections()[section]);
    }
  }

  @Test
  void aSessionEndSendsTheTailExactlyAndRetentionRemovesEverything() {
    WindowRun run =
        run(
            new KeyValueTestSettings()
                .coarse("rotated-2", 10_000, 0)
                .summary(4, 20_000)
                .lifetime(0, 60_000));
    run.send(60, SECOND);
    run.fireDue(21_000);
    run.send(40, 22 * SECOND);
    assertFalse(run.summaries().isEmpty());
    run.end(30 * SECOND);
    for (TensorKind kind : TensorKind.values()) {
      List<KeyValuePage> pages = run.pages(kind);
      KeyValuePage last = pages.get(pages.size() - 1);
      assertEquals(100, last.getFirstToken() + last.getTokens());
      long covered = run.summaries().get(0).getTokens();
      long paged =
          run.kept().stream()
              .filter(page -> page.getKind() == kind)
              .mapToLong(KeyValuePage::getTokens)
              .sum();
      assertEquals(100, covered + paged);
      for (KeyValuePage page : pages) {
        if (page.getFirstToken() >= 100 - 17) {
          assertEquals(PageTier.EXACT, page.getTier());
          assertArrayEquals(run.exact(page), run.restored(page));
        }
      }
    }
    run.fireDue(89_999);
    assertFalse(run.topic.isEmpty());
    assertFalse(run.operator.isComplete(run.state));
    run.fireDue(90_000);
    assertEquals(Map.of(), run.topic);
    assertTrue(run.operator.isComplete(run.state));
    assertTrue(run.operator.nextDeadlineMillis(run.state).isEmpty());
  }

  @Test
  void aTombstoneComesOnceForEachKey() {
    WindowRun run = run(new KeyValueTestSettings().summary(4, 1000).lifetime(5000, 60_000));
    for (int i = 0; i < 40; i++) {
      run.send(5, SECOND + 100_000L * i);
    }
    run.fireDue(Long.MAX_VALUE);
    List<String> removed =
        run.outputs.stream()
            .filter(CacheOutput.Removed.class::isInstance)
            .map(output -> ((CacheOutput.Removed) output).key())
            .toList();
    assertEquals(removed.stream().distinct().count(), removed.size());
    long keys =
        run.outputs.stream()
            .filter(output -> !(output instanceof CacheOutput.Removed))
            .map(output -> output.key(run.state.key))
            .distinct()
            .count();
    assertEquals(keys, removed.size());
  }

  @Test
  void silenceEndsASession() {
    WindowRun run = run(new KeyValueTestSettings().lifetime(5000, 1000));
    run.send(10, SECOND);
    run.send(10, 3 * SECOND);
    // an earlier event time does not bring the end forward
    run.send(1, 2 * SECOND);
    run.fireDue(7_999);
    assertFalse(run.state.isEnded());
    run.fireDue(8_000);
    assertTrue(run.state.isEnded());
    assertEquals(21, run.pages(TensorKind.VALUES).stream().mapToInt(KeyValuePage::getTokens).sum());
    run.fireDue(9_000);
    assertEquals(Map.of(), run.topic);
  }

  @Test
  void anEndedSessionWithoutRetentionIsCompleteOnceItsPagesHaveAged() {
    WindowRun run = run(new KeyValueTestSettings().coarse("rotated-2", 5000, 0));
    run.send(40, SECOND);
    run.end(2 * SECOND);
    assertFalse(run.operator.isComplete(run.state));
    run.fireDue(6_000);
    assertTrue(run.operator.isComplete(run.state));
    assertFalse(run.topic.isEmpty());
  }

  @Test
  void anEndOfASessionThatSentNothingLeavesNothing() {
    WindowRun run = run(new KeyValueTestSettings().lifetime(0, 60_000));
    run.end(SECOND);
    assertTrue(run.operator.isComplete(run.state));
    assertTrue(run.outputs.isEmpty());
  }

  @Test
  void afterTheEndBlocksAreRefusedAndAnotherEndChangesNothing() {
    WindowRun run = run(new KeyValueTestSettings().lifetime(0, 60_000));
    run.send(10, SECOND);
    run.end(2 * SECOND);
    byte[][] before = run.sections();
    int emitted = run.outputs.size();
    run.end(50 * SECOND);
    CacheInput block = run.block(TensorKind.KEYS, 10, 1, 3 * SECOND);
    InvalidInputException refusal =
        assertThrows(InvalidInputException.class, () -> run.accept(block));
    assertEquals(Reason.ENDED, refusal.reason());
    assertEquals(emitted, run.outputs.size());
    assertArrayEquals(before[0], run.sections()[0]);
  }

  @Test
  void coarsePagesSupersedeFineOnesAtTheirAge() {
    WindowRun run = run(new KeyValueTestSettings().coarse("rotated-2", 5000, 0));
    run.send(30, SECOND);
    assertEquals(2, run.pages(PageTier.FINE).size());
    run.fireDue(5_999);
    assertEquals(0, run.pages(PageTier.COARSE).size());
    run.fireDue(6_000);
    List<KeyValuePage> fine = run.pages(PageTier.FINE);
    List<KeyValuePage> coarse = run.pages(PageTier.COARSE);
    assertEquals(2, coarse.size());
    for (int i = 0; i < 2; i++) {
      assertEquals(fine.get(i).getChainHash(), coarse.get(i).getChainHash());
      assertEquals(fine.get(i).getContentHash(), coarse.get(i).getContentHash());
      assertEquals(fine.get(i).getTimeMicros(), coarse.get(i).getTimeMicros());
      assertTrue(coarse.get(i).getBitsPerValue() < fine.get(i).getBitsPerValue());
      assertTrue(coarse.get(i).getRelativeError() > fine.get(i).getRelativeError());
    }
    assertEquals(4, run.topic.size());
    // of exact values: as if it had been the fine one
    WindowRun direct = run(new KeyValueTestSettings().fine("rotated-2", "rotated-2", 0));
    direct.send(30, SECOND);
    assertEquals(direct.pages(PageTier.FINE).get(0).getFrame(), coarse.get(0).getFrame());
  }

  @Test
  void aCoarsePageThatIsNotSmallerIsNone() {
    WindowRun run =
        run(
            new KeyValueTestSettings()
                .fine("rotated-2", "rotated-2", 0)
                .coarse("rotated-4", 5000, 0));
    run.send(60, SECOND);
    assertTrue(run.operator.nextDeadlineMillis(run.state).isEmpty());
    run.fireDue(Long.MAX_VALUE);
    assertEquals(0, run.pages(PageTier.COARSE).size());
  }

  @Test
  void aTokenIsAsOldAsTheLatestTimeSeenWhenItCame() {
    WindowRun run = run(new KeyValueTestSettings().coarse("rotated-2", 5000, 0));
    run.send(TensorKind.VALUES, 1, 10 * SECOND);
    run.send(TensorKind.KEYS, 30, SECOND);
    assertEquals(10 * SECOND, run.pages(PageTier.FINE).get(0).getTimeMicros());
    assertEquals(15_000, run.operator.nextDeadlineMillis(run.state).getAsLong());
  }

  @Test
  void aPageThatIsOldWhenItLeavesGoesThroughItsTiersAtOnce() {
    WindowRun run = run(new KeyValueTestSettings().coarse("rotated-2", 5000, 0));
    run.send(26, SECOND);
    run.send(1, 20 * SECOND);
    assertEquals(2, run.pages(PageTier.FINE).size());
    assertEquals(2, run.pages(PageTier.COARSE).size());
    assertTrue(run.operator.nextDeadlineMillis(run.state).isEmpty());
  }

  @Test
  void aPageThatBreaksTheBoundStaysInTheTierBefore() {
    WindowRun free = run(new KeyValueTestSettings().coarse("rotated-2", 5000, 0));
    free.send(100, SECOND);
    free.fireDue(6_000);
    double fine = largestError(free.pages(PageTier.FINE));
    double coarse = largestError(free.pages(PageTier.COARSE));
    WindowRun bounded =
        run(
            new KeyValueTestSettings()
                .fine("rotated-4", "rotated-4", fine * 0.99)
                .coarse("rotated-2", 5000, coarse * 0.99));
    bounded.send(100, SECOND);
    bounded.fireDue(6_000);
    int sinks = 2;
    int exact = bounded.pages(PageTier.EXACT).size() - sinks;
    assertTrue(exact > 0 && exact < free.pages(PageTier.FINE).size(), exact + " exact pages");
    int missing = free.pages(PageTier.COARSE).size() - bounded.pages(PageTier.COARSE).size();
    assertTrue(missing > 0, "no coarse page broke its bound");
    for (KeyValuePage page : bounded.pages()) {
      double bound = page.getTier() == PageTier.COARSE ? coarse : fine;
      assertTrue(page.getRelativeError() <= bound * 0.99);
    }
    for (KeyValuePage page : bounded.pages(PageTier.EXACT)) {
      assertArrayEquals(bounded.exact(page), bounded.restored(page));
    }
  }

  private static double largestError(List<KeyValuePage> pages) {
    return pages.stream().mapToDouble(KeyValuePage::getRelativeError).max().orElseThrow();
  }

  @ParameterizedTest
  @EnumSource(RotaryState.class)
  void agedTokensLeaveTheSumsOfTheirPages(RotaryState state) {
    TensorLayout keys = CacheRecords.layout(ElementFormat.FLOAT16, CacheRecords.rotary(state, 16));
    KeyValueSettings settings =
        new KeyValueTestSettings().coarse("rotated-2", 1000, 0).summary(32, 4000).build();
    WindowRun run = new WindowRun(settings, GROUP, keys, Models.NONE);
    run.send(TensorKind.KEYS, 80, SECOND);
    run.send(TensorKind.VALUES, 40, 2 * SECOND);
    run.fireDue(5_999);
    assertTrue(run.summaries().isEmpty());
    assertEquals(2 + 7 + 2, run.kept().size());
    List<KeyValuePage> coarse = run.pages(PageTier.COARSE);
    run.fireDue(6_000);
    assertEquals(2, run.summaries().size());
    assertEquals(2 + 5, run.kept().size());
    AttentionSummary[] expected = {
      new AttentionSummary(32, 16, 5), new AttentionSummary(32, 16, 5)
    };
    for (int span = 0; span < 2; span++) {
      float[] key = run.restored(coarse.get(span));
      float[] value = run.restored(coarse.get(7 + span));
      if (state == RotaryState.BEFORE) {
        RotaryEmbedding.of(keys.rotary())
            .turn(new PageShape(8, 2, 16), key, coarse.get(span).getFirstToken(), false);
      }
      expected[0].add(key, 0, 32, value, 0, 32, 8);
      expected[1].add(key, 16, 32, value, 16, 32, 8);
    }
    for (int head = 0; head < 2; head++) {
      KeyValueSummary summary = run.summaries().get(head);
      assertEquals(head, summary.getHead());
      assertEquals(3, summary.getFirstToken());
      assertEquals(16, summary.getTokens());
      assertEquals(6 * SECOND, summary.getTimeMicros());
      assertEquals(
          state == RotaryState.NONE ? RotaryState.NONE : RotaryState.AFTER,
          summary.getRotary().getState());
      assertEquals(expected[head].exponent(), summary.getExponent());
      assertEquals(ByteBuffer.wrap(expected[head].normalizer()), summary.getNormalizer());
      assertEquals(ByteBuffer.wrap(expected[head].weighted()), summary.getWeighted());
    }
    // the later values bring their keys along
    run.send(TensorKind.VALUES, 40, 20 * SECOND);
    run.fireDue(Long.MAX_VALUE);
    assertEquals(56, run.summaries().get(0).getTokens());
    assertEquals(2, run.kept().size());
  }

  @Test
  void aPageWhoseBasisIsNotKnownWaitsForItAndNothingIsLost() {
    KnownModels models = new KnownModels();
    TransformBasis basis = basis(TensorKind.KEYS, 7);
    models.add(basis);
    KeyValueSettings settings =
        new KeyValueTestSettings().fine("transform-2.2", "rotated-4", 0).summary(4, 1000).build();
    WindowRun run = new WindowRun(settings, GROUP, TURNED, models);
    run.send(40, SECOND);
    assertEquals(7, run.pages(TensorKind.KEYS).get(1).getBasisVersion());
    models.forget(basis);
    run.fireDue(10_000);
    assertTrue(run.summaries().isEmpty());
    assertEquals(6, run.kept().size());
    models.add(basis);
    run.restore();
    run.fireDue(30_000);
    assertEquals(16, run.summaries().get(0).getTokens());
    assertEquals(2, run.kept().size());
  }

  private static TransformBasis basis(TensorKind kind, long version) {
    SecondMoments moments = new SecondMoments(32);
    float[] values = new float[32 * 400];
    for (int i = 0; i < values.length; i++) {
      values[i] = CacheRecords.value(GROUP.getModel().hashCode(), kind, i / 32, i % 32);
    }
    moments.observe(values, 0, 400, new SecondMoments.Scratch());
    return TransformBasis.learn(
        HeadGroupKey.basis(GROUP, kind, false),
        version,
        new TransformBasis.Vectors(2, 16, CacheRecords.rotary(RotaryState.BEFORE, 16)),
        moments,
        32);
  }

  @Test
  void keysAreTurnedBackForACodecThatWantsThemSo() {
    KnownModels models = new KnownModels();
    KeyValueSettings settings =
        new KeyValueTestSettings().fine("transform-2.2", "transform-2.2", 0).build();
    WindowRun run = new WindowRun(settings, GROUP, TURNED, models);
    run.send(40, SECOND);
    models.add(basis(TensorKind.KEYS, 1));
    models.add(basis(TensorKind.VALUES, 1));
    run.send(20, SECOND);
    models.add(basis(TensorKind.KEYS, 2));
    run.send(20, SECOND);
    List<KeyValuePage> keys = run.pages(TensorKind.KEYS);
    assertEquals("rotated-2", keys.get(1).getCodec());
    assertEquals("", keys.get(1).getBasis());
    assertEquals(RotaryState.AFTER, keys.get(1).getRotary().getState());
    List<Long> versions = keys.stream().map(KeyValuePage::getBasisVersion).distinct().toList();
    assertEquals(List.of(-1L, 1L, 2L), versions);
    KeyValuePage learned = keys.get(keys.size() - 1);
    assertEquals("transform-2.2", learned.getCodec());
    assertEquals("tenant-1/model-7b/0123abcd/3/K/8", learned.getBasis());
    assertEquals(RotaryState.BEFORE, learned.getRotary().getState());
    assertTrue(PageFrame.decode(learned.getFrame()).beforeRotary());
    float[] turned = run.restored(learned);
    RotaryEmbedding.of(TURNED.rotary())
        .turn(new PageShape(8, 2, 16), turned, learned.getFirstToken(), false);
    float[] exact = run.exact(learned);
    double difference = 0;
    double energy = 0;
    for (int i = 0; i < exact.length; i++) {
      difference += Math.pow(exact[i] - turned[i], 2);
      energy += Math.pow(exact[i], 2);
    }
    assertEquals(learned.getRelativeError(), Math.sqrt(difference / energy), 1e-3);
    assertTrue(learned.getRelativeError() < 0.4, "error " + learned.getRelativeError());
    KeyValuePage value = run.pages(TensorKind.VALUES).get(7);
    assertEquals(RotaryState.NONE, value.getRotary().getState());
    assertFalse(PageFrame.decode(value.getFrame()).beforeRotary());
  }

  @Test
  void aCodecThatCannotTakeTheShapeIsReplaced() {
    HeadGroup narrow = CacheRecords.group("tenant-1", "session-1", 3, 12);
    KeyValueSettings settings =
        new KeyValueTestSettings().fine("bfp-4", "bfp-3", 0).coarse("bfp-3", 100, 0).build();
    WindowRun run = new WindowRun(settings, narrow, PLAIN, Models.NONE);
    run.send(40, SECOND);
    run.fireDue(Long.MAX_VALUE);
    for (KeyValuePage page : run.pages(PageTier.FINE)) {
      assertEquals(page.getKind() == TensorKind.KEYS ? "rotated-4" : "rotated-3", page.getCodec());
      assertTrue(page.getRelativeError() < 0.25, page.getCodec() + page.getRelativeError());
    }
  }

  @Test
  void theChainIsUnbrokenAndDoesNotKnowTheSession() {
    WindowRun run = run(new KeyValueTestSettings());
    HeadGroup next = CacheRecords.group("tenant-1", "session-2", 2, 16);
    WindowRun same = new WindowRun(run.settings(), next, TURNED, Models.NONE);
    HeadGroup stranger = CacheRecords.group("tenant-2", "session-1", 2, 16);
    WindowRun other = new WindowRun(run.settings(), stranger, TURNED, Models.NONE);
    for (WindowRun each : List.of(run, same, other)) {
      each.send(TOKENS, SECOND);
      each.end(2 * SECOND);
    }
    for (TensorKind kind : TensorKind.values()) {
      List<KeyValuePage> pages = run.pages(kind);
      assertTrue(PageChain.isSeeded(pages.get(0)));
      ByteBuffer previous = pages.get(0).getPreviousHash();
      long token = 0;
      for (int i = 0; i < pages.size(); i++) {
        KeyValuePage page = pages.get(i);
        assertEquals(i, page.getSequence());
        assertEquals(token, page.getFirstToken());
        assertEquals(previous, page.getPreviousHash());
        assertTrue(PageChain.isLinked(page));
        previous = page.getChainHash();
        token += page.getTokens();
        assertEquals(page.getChainHash(), same.pages(kind).get(i).getChainHash());
        assertEquals(page.getFrame(), same.pages(kind).get(i).getFrame());
        assertEquals(page.getContentHash(), other.pages(kind).get(i).getContentHash());
        assertNotEquals(page.getChainHash(), other.pages(kind).get(i).getChainHash());
      }
      assertEquals(TOKENS, token);
    }
    assertNotEquals(
        run.pages(TensorKind.KEYS).get(0).getPreviousHash(),
        run.pages(TensorKind.VALUES).get(0).getPreviousHash());
  }

  @Test
  void aChangedElementChangesTheChainFromThereOn() {
    WindowRun run = run(new KeyValueTestSettings());
    WindowRun changed = run(new KeyValueTestSettings());
    run.send(TensorKind.KEYS, 100, SECOND);
    CacheInput.Block block = (CacheInput.Block) changed.block(TensorKind.KEYS, 0, 100, SECOND);
    int at = 45 * 32 * 2;
    ByteBuffer elements = block.block().getElements();
    elements.put(at, (byte) (elements.get(at) ^ 1));
    changed.accept(block);
    List<KeyValuePage> pages = run.pages();
    for (int i = 0; i < pages.size(); i++) {
      KeyValuePage page = changed.pages().get(i);
      boolean before = page.getFirstToken() + page.getTokens() <= 45;
      assertEquals(before, page.getChainHash().equals(pages.get(i).getChainHash()), "page " + i);
      boolean own = !before && page.getFirstToken() <= 45;
      assertEquals(!own, page.getContentHash().equals(pages.get(i).getContentHash()));
    }
  }

  @Test
  void samplesAreTokensBeforeTheRotaryStepInBoundedRecords() {
    WindowRun run = run(new KeyValueTestSettings().samples(0.25, 200, true));
    run.send(TOKENS, SECOND);
    assertFalse(run.samples().isEmpty());
    for (KeyValueSample sample : run.samples()) {
      assertTrue(sample.getElements().remaining() <= 200);
      assertEquals("model-7b/0123abcd/3/" + letter(sample) + "/8", sample.getBasis());
      assertEquals(
          sample.getKind() == TensorKind.KEYS ? RotaryState.BEFORE : RotaryState.NONE,
          sample.getRotary().getState());
    }
    // no basis is known: everything but the sinks and the window
    int[] tokens = new int[2];
    run.samples().forEach(sample -> tokens[sample.getKind().ordinal()] += sample.getTokens());
    assertArrayEquals(new int[] {176, 176}, tokens);
    KeyValueSample first = run.samples().get(0);
    float[] back = new float[first.getTokens() * 32];
    TokenFormat.FLOAT16.get(
        first.getElements().duplicate().order(ByteOrder.LITTLE_ENDIAN), back, back.length);
    RotaryEmbedding.of(TURNED.rotary())
        .turn(new PageShape(first.getTokens(), 2, 16), back, 3, false);
    float[] exact = run.exact(run.pages(TensorKind.KEYS).get(1));
    for (int i = 0; i < back.length; i++) {
      assertEquals(exact[i], back[i], 5e-3 * (1 + Math.abs(exact[i])));
    }
  }

  private static String letter(KeyValueSample sample) {
    return sample.getKind() == TensorKind.KEYS ? "K" : "V";
  }

  @Test
  void onceABasisIsKnownAShareOfPagesIsSampled() {
    KnownModels models = new KnownModels();
    models.add(basis(TensorKind.KEYS, 1));
    KeyValueSettings settings = new KeyValueTestSettings().samples(0.25, 1 << 16, false).build();
    WindowRun run = new WindowRun(settings, GROUP, TURNED, models);
    run.send(3 + 16 + 8 * 100, SECOND);
    Map<TensorKind, Long> samples = new TreeMap<>();
    run.samples().forEach(sample -> samples.merge(sample.getKind(), 1L, Long::sum));
    assertEquals(Map.of(TensorKind.KEYS, 25L, TensorKind.VALUES, 100L), samples);
  }

  @Test
  void queryMomentsReachTheCodecAndTheLabels() {
    WindowRun run = run(new KeyValueTestSettings().fine("think-50", "rotated-4", 0).labels(0.125));
    run.send(40, SECOND);
    run.accept(new CacheInput.Moments(CacheRecords.moments(GROUP, 1f, SECOND)));
    run.restore();
    run.send(40, SECOND);
    List<KeyValuePage> keys = run.pages(TensorKind.KEYS);
    assertEquals("rotated-4", keys.get(1).getCodec());
    assertEquals("think-50", keys.get(keys.size() - 1).getCodec());
    for (KeyValuePage page : run.pages(PageTier.FINE)) {
      boolean labelled = PageFrame.decode(page.getFrame()).labels().hasRemaining();
      assertEquals(page.getKind() == TensorKind.KEYS, labelled);
    }
  }

  @ParameterizedTest
  @EnumSource(RotaryState.class)
  void labelsAreOfKeysAsQueriesMeetThem(RotaryState state) {
    TensorLayout keys = CacheRecords.layout(ElementFormat.FLOAT16, CacheRecords.rotary(state, 16));
    KeyValueSettings settings = new KeyValueTestSettings().labels(0.25).build();
    WindowRun run = new WindowRun(settings, GROUP, keys, Models.NONE);
    run.send(TensorKind.KEYS, 60, SECOND);
    KeyValuePage page = run.pages(PageTier.FINE).get(2);
    float[] met = run.exact(page);
    PageShape shape = new PageShape(8, 2, 16);
    if (state == RotaryState.BEFORE) {
      RotaryEmbedding.of(keys.rotary()).turn(shape, met, page.getFirstToken(), false);
    }
    assertEquals(
        ByteBuffer.wrap(LabelColumn.encode(shape, met, new float[0], 4)),
        PageFrame.decode(page.getFrame()).labels());
  }

  @Test
  void anEndedSessionKeepsNoTokens() {
    WindowRun run = run(new KeyValueTestSettings().lifetime(0, 60_000));
    run.send(50, SECOND);
    run.end(2 * SECOND);
    assertEquals(8, run.sections()[1].length);
    assertEquals(8, run.sections()[2].length);
    assertTrue(new KeyValueStateCodec().heapBytes(run.state) < 4096);
  }

  @Test
  void aSessionKeepsTheSizesThatItBeganWith() {
    WindowRun before = run(new KeyValueTestSettings().coarse("rotated-2", 5000, 0));
    before.send(50, SECOND);
    KeyValueSettings other = new KeyValueTestSettings().window(4, 4, 0).build();
    WindowRun after = new WindowRun(other, GROUP, TURNED, Models.NONE);
    after.state = before.state;
    after.restore();
    after.send(50, SECOND);
    after.fireDue(Long.MAX_VALUE);
    assertEquals(
        List.of(27L, 35L, 43L, 51L, 59L, 67L, 75L),
        after.pages(TensorKind.KEYS).stream()
            .filter(page -> page.getTier() == PageTier.FINE)
            .map(KeyValuePage::getFirstToken)
            .toList());
  }

  @Test
  void aCommitAfterATokenWritesALittleOfALargeState() {
    HeadGroup large = CacheRecords.group("tenant-1", "session-1", 4, 64);
    KeyValueSettings settings =
        new KeyValueTestSettings().window(128, 64, 4).coarse("rotated-2", 60_000, 0).build();
    WindowRun run = new WindowRun(settings, large, PLAIN, Models.NONE);
    for (int i = 0; i < 40; i++) {
      run.send(50, SECOND);
    }
    int chunk = 4096;
    byte[][] before = run.sections();
    run.send(1, SECOND);
    byte[][] after = run.sections();
    long total = 0;
    long written = 0;
    for (int section = 0; section < after.length; section++) {
      total += after[section].length;
      for (int from = 0; from < after[section].length; from += chunk) {
        int to = Math.min(after[section].length, from + chunk);
        written +=
            Arrays.equals(
                    Arrays.copyOfRange(before[section], from, to),
                    Arrays.copyOfRange(after[section], from, to))
                ? 0
                : to - from;
      }
    }
    assertTrue(total > 2 * 192 * 520, "state has " + total);
    assertTrue(written <= 5 * chunk, "wrote " + written + " of " + total);
  }
}
