package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import io.millrace.operator.kvcache.PageMeasure.Cache;
import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.KeyValuePage;
import io.millrace.schema.PageTier;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What the operator as a whole does to a dump: blocks in, pages out, restored from the bytes of
 * their frames, with sinks.
 *
 * @param bits per value of all that has left the window, frames and sinks and all
 * @param pageBits likewise without the exact pages of the sinks
 * @param outputs ||O - O^|| / ||O|| over all queries that see a compressed token
 */
record WholeCache(double bits, double pageBits, double outputs) {

  /**
   * @param settings of the operator; pages stay in the fine tier
   * @param models bases, if the codecs need any
   */
  static WholeCache of(KeyValueDump dump, KeyValueSettings settings, Models models) {
    int sinks = settings.window().sinks();
    int page = settings.window().page();
    int window = settings.window().window();
    long[] bytes = new long[2];
    long[] values = new long[2];
    double error = 0;
    double energy = 0;
    for (int layer = 0; layer < dump.layers(); layer++) {
      Cache exact =
          new Cache(
              dump.span(PageKind.KEYS, layer, 0, dump.tokens()),
              dump.span(PageKind.VALUES, layer, 0, dump.tokens()));
      Cache restored = new Cache(exact.keys().clone(), exact.values().clone());
      for (KeyValuePage record : pages(dump, layer, settings, models)) {
        int exactTier = record.getTier() == PageTier.EXACT ? 0 : 1;
        bytes[exactTier] += record.getFrame().remaining();
        values[exactTier] += (long) record.getTokens() * dump.channels();
        restore(dump, record, models, restored);
      }
      for (int token = sinks + window + page - 1; token < dump.tokens(); token++) {
        int old = sinks + (token + 1 - window - sinks) / page * page;
        for (int head = 0; head < dump.queryHeads(); head++) {
          double[] expected = PageMeasure.attend(dump, layer, token, head, 0, exact, exact);
          double[] got = PageMeasure.attend(dump, layer, token, head, old, exact, restored);
          for (int c = 0; c < expected.length; c++) {
            error += (expected[c] - got[c]) * (expected[c] - got[c]);
            energy += expected[c] * expected[c];
          }
        }
      }
    }
    return new WholeCache(
        8.0 * (bytes[0] + bytes[1]) / (values[0] + values[1]),
        8.0 * bytes[1] / values[1],
        Math.sqrt(error / energy));
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT, "%.2f bit (%.2f without sinks), relO %.4f", bits, pageBits, outputs);
  }

  /** The id that the operator gives the basis of a layer's keys or values. */
  static String basis(KeyValueDump dump, int layer, PageKind kind) {
    return HeadGroupKey.basis(
        group(dump, layer), kind == PageKind.KEYS ? TensorKind.KEYS : TensorKind.VALUES, true);
  }

  private static List<KeyValuePage> pages(
      KeyValueDump dump, int layer, KeyValueSettings settings, Models models) {
    KeyValueWindow window = new KeyValueWindow(settings);
    HeadGroup group = group(dump, layer);
    KeyValueState state = window.createState(HeadGroupKey.of(group));
    List<KeyValuePage> pages = new ArrayList<>();
    for (TensorKind kind : TensorKind.values()) {
      boolean keys = kind == TensorKind.KEYS;
      float[] tensor = dump.span(keys ? PageKind.KEYS : PageKind.VALUES, layer, 0, dump.tokens());
      if (keys && dump.turns()) {
        // the operator counts positions from 0, whatever they were in the dump
        turn(dump, dump.tokens(), tensor, dump.firstToken(), true);
        turn(dump, dump.tokens(), tensor, 0, false);
      }
      ByteBuffer elements =
          ByteBuffer.allocate(tensor.length * Short.BYTES).order(ByteOrder.LITTLE_ENDIAN);
      Float16.put(elements, tensor, tensor.length);
      RotaryPosition rotary =
          new RotaryPosition(
              keys && dump.turns() ? RotaryState.AFTER : RotaryState.NONE,
              RotaryPairing.NEIGHBOURS,
              10_000.0,
              keys && dump.turns() ? dump.headDimension() : 0,
              List.of());
      window.accept(
          state,
          new CacheInput.Block(
              new KeyValueBlock(
                  group,
                  kind,
                  rotary,
                  ElementFormat.FLOAT16,
                  0L,
                  dump.tokens(),
                  1L,
                  elements.flip())),
          0,
          models,
          output -> {
            if (output instanceof CacheOutput.Page page) {
              pages.add(page.page());
            }
          });
    }
    return pages;
  }

  /** Puts what a page restores to in its place, keys turned to where the dump has them. */
  private static void restore(
      KeyValueDump dump, KeyValuePage record, Models models, Cache restored) {
    PageFrame frame = PageFrame.decode(record.getFrame());
    float[] values = new float[frame.shape().values()];
    PageCodecs.reading(
            frame.codec(),
            frame.parameters(),
            record.getBasis().isEmpty()
                ? Optional.empty()
                : models.version(record.getBasis(), record.getBasisVersion()))
        .open(frame.shape(), frame.kind(), frame.payload())
        .restore(values);
    boolean keys = record.getKind() == TensorKind.KEYS;
    if (keys && dump.turns()) {
      if (!frame.beforeRotary()) {
        turn(dump, record.getTokens(), values, record.getFirstToken(), true);
      }
      turn(dump, record.getTokens(), values, dump.firstToken() + record.getFirstToken(), false);
    }
    System.arraycopy(
        values,
        0,
        keys ? restored.keys() : restored.values(),
        (int) record.getFirstToken() * dump.channels(),
        values.length);
  }

  private static void turn(
      KeyValueDump dump, int tokens, float[] keys, long firstToken, boolean back) {
    DumpTools.rotary(dump).turn(DumpTools.shape(dump, tokens), keys, firstToken, back);
  }

  private static HeadGroup group(KeyValueDump dump, int layer) {
    return new HeadGroup(
        "tenant", dump.model(), "weights", "s", layer, 0, dump.heads(), dump.headDimension());
  }
}
