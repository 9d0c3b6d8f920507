package io.millrace.operator.kvcache;

import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.KeyValuePage;
import io.millrace.schema.KeyValueSample;
import io.millrace.schema.KeyValueSummary;
import io.millrace.schema.QueryMoments;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.SessionEnd;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Head groups and what they send; every element is a function of its place and a seed. */
final class CacheRecords {
  static final SingleObject<KeyValueBlock> BLOCKS = SingleObject.of(KeyValueBlock.class);
  static final SingleObject<SessionEnd> ENDS = SingleObject.of(SessionEnd.class);
  static final SingleObject<QueryMoments> MOMENTS = SingleObject.of(QueryMoments.class);
  private static final SingleObject<KeyValuePage> PAGES = SingleObject.of(KeyValuePage.class);
  private static final SingleObject<KeyValueSummary> SUMMARIES =
      SingleObject.of(KeyValueSummary.class);
  private static final SingleObject<KeyValueSample> SAMPLES = SingleObject.of(KeyValueSample.class);

  private CacheRecords() {}

  static HeadGroup group(String tenant, String session, int heads, int headDimension) {
    return new HeadGroup(tenant, "model-7b", "0123abcd", session, 3, 8, heads, headDimension);
  }

  static RotaryPosition rotary(RotaryState state, int dimensions) {
    return state == RotaryState.NONE
        ? none()
        : new RotaryPosition(state, RotaryPairing.HALVES, 10000.0, dimensions, List.of());
  }

  static RotaryPosition none() {
    return new RotaryPosition(RotaryState.NONE, RotaryPairing.NEIGHBOURS, 10000.0, 0, List.of());
  }

  static KeyValueBlock block(
      HeadGroup group, TensorKind kind, TensorLayout layout, long first, int tokens, long micros) {
    return new KeyValueBlock(
        HeadGroup.newBuilder(group).build(),
        kind,
        copy(layout.rotary()),
        layout.elementFormat(),
        first,
        tokens,
        micros,
        elements(group, kind, layout.format(), first, tokens));
  }

  static SessionEnd end(HeadGroup group, long micros) {
    return new SessionEnd(HeadGroup.newBuilder(group).build(), micros);
  }

  static QueryMoments moments(HeadGroup group, float size, long micros) {
    int channels = group.getHeads() * group.getHeadDimension();
    return new QueryMoments(
        HeadGroup.newBuilder(group).build(),
        micros,
        9L,
        new ArrayList<>(Collections.nCopies(channels, size)));
  }

  /** The elements of tokens; the tenant and session have no part in them, the model has. */
  static ByteBuffer elements(
      HeadGroup group, TensorKind kind, TokenFormat format, long first, int tokens) {
    int channels = group.getHeads() * group.getHeadDimension();
    ByteBuffer out =
        ByteBuffer.allocate(tokens * channels * format.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    for (long token = first; token < first + tokens; token++) {
      for (int channel = 0; channel < channels; channel++) {
        format.put(out, value(group.getModel().hashCode(), kind, token, channel));
      }
    }
    return out.flip();
  }

  /** Near-normal, with a mean and a size for each channel. */
  static float value(int seed, TensorKind kind, long token, int channel) {
    long hash = seed * 31L + kind.ordinal();
    hash = mix(hash * 0x9E3779B97F4A7C15L + token);
    hash = mix(hash * 0x9E3779B97F4A7C15L + channel);
    float sum = -2f;
    for (int i = 0; i < 4; i++) {
      sum += (hash >>> 16 * i & 0xffff) / 65536f;
    }
    return 1.7f * sum * (1 + channel % 3) + 0.2f * (channel % 5);
  }

  /** Every byte of an input. */
  static byte[] bytes(CacheInput input) {
    if (input instanceof CacheInput.Block block) {
      return BLOCKS.encode(block.block());
    }
    return input instanceof CacheInput.End end
        ? ENDS.encode(end.end())
        : MOMENTS.encode(((CacheInput.Moments) input).moments());
  }

  /** Every byte of an output. */
  static byte[] bytes(CacheOutput output) {
    if (output instanceof CacheOutput.Page page) {
      return PAGES.encode(page.page());
    }
    if (output instanceof CacheOutput.Summary summary) {
      return SUMMARIES.encode(summary.summary());
    }
    return output instanceof CacheOutput.Sample sample
        ? SAMPLES.encode(sample.sample())
        : ((CacheOutput.Removed) output).key().getBytes(StandardCharsets.UTF_8);
  }

  static TensorLayout layout(ElementFormat format, RotaryPosition rotary) {
    return TensorLayout.of(format, rotary);
  }

  /** With a list that a reader can fill again. */
  private static RotaryPosition copy(RotaryPosition rotary) {
    return new RotaryPosition(
        rotary.getState(),
        rotary.getPairing(),
        rotary.getBase(),
        rotary.getDimensions(),
        new ArrayList<>(rotary.getFrequencyScale()));
  }

  private static long mix(long x) {
    long y = (x ^ x >>> 30) * 0xBF58476D1CE4E5B9L;
    y = (y ^ y >>> 27) * 0x94D049BB133111EBL;
    return y ^ y >>> 31;
  }
}
