package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValuePage;
import io.millrace.schema.PageTier;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * Page records of one head group over random keys and values, cut and chained here, without the
 * operator that makes them in a pipeline.
 */
final class PlantedPages {
  static final int HEADS = 2;
  static final int D = 16;
  static final int CHANNELS = HEADS * D;

  final HeadGroup group;
  final RotaryPosition keyRotary;
  final int tokens;

  /** [tokens x heads x d], rounded to half precision; keys before the rotary step. */
  final float[] keys;

  final float[] values;

  private final SingleObject<KeyValuePage> codec = SingleObject.of(KeyValuePage.class);

  PlantedPages(String tenant, String session, int tokens, RotaryState state, long seed) {
    this.group = new HeadGroup(tenant, "model", "0123abcd", session, 3, 4, HEADS, D);
    this.keyRotary =
        new RotaryPosition(
            state,
            RotaryPairing.NEIGHBOURS,
            10_000.0,
            state == RotaryState.NONE ? 0 : D,
            List.of());
    this.tokens = tokens;
    this.keys = halves(new Random(seed), tokens * CHANNELS);
    this.values = halves(new Random(~seed), tokens * CHANNELS);
  }

  static RotaryPosition unturned() {
    return new RotaryPosition(RotaryState.NONE, RotaryPairing.NEIGHBOURS, 10_000.0, 0, List.of());
  }

  String key() {
    return HeadGroupKey.of(group);
  }

  /** Keys as queries meet them. */
  float[] turnedKeys() {
    float[] turned = keys.clone();
    if (keyRotary.getState() == RotaryState.BEFORE) {
      for (int t = 0; t < tokens; t++) {
        for (int pair = 0; pair < CHANNELS / 2; pair++) {
          double angle = t * Math.pow(10_000, -2.0 * (pair % (D / 2)) / D);
          int i = t * CHANNELS + 2 * pair;
          turned[i] = (float) (keys[i] * Math.cos(angle) - keys[i + 1] * Math.sin(angle));
          turned[i + 1] = (float) (keys[i] * Math.sin(angle) + keys[i + 1] * Math.cos(angle));
        }
      }
    }
    return turned;
  }

  /** Page records by key: pages of both kinds with {@code perPage} tokens. */
  Map<String, KeyValuePage> pages(int perPage, PageCodec pageCodec) {
    TreeMap<String, KeyValuePage> pages = new TreeMap<>();
    for (TensorKind kind : TensorKind.values()) {
      RotaryPosition rotary = kind == TensorKind.KEYS ? keyRotary : unturned();
      byte[] previous = PageChain.seed(group, kind, rotary);
      for (int first = 0, sequence = 0; first < tokens; first += perPage, sequence++) {
        int count = Math.min(perPage, tokens - first);
        KeyValuePage page = page(kind, rotary, first, count, pageCodec);
        byte[] content = bytes(page.getContentHash());
        byte[] chain = PageChain.next(previous, content, first, count);
        page.setSequence((long) sequence);
        page.setPreviousHash(ByteBuffer.wrap(previous));
        page.setChainHash(ByteBuffer.wrap(chain));
        pages.put(HeadGroupKey.page(key(), kind, first), page);
        previous = chain;
      }
    }
    return pages;
  }

  private KeyValuePage page(
      TensorKind kind, RotaryPosition rotary, int first, int count, PageCodec pageCodec) {
    float[] source = kind == TensorKind.KEYS ? keys : values;
    float[] span = new float[count * CHANNELS];
    System.arraycopy(source, first * CHANNELS, span, 0, span.length);
    ByteBuffer elements = ByteBuffer.allocate(2 * span.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float x : span) {
      elements.putShort(Float16.encode(x));
    }
    PageShape shape = new PageShape(count, HEADS, D);
    PageKind pageKind = kind == TensorKind.KEYS ? PageKind.KEYS : PageKind.VALUES;
    byte[] frame =
        PageFrame.of(
                pageCodec,
                shape,
                pageKind,
                rotary.getState() == RotaryState.BEFORE,
                first,
                pageCodec.encode(shape, pageKind, span))
            .encode();
    KeyValuePage page =
        KeyValuePage.newBuilder()
            .setGroup(group)
            .setKind(kind)
            .setRotary(rotary)
            .setFormat(ElementFormat.FLOAT16)
            .setFirstToken(first)
            .setTokens(count)
            .setTier(pageCodec instanceof Exact ? PageTier.EXACT : PageTier.FINE)
            .setCodec(pageCodec.name())
            .setBasis(pageCodec.model().map(Models.Model::id).orElse(""))
            .setBasisVersion(pageCodec.model().map(Models.Model::version).orElse(-1L))
            .setRelativeError(0f)
            .setBitsPerValue(8f * frame.length / shape.values())
            .setSequence(0)
            .setContentHash(
                ByteBuffer.wrap(PageChain.content(ElementFormat.FLOAT16, rotary, elements.array())))
            .setPreviousHash(ByteBuffer.allocate(32))
            .setChainHash(ByteBuffer.allocate(32))
            .setTimeMicros(1_000L * (first + count))
            .setChecksum(ByteBuffer.allocate(0))
            .setFrame(ByteBuffer.wrap(frame))
            .build();
    page.setChecksum(PageCheck.checksum(page));
    return page;
  }

  /** A page's record, for messages. */
  static String text(byte[] record) {
    return SingleObject.of(KeyValuePage.class).decode(record).toString();
  }

  byte[] encode(KeyValuePage page) {
    return codec.encode(page);
  }

  /** Gives all pages to a table. */
  void into(PageTable table, Map<String, KeyValuePage> pages) {
    pages.forEach((key, page) -> table.accept(key, encode(page)));
  }

  static byte[] bytes(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }

  private static float[] halves(Random random, int length) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = Float16.decode(Float16.encode((float) random.nextGaussian()));
    }
    return values;
  }
}
