package io.millrace.app.cache;

import io.millrace.operator.Models;
import io.millrace.operator.kvcache.CacheInput;
import io.millrace.operator.kvcache.CacheOutput;
import io.millrace.operator.kvcache.HeadGroupKey;
import io.millrace.operator.kvcache.KeyValueSettings;
import io.millrace.operator.kvcache.KeyValueState;
import io.millrace.operator.kvcache.KeyValueWindow;
import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.KeyValuePage;
import io.millrace.schema.KeyValueSummary;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.SessionEnd;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/** Sessions of two heads of eight channels, paged by the window operator. */
final class PlantedCache {
  static final int HEADS = 2;
  static final int D = 8;
  static final int CHANNELS = HEADS * D;

  private static final RotaryPosition NONE =
      new RotaryPosition(RotaryState.NONE, RotaryPairing.NEIGHBOURS, 10_000.0, 0, List.of());
  private static final KeyValueSettings SETTINGS =
      new KeyValueSettings(
          new KeyValueSettings.Window(16, 8, 3),
          new KeyValueSettings.Tiers(
              new KeyValueSettings.Tier("fp32", "fp32", 0, 0),
              new KeyValueSettings.Tier("fp32", "fp32", 0, 0),
              new KeyValueSettings.Summary(8, 0, 1),
              0),
          new KeyValueSettings.Lifetime(0, 0),
          new KeyValueSettings.Bases(false, 0, 256),
          new KeyValueSettings.Limits(64, 1024));

  final HeadGroup group;
  final int tokens;

  /** [tokens x heads x d]. */
  final float[] keys;

  final float[] values;

  PlantedCache(String tenant, String session, int tokens, long seed) {
    this.group = new HeadGroup(tenant, "tiny", "00ff", session, 1, 0, HEADS, D);
    this.tokens = tokens;
    this.keys = floats(new Random(seed), tokens * CHANNELS);
    this.values = floats(new Random(~seed), tokens * CHANNELS);
  }

  /** MODEL/WEIGHTS/SESSION/LAYER/FIRSTHEAD. */
  String name() {
    return HeadGroupKey.of(group).substring(group.getTenant().length() + 1);
  }

  /** All records of the ended session, as on the pages topic. */
  Map<String, byte[]> records() {
    KeyValueWindow window = new KeyValueWindow(SETTINGS);
    String key = HeadGroupKey.of(group);
    KeyValueState state = window.createState(key);
    Map<String, byte[]> records = new TreeMap<>();
    SingleObject<KeyValuePage> pages = SingleObject.of(KeyValuePage.class);
    SingleObject<KeyValueSummary> summaries = SingleObject.of(KeyValueSummary.class);
    List<CacheInput> inputs =
        List.of(
            new CacheInput.Block(block(TensorKind.KEYS, keys)),
            new CacheInput.Block(block(TensorKind.VALUES, values)),
            new CacheInput.End(new SessionEnd(group, 2_000L)));
    for (CacheInput input : inputs) {
      window.accept(
          state,
          input,
          window.eventTimeMillis(input),
          Models.NONE,
          output -> {
            if (output instanceof CacheOutput.Page page) {
              records.put(output.key(key), pages.encode(page.page()));
            } else if (output instanceof CacheOutput.Summary summary) {
              records.put(output.key(key), summaries.encode(summary.summary()));
            }
          });
    }
    return records;
  }

  void into(CacheStore store) {
    records().forEach((key, value) -> put(store, key, value));
  }

  static void put(CacheStore store, String key, byte[] value) {
    store.takePage(key.getBytes(StandardCharsets.UTF_8), value);
  }

  static CacheStore store() {
    return new CacheStore(
        new CacheTopics("kv", Map.of(), "kv.pages", "kv.bases"), 1 << 20, Duration.ofSeconds(1));
  }

  /** Softmax attention in double over tokens {@code from} to {@code to} - 1. */
  double[] attention(int head, float[] query, int from, int to) {
    double[] out = new double[D];
    double sum = 0;
    for (int t = from; t < to; t++) {
      double score = 0;
      for (int c = 0; c < D; c++) {
        score += (double) query[c] * keys[t * CHANNELS + head * D + c];
      }
      double weight = Math.exp(score / Math.sqrt(D));
      sum += weight;
      for (int c = 0; c < D; c++) {
        out[c] += weight * values[t * CHANNELS + head * D + c];
      }
    }
    for (int c = 0; c < D; c++) {
      out[c] /= sum;
    }
    return out;
  }

  private KeyValueBlock block(TensorKind kind, float[] tensor) {
    ByteBuffer elements =
        ByteBuffer.allocate(Float.BYTES * tensor.length).order(ByteOrder.LITTLE_ENDIAN);
    elements.asFloatBuffer().put(tensor);
    return new KeyValueBlock(
        group, kind, NONE, ElementFormat.FLOAT32, 0L, tokens, 1_000L, elements);
  }

  static float[] floats(Random random, int length) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
