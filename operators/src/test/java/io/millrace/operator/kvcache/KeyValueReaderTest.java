package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.Models;
import io.millrace.schema.KeyValuePage;
import io.millrace.schema.KeyValueSummary;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
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

/** Restoring and attending, against the planted tensors; verifying, against planted damage. */
class KeyValueReaderTest {
  private static final int D = PlantedPages.D;
  private static final int CHANNELS = PlantedPages.CHANNELS;
  private static final PageCodec FP16 = new Exact(TokenFormat.FLOAT16);

  private final PageTable table = new PageTable();
  private final KeyValueReader reader = new KeyValueReader(Models.NONE, 1 << 20);

  @ParameterizedTest
  @EnumSource(RotaryState.class)
  void restoresAnyRangeAsQueriesMeetIt(RotaryState state) {
    PlantedPages planted = new PlantedPages("acme", "s1", 100, state, 1);
    planted.into(table, planted.pages(32, FP16));
    HeadGroupPages group = table.group("acme", planted.key()).orElseThrow();
    for (int[] range : new int[][] {{0, 100}, {0, 1}, {31, 33}, {40, 41}, {64, 100}, {99, 100}}) {
      float[] keys = reader.restore(group, TensorKind.KEYS, range[0], range[1]);
      float[] values = reader.restore(group, TensorKind.VALUES, range[0], range[1]);
      assertArrayEquals(slice(planted.turnedKeys(), range), keys, 2e-6f);
      assertArrayEquals(slice(planted.values, range), values);
    }
  }

  @ParameterizedTest
  @EnumSource(RotaryState.class)
  void attendsAsSoftmaxOverTheRestoredTokens(RotaryState state) {
    PlantedPages planted = new PlantedPages("acme", "s1", 96, state, 2);
    for (PageCodec codec : List.of(FP16, new Kivi(4, 32), new RotatedCodebook(3))) {
      planted.into(table, planted.pages(32, codec));
      HeadGroupPages group = table.group("acme", planted.key()).orElseThrow();
      float[] keys = reader.restore(group, TensorKind.KEYS, 0, 96);
      float[] values = reader.restore(group, TensorKind.VALUES, 0, 96);
      float[] query = query(7);
      for (int head = 0; head < 2; head++) {
        for (int before : new int[] {1, 32, 45, 96}) {
          AttentionPartial partial = new AttentionPartial(D);
          reader.attend(group, head, query, 2, before, partial);
          float[] got = new float[D];
          partial.finish(got, 0);
          assertArrayEquals(
              softmax(keys, values, head, query, 2, 0, before), got, 1e-5f, codec.name());
        }
      }
    }
  }

  @Test
  void pagesAndTheCallersExactTokensMergeToAttentionOverAll() {
    PlantedPages planted = new PlantedPages("acme", "s1", 128, RotaryState.BEFORE, 3);
    Map<String, KeyValuePage> pages = planted.pages(32, FP16);
    pages.values().removeIf(page -> page.getFirstToken() >= 64);
    planted.into(table, pages);
    HeadGroupPages group = table.group("acme", planted.key()).orElseThrow();
    assertEquals(64, group.end());
    float[] query = query(8);
    float[] keys = planted.turnedKeys();
    float[] scores = new float[64];
    for (int t = 0; t < 64; t++) {
      for (int c = 0; c < D; c++) {
        scores[t] += query[c] * keys[(64 + t) * CHANNELS + D + c];
      }
    }
    AttentionPartial window = new AttentionPartial(D);
    window.add(scores, 0, 64, planted.values, 64 * CHANNELS + D, CHANNELS);
    AttentionPartial old = new AttentionPartial(D);
    reader.attend(group, 1, query, 0, 64, old);
    window.merge(old);
    float[] got = new float[D];
    window.finish(got, 0);
    assertArrayEquals(softmax(keys, planted.values, 1, query, 0, 0, 128), got, 1e-5f);
  }

  @Test
  void labelsChooseTheNeedlesPageAndTheRestIsNotOpened() {
    PlantedPages planted = new PlantedPages("acme", "s1", 512, RotaryState.NONE, 12);
    float[] query = query(4);
    // one token that the query is after
    for (int c = 0; c < D; c++) {
      planted.keys[300 * CHANNELS + D + c] = Float16.decode(Float16.encode(15 * query[c]));
    }
    Map<String, KeyValuePage> pages = planted.pages(32, FP16);
    for (KeyValuePage page : pages.values()) {
      if (page.getKind() == TensorKind.KEYS && page.getFirstToken() > 0) {
        int[] range = {(int) page.getFirstToken(), (int) page.getFirstToken() + 32};
        byte[] column =
            LabelColumn.encode(
                new PageShape(32, 2, D), slice(planted.keys, range), new float[0], 4);
        byte[] frame = PageFrame.decode(page.getFrame()).withLabels(column).encode();
        page.setFrame(ByteBuffer.wrap(frame));
        page.setBitsPerValue(8f * frame.length / (32 * CHANNELS));
        page.setChecksum(PageCheck.checksum(page));
      }
    }
    planted.into(table, pages);
    assertEquals(List.of(), reader.verify(table, "acme", planted.key()));
    HeadGroupPages group = table.group("acme", planted.key()).orElseThrow();

    AttentionPartial all = new AttentionPartial(D);
    reader.attend(group, 1, query, 0, 512, all);
    KeyValueReader choosy = new KeyValueReader(Models.NONE, 1 << 20);
    AttentionPartial some = new AttentionPartial(D);
    long tokens = choosy.attend(group, 1, query, 0, new KeyValueReader.Extent(512, 3), some);

    // three chosen and the first page, which has no labels
    assertEquals(4 * 32, tokens);
    assertEquals(2 * 4, choosy.cache().faults());
    float[] exact = new float[D];
    float[] got = new float[D];
    all.finish(exact, 0);
    some.finish(got, 0);
    assertArrayEquals(exact, got, 0.05f);
    AttentionPartial every = new AttentionPartial(D);
    assertEquals(512, choosy.attend(group, 1, query, 0, new KeyValueReader.Extent(512, 15), every));
    assertEquals(all.sum(), every.sum());
  }

  @Test
  void pagesOfAnIdleSessionGoBeforeThoseOfALiveOne() {
    PlantedPages idle = new PlantedPages("acme", "idle", 64, RotaryState.NONE, 13);
    PlantedPages live = new PlantedPages("acme", "live", 64, RotaryState.NONE, 14);
    idle.into(table, idle.pages(32, FP16));
    Map<String, KeyValuePage> pages = live.pages(32, FP16);
    pages.values().forEach(page -> page.setTimeMicros(90_000_000L));
    live.into(table, pages);
    // room for both sessions' keys, and one page more
    long page = 4L * 32 * CHANNELS;
    KeyValueReader small = new KeyValueReader(Models.NONE, 5 * page);
    HeadGroupPages liveGroup = table.group("acme", live.key()).orElseThrow();
    HeadGroupPages idleGroup = table.group("acme", idle.key()).orElseThrow();
    small.restore(liveGroup, TensorKind.KEYS, 0, 64);
    small.restore(idleGroup, TensorKind.KEYS, 0, 64);
    small.retire(table, 60_000_000L);
    // the idle session's were asked for last, and still go first
    small.restore(liveGroup, TensorKind.VALUES, 0, 64);
    long faults = small.cache().faults();
    small.restore(liveGroup, TensorKind.KEYS, 0, 64);
    assertEquals(faults, small.cache().faults());
  }

  @Test
  void agedTokensAreEstimatedFromTheirSummary() {
    PlantedPages planted = new PlantedPages("acme", "s1", 96, RotaryState.BEFORE, 4);
    Map<String, KeyValuePage> pages = planted.pages(32, FP16);
    planted.into(table, pages);
    HeadGroupPages group = table.group("acme", planted.key()).orElseThrow();
    float[] keys = planted.turnedKeys();
    RandomFeatures features = new RandomFeatures(64, D, 5);
    for (int head = 0; head < 2; head++) {
      AttentionSummary summary = new AttentionSummary(features);
      summary.add(
          keys,
          32 * CHANNELS + head * D,
          CHANNELS,
          planted.values,
          32 * CHANNELS + head * D,
          CHANNELS,
          32);
      table.accept(
          HeadGroupKey.summary(planted.key(), head),
          SingleObject.of(KeyValueSummary.class).encode(record(planted, head, summary)));
    }
    for (TensorKind kind : TensorKind.values()) {
      table.accept(HeadGroupKey.page(planted.key(), kind, 32), null);
    }
    assertEquals(List.of(), reader.verify(table, "acme", planted.key()));

    float[] query = query(9);
    AttentionPartial got = new AttentionPartial(D);
    reader.attend(group, 1, query, 0, 96, got);

    AttentionPartial expected = new AttentionPartial(D);
    AttentionSummary summary = new AttentionSummary(64, D, 5);
    summary.add(keys, 32 * CHANNELS + D, CHANNELS, planted.values, 32 * CHANNELS + D, CHANNELS, 32);
    summary.accumulate(query, 0, expected);
    for (int first : new int[] {64, 0}) {
      float[] scores = new float[32];
      for (int t = 0; t < 32; t++) {
        for (int c = 0; c < D; c++) {
          scores[t] += query[c] * keys[(first + t) * CHANNELS + D + c];
        }
      }
      expected.add(scores, 0, 32, planted.values, first * CHANNELS + D, CHANNELS);
    }
    float[] a = new float[D];
    float[] b = new float[D];
    expected.finish(a, 0);
    got.finish(b, 0);
    assertArrayEquals(a, b, 1e-5f);
    assertThrows(
        IllegalArgumentException.class,
        () -> reader.restore(group, TensorKind.KEYS, 0, 96),
        "aged tokens cannot be restored");
    assertThrows(
        IllegalArgumentException.class,
        () -> reader.attend(group, 1, query, 0, 40, new AttentionPartial(D)));
  }

  @Test
  void whatIsMissingIsNamed() {
    PlantedPages planted = new PlantedPages("acme", "s1", 96, RotaryState.NONE, 5);
    planted.into(table, planted.pages(32, FP16));
    String gone = HeadGroupKey.page(planted.key(), TensorKind.VALUES, 32);
    table.accept(gone, null);
    HeadGroupPages group = table.group("acme", planted.key()).orElseThrow();
    IllegalArgumentException failure =
        assertThrows(
            IllegalArgumentException.class,
            () -> reader.attend(group, 0, query(1), 0, 96, new AttentionPartial(D)));
    assertTrue(failure.getMessage().contains(gone), failure.getMessage());
    List<ChainCheck.Finding> findings = reader.verify(table, "acme", planted.key());
    assertTrue(findings.stream().anyMatch(f -> f.key().equals(gone)), findings.toString());
  }

  @Test
  void aPageNeedsTheVersionThatItNames() {
    PlantedPages planted = new PlantedPages("acme", "s1", 32, RotaryState.NONE, 5);
    planted
        .pages(32, FP16)
        .forEach(
            (key, page) -> {
              page.setBasis("model/0123abcd/3/K/4");
              page.setBasisVersion(7L);
              table.accept(key, planted.encode(page));
            });
    HeadGroupPages group = table.group("acme", planted.key()).orElseThrow();
    IllegalArgumentException failure =
        assertThrows(
            IllegalArgumentException.class, () -> reader.restore(group, TensorKind.KEYS, 0, 32));
    assertTrue(
        failure.getMessage().contains("version 7 of model/0123abcd/3/K/4"), failure.getMessage());
  }

  @Test
  void anUntouchedChainHasNoFindings() {
    for (RotaryState state : RotaryState.values()) {
      PlantedPages planted = new PlantedPages("acme", "s-" + state, 100, state, 6);
      planted.into(table, planted.pages(32, FP16));
      assertEquals(List.of(), reader.verify(table, "acme", planted.key()));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gap", "double", "previous hash", "sequence", "content", "seed", "bits"})
  void damageIsFoundAndNamed(String damage) {
    PlantedPages planted = new PlantedPages("acme", "s1", 128, RotaryState.BEFORE, 7);
    TreeMap<String, KeyValuePage> pages = new TreeMap<>(planted.pages(32, FP16));
    String second = HeadGroupKey.page(planted.key(), TensorKind.VALUES, 32);
    String third = HeadGroupKey.page(planted.key(), TensorKind.VALUES, 64);
    KeyValuePage page = pages.get(second);
    String expected =
        switch (damage) {
          case "gap" -> {
            pages.remove(second);
            yield second;
          }
          case "double" -> {
            KeyValuePage other =
                planted
                    .pages(48, FP16)
                    .get(HeadGroupKey.page(planted.key(), TensorKind.VALUES, 48));
            pages.put(HeadGroupKey.page(planted.key(), TensorKind.VALUES, 48), other);
            yield HeadGroupKey.page(planted.key(), TensorKind.VALUES, 48);
          }
          case "previous hash" -> {
            // a whole chain of another content behind the first page
            PlantedPages other = new PlantedPages("acme", "s1", 128, RotaryState.BEFORE, 8);
            other
                .pages(32, FP16)
                .forEach(
                    (k, v) -> {
                      if (k.contains("/V/") && v.getFirstToken() >= 64) {
                        pages.put(k, v);
                      }
                    });
            yield third;
          }
          case "sequence" -> {
            page.setSequence(2L);
            yield second;
          }
          case "content" -> {
            page.setContentHash(ByteBuffer.wrap(new byte[32]));
            yield second;
          }
          case "seed" -> {
            // another session's own first page says what its key says, but chains from a stranger
            PlantedPages stranger = new PlantedPages("evil", "s1", 128, RotaryState.BEFORE, 7);
            String first = HeadGroupKey.page(planted.key(), TensorKind.VALUES, 0);
            KeyValuePage theirs =
                stranger
                    .pages(32, FP16)
                    .get(HeadGroupKey.page(stranger.key(), TensorKind.VALUES, 0));
            theirs.setGroup(planted.group);
            pages.put(first, theirs);
            yield first;
          }
          default -> {
            page.setBitsPerValue(1f);
            yield second;
          }
        };
    planted.into(table, pages);
    List<ChainCheck.Finding> findings = reader.verify(table, "acme", planted.key());
    assertFalse(findings.isEmpty());
    assertTrue(findings.stream().anyMatch(f -> f.key().equals(expected)), findings.toString());
  }

  @Test
  void everyFlippedByteOfAPageIsFound() {
    PlantedPages planted = new PlantedPages("acme", "s1", 64, RotaryState.BEFORE, 9);
    Map<String, KeyValuePage> pages = planted.pages(32, FP16);
    String key = HeadGroupKey.page(planted.key(), TensorKind.KEYS, 32);
    byte[] good = planted.encode(pages.get(key));
    for (int at = 0; at < good.length; at++) {
      byte[] bad = good.clone();
      bad[at] ^= 0x10;
      PageTable damaged = new PageTable();
      planted.into(damaged, pages);
      damaged.accept(key, bad);
      List<ChainCheck.Finding> findings = reader.verify(damaged, "acme", planted.key());
      int flipped = at;
      assertFalse(findings.isEmpty(), () -> "flip at " + flipped + ": " + PlantedPages.text(bad));
      if (damaged.damaged("acme").size() == 1) {
        assertTrue(findings.stream().anyMatch(f -> f.key().equals(key)), findings.toString());
      }
    }
  }

  @Test
  void survivesTenThousandDamagedRecords() {
    Random random = new Random(20);
    PlantedPages planted = new PlantedPages("acme", "s1", 96, RotaryState.BEFORE, 10);
    List<PageCodec> codecs =
        List.of(
            FP16,
            new Kivi(2, 32),
            new RoundToNearest(4, 32),
            new RotatedCodebook(2),
            new BlockFloat(4));
    float[] query = query(3);
    List<Map<String, byte[]>> records = new ArrayList<>();
    for (PageCodec codec : codecs) {
      Map<String, byte[]> encoded = new TreeMap<>();
      planted.pages(32, codec).forEach((key, page) -> encoded.put(key, planted.encode(page)));
      records.add(encoded);
    }
    SingleObject<KeyValuePage> framing = SingleObject.of(KeyValuePage.class);
    for (int trial = 0; trial < 10_000; trial++) {
      PageTable damaged = new PageTable();
      records
          .get(trial % codecs.size())
          .forEach(
              (key, good) -> {
                byte[] bytes = good.clone();
                if (random.nextInt(3) == 0) {
                  KeyValuePage page = framing.decode(good);
                  mutate(random, page);
                  bytes = framing.encode(page);
                }
                int flips = random.nextInt(4) == 0 ? 1 + random.nextInt(3) : 0;
                for (int flip = 0; flip < flips; flip++) {
                  bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
                }
                damaged.accept(
                    key,
                    random.nextInt(20) == 0
                        ? Arrays.copyOf(bytes, random.nextInt(bytes.length))
                        : bytes);
              });
      reader.verify(damaged, "acme", planted.key());
      for (HeadGroupPages group : damaged.groups("acme")) {
        try {
          reader.restore(group, TensorKind.KEYS, 0, Math.max(1, group.end()));
          reader.attend(group, 1, query, 0, group.end(), new AttentionPartial(D));
        } catch (IllegalArgumentException e) {
          assertTrue(e.getMessage() != null && !e.getMessage().isEmpty());
        }
      }
    }
  }

  /** Changes that a checksum does not stop, since the frame is sealed again. */
  private static void mutate(Random random, KeyValuePage page) {
    PageFrame frame = PageFrame.decode(page.getFrame());
    byte[] payload = PlantedPages.bytes(frame.payload());
    switch (random.nextInt(7)) {
      case 0 -> payload = Arrays.copyOf(payload, random.nextInt(2 * payload.length));
      case 1 -> payload[random.nextInt(payload.length)] ^= (byte) (1 + random.nextInt(255));
      case 2 -> page.setTokens(random.nextInt());
      case 3 -> page.setFirstToken(random.nextLong());
      case 4 -> page.getRotary().setBase(Double.longBitsToDouble(random.nextLong()));
      case 5 -> page.setContentHash(ByteBuffer.wrap(new byte[random.nextInt(64)]));
      default -> page.setBasis("nothing");
    }
    PageShape shape = frame.shape();
    if (random.nextInt(4) == 0) {
      shape =
          new PageShape(1 + random.nextInt(300), 1 + random.nextInt(60), 1 + random.nextInt(900));
    }
    page.setFrame(
        ByteBuffer.wrap(
            new PageFrame(
                    random.nextInt(3) == 0 ? (byte) random.nextInt(20) : frame.codec(),
                    random.nextInt(3) == 0 ? random.nextInt() : frame.parameters(),
                    shape,
                    frame.kind(),
                    frame.beforeRotary(),
                    page.getFirstToken(),
                    ByteBuffer.wrap(payload),
                    ByteBuffer.allocate(0))
                .encode()));
  }

  private static KeyValueSummary record(PlantedPages planted, int head, AttentionSummary summary) {
    return KeyValueSummary.newBuilder()
        .setGroup(planted.group)
        .setHead(head)
        .setRotary(
            new RotaryPosition(RotaryState.AFTER, RotaryPairing.NEIGHBOURS, 10_000.0, D, List.of()))
        .setFeatures(summary.features().features())
        .setSeed(summary.features().seed())
        .setFirstToken(32)
        .setTokens(summary.tokens())
        .setExponent(summary.exponent())
        .setNormalizer(ByteBuffer.wrap(summary.normalizer()))
        .setWeighted(ByteBuffer.wrap(summary.weighted()))
        .setTimeMicros(5)
        .build();
  }

  private static float[] slice(float[] tensor, int[] range) {
    return Arrays.copyOfRange(tensor, range[0] * CHANNELS, range[1] * CHANNELS);
  }

  private static float[] query(long seed) {
    Random random = new Random(seed);
    float[] query = new float[D + 2];
    for (int i = 0; i < query.length; i++) {
      query[i] = 0.5f * (float) random.nextGaussian();
    }
    return query;
  }

  private static float[] softmax(
      float[] keys, float[] values, int head, float[] query, int queryFrom, int from, int to) {
    double[] out = new double[D];
    double sum = 0;
    for (int t = from; t < to; t++) {
      double score = 0;
      for (int c = 0; c < D; c++) {
        score += (double) query[queryFrom + c] * keys[t * CHANNELS + head * D + c];
      }
      double weight = Math.exp(score);
      sum += weight;
      for (int c = 0; c < D; c++) {
        out[c] += weight * values[t * CHANNELS + head * D + c];
      }
    }
    float[] result = new float[D];
    for (int c = 0; c < D; c++) {
      result[c] = (float) (out[c] / sum);
    }
    return result;
  }
}
