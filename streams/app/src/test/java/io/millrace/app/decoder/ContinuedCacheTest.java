package io.millrace.app.decoder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.kvcache.CacheInput;
import io.millrace.operator.kvcache.CacheOutput;
import io.millrace.operator.kvcache.HeadGroupKey;
import io.millrace.operator.kvcache.HeadGroupPages;
import io.millrace.operator.kvcache.KeyValueReader;
import io.millrace.operator.kvcache.KeyValueSettings;
import io.millrace.operator.kvcache.KeyValueState;
import io.millrace.operator.kvcache.KeyValueWindow;
import io.millrace.operator.kvcache.PageTable;
import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.KeyValuePage;
import io.millrace.schema.RotaryState;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TensorKind;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A small decoder goes on from the pages of a session, through the operator and the reader. */
class ContinuedCacheTest {
  private static final int WRITTEN = 71;
  private static final int CONTINUED = 40;
  private static final HeadGroup NAMES = new HeadGroup("t", "tiny", "w", "s", 0, 0, 1, 1);
  private static final io.millrace.operator.Models NO_MODELS = io.millrace.operator.Models.NONE;
  private static final SingleObject<KeyValuePage> PAGES = SingleObject.of(KeyValuePage.class);

  private final Decoder decoder =
      new Decoder(DecoderWeights.of(TinyCheckpoint.bytes(), DecoderWeights.Format.FLOAT32));
  private final DenseCache exact = decoder.exactCache();
  private final PageTable table = new PageTable();

  @ParameterizedTest
  @EnumSource(
      value = RotaryState.class,
      names = {"BEFORE", "AFTER"})
  void exactPagesContinueAsTheCacheItselfDoes(RotaryState keys) {
    ContinuedCache pages = session("fp32", keys);
    assertEquals(WRITTEN, pages.tokens());
    for (int i = 0; i < CONTINUED; i++) {
      float[] expected = decoder.step(token(WRITTEN + i), exact).clone();
      assertArrayEquals(expected, decoder.step(token(WRITTEN + i), pages), 1e-4f, "token " + i);
    }
    assertEquals(WRITTEN + CONTINUED, pages.tokens());
  }

  @Test
  void coarsePagesContinueOtherwise() {
    ContinuedCache pages = session("rtn-4", RotaryState.AFTER);
    float[] expected = decoder.step(1, exact).clone();
    float[] got = decoder.step(1, pages);
    double difference = 0;
    for (int i = 0; i < expected.length; i++) {
      difference = Math.max(difference, Math.abs(expected[i] - got[i]));
    }
    assertTrue(difference > 1e-4 && difference < 1, "largest difference " + difference);
  }

  @Test
  void aMissingPageIsNamed() {
    session("fp32", RotaryState.BEFORE);
    List<HeadGroupPages> layers = layers();
    String missing = HeadGroupKey.page(layers.get(1).key(), TensorKind.VALUES, 2);
    table.accept(missing, new byte[0]);
    KeyValueReader reader = new KeyValueReader(NO_MODELS, 1 << 20);
    ContinuedCache pages = new ContinuedCache(decoder, reader, layers, WRITTEN);
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> decoder.step(0, pages));
    assertTrue(refused.getMessage().contains(missing), refused.getMessage());
  }

  /** Writes a session through the operator; its pages are in the table afterwards. */
  private ContinuedCache session(String codec, RotaryState keys) {
    KeyValueSettings.Tier tier = new KeyValueSettings.Tier(codec, codec, 0, 0);
    KeyValueWindow operator =
        new KeyValueWindow(
            new KeyValueSettings(
                new KeyValueSettings.Window(16, 8, 2),
                new KeyValueSettings.Tiers(tier, tier, new KeyValueSettings.Summary(1, 0, 0), 0),
                new KeyValueSettings.Lifetime(0, 0),
                new KeyValueSettings.Bases(true, 0, 1),
                new KeyValueSettings.Limits(64, 64)));
    SessionRecords records =
        new SessionRecords(decoder.shape(), NAMES, keys, ElementFormat.FLOAT32);
    List<KeyValueState> states = new ArrayList<>();
    for (int layer = 0; layer < decoder.shape().layers(); layer++) {
      states.add(operator.createState(HeadGroupKey.of(records.group(layer))));
    }
    KeyValueCache writing =
        new KeyValueCache() {
          @Override
          public int tokens() {
            return exact.tokens();
          }

          @Override
          public void append(int layer, float[] k, int keysFrom, float[] v, int valuesFrom) {
            SessionRecords.Span span = new SessionRecords.Span(exact.tokens(), 1, 0);
            float[] turned = new float[decoder.shape().channels()];
            System.arraycopy(k, keysFrom, turned, 0, turned.length);
            if (keys == RotaryState.AFTER) {
              decoder.rotary().turn(turned, 0, turned.length, exact.tokens());
            }
            accept(layer, records.block(layer, TensorKind.KEYS, span, turned, 0));
            accept(layer, records.block(layer, TensorKind.VALUES, span, v, valuesFrom));
            exact.append(layer, k, keysFrom, v, valuesFrom);
          }

          @Override
          public void attend(int layer, float[] queries, float[] out) {
            exact.attend(layer, queries, out);
          }

          private void accept(int layer, KeyValueBlock block) {
            operator.accept(
                states.get(layer),
                new CacheInput.Block(block),
                0,
                NO_MODELS,
                output -> publish(layer, output));
          }
        };
    for (int i = 0; i < WRITTEN; i++) {
      decoder.step(token(i), writing);
    }
    for (int layer = 0; layer < states.size(); layer++) {
      int of = layer;
      operator.accept(
          states.get(layer),
          new CacheInput.End(records.end(layer, 0)),
          0,
          NO_MODELS,
          output -> publish(of, output));
    }
    KeyValueReader reader = new KeyValueReader(NO_MODELS, 1 << 20);
    return new ContinuedCache(decoder, reader, layers(), WRITTEN);
  }

  private void publish(int layer, CacheOutput output) {
    if (output instanceof CacheOutput.Page page) {
      String group = HeadGroupKey.of(page.page().getGroup());
      assertEquals(layer, page.page().getGroup().getLayer());
      table.accept(page.key(group), PAGES.encode(page.page()));
    }
  }

  private List<HeadGroupPages> layers() {
    return List.copyOf(table.groups("t"));
  }

  private int token(int i) {
    return i * 7 % decoder.shape().vocabulary();
  }
}
