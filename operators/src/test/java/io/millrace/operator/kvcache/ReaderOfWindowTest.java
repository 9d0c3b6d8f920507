package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.Models;
import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueSummary;
import io.millrace.schema.RotaryState;
import io.millrace.schema.TensorKind;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the window operator emits, read back. */
class ReaderOfWindowTest {
  private static final int CHANNELS = 32;
  private final PageTable table = new PageTable();
  private final KeyValueReader reader = new KeyValueReader(Models.NONE, 1 << 20);
  private final HeadGroup group = CacheRecords.group("acme", "s1", 2, 16);
  private final String key = HeadGroupKey.of(group);

  @ParameterizedTest
  @EnumSource(RotaryState.class)
  void restoresWhatWentInAndVerifiesTheChain(RotaryState rotary) {
    run(new KeyValueTestSettings().fine("fp16", "fp16", 0).build(), rotary, 150, true);
    HeadGroupPages held = table.group("acme", key).orElseThrow();
    assertEquals(List.of(), reader.verify(table, "acme", key));
    assertEquals(150, held.end());
    float[] values = reader.restore(held, TensorKind.VALUES, 0, 150);
    float[] keys = reader.restore(held, TensorKind.KEYS, 0, 150);
    for (int token = 0; token < 150; token++) {
      for (int channel = 0; channel < CHANNELS; channel++) {
        float v = expected(TensorKind.VALUES, token, channel);
        assertEquals(v, values[token * CHANNELS + channel]);
        if (rotary != RotaryState.BEFORE) {
          assertEquals(
              expected(TensorKind.KEYS, token, channel), keys[token * CHANNELS + channel], 1e-2f);
        }
      }
    }
    if (rotary == RotaryState.BEFORE) {
      // position 0 does not turn, and turning keeps lengths
      for (int channel = 0; channel < CHANNELS; channel++) {
        assertEquals(expected(TensorKind.KEYS, 0, channel), keys[channel]);
      }
      double before = 0;
      double after = 0;
      for (int channel = 0; channel < CHANNELS; channel++) {
        before += Math.pow(expected(TensorKind.KEYS, 77, channel), 2);
        after += Math.pow(keys[77 * CHANNELS + channel], 2);
      }
      assertEquals(before, after, 1e-3 * before);
    }
  }

  @Test
  void agedTokensAreCoveredBySummariesAndTheRestByPages() {
    run(new KeyValueTestSettings().summary(32, 40).build(), RotaryState.AFTER, 200, false);
    HeadGroupPages held = table.group("acme", key).orElseThrow();
    assertEquals(List.of(), reader.verify(table, "acme", key));
    assertTrue(held.summary(0).isPresent() && held.summary(1).isPresent());
    assertTrue(held.summary(0).get().getTokens() > 50);
    AttentionPartial partial = new AttentionPartial(16);
    long attended =
        reader.attend(
            held, 1, new float[16], 0, new KeyValueReader.Extent(held.end(), 99), partial);
    assertEquals(held.end(), attended);
    // without the aged tokens, whose sums are estimates, the weights of a zero query count tokens
    KeyValueSummary summary = held.summary(1).orElseThrow();
    AttentionPartial estimate = new AttentionPartial(16);
    AttentionSummary.decode(
            new RandomFeatures(32, 16, summary.getSeed()),
            summary.getExponent(),
            summary.getTokens(),
            summary.getNormalizer(),
            summary.getWeighted())
        .accumulate(new float[16], 0, estimate);
    double weight =
        Math.scalb(partial.sum(), partial.exponent())
            - Math.scalb(estimate.sum(), estimate.exponent());
    assertEquals(held.end() - summary.getTokens(), weight, 1e-3 * partial.sum());
  }

  @Test
  void twoSessionsOfOneTenantShareWhatTheyHaveInCommon() {
    KeyValueSettings settings = new KeyValueTestSettings().build();
    run(settings, RotaryState.AFTER, 150, true);
    long frames = table.frames();
    HeadGroup second = CacheRecords.group("acme", "s2", 2, 16);
    run(settings, second, RotaryState.AFTER, 100, true);
    HeadGroup rival = CacheRecords.group("rival", "s1", 2, 16);
    long shared = table.frames();
    // sinks and whole pages of the window's cut; tails are cut elsewhere
    assertTrue(shared - frames <= 6, shared + " frames after " + frames);
    run(settings, rival, RotaryState.AFTER, 150, true);
    assertEquals(shared + frames, table.frames());
  }

  private static float expected(TensorKind kind, int token, int channel) {
    return Float16.decode(
        Float16.encode(CacheRecords.value("model-7b".hashCode(), kind, token, channel)));
  }

  private void run(KeyValueSettings settings, RotaryState rotary, int tokens, boolean end) {
    run(settings, group, rotary, tokens, end);
  }

  private void run(
      KeyValueSettings settings, HeadGroup of, RotaryState rotary, int tokens, boolean end) {
    KeyValueWindow window = new KeyValueWindow(settings);
    String groupKey = HeadGroupKey.of(of);
    KeyValueState state = window.createState(groupKey);
    for (int first = 0; first < tokens; first += 7) {
      int count = Math.min(7, tokens - first);
      for (TensorKind kind : TensorKind.values()) {
        TensorLayout layout =
            CacheRecords.layout(
                ElementFormat.FLOAT16,
                kind == TensorKind.KEYS ? CacheRecords.rotary(rotary, 16) : CacheRecords.none());
        CacheInput block =
            new CacheInput.Block(
                CacheRecords.block(of, kind, layout, first, count, 1_000L * (first + count)));
        accept(window, state, block, groupKey);
      }
    }
    if (end) {
      accept(window, state, new CacheInput.End(CacheRecords.end(of, 1_000L * tokens)), groupKey);
    }
  }

  private void accept(
      KeyValueWindow window, KeyValueState state, CacheInput input, String groupKey) {
    window.accept(
        state,
        input,
        window.eventTimeMillis(input),
        Models.NONE,
        output ->
            table.accept(
                output.key(groupKey),
                output instanceof CacheOutput.Removed ? null : CacheRecords.bytes(output)));
  }
}
