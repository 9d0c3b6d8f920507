package io.millrace.operator.kvcache;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.StateCodec;
import io.millrace.operator.StateHeader;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * State bytes of a head group, in 13 sections so that a commit writes little: the first moves with
 * every record, of the windows only the slots of new tokens change, and aging pages lie in {@value
 * KeyValueState#BUCKETS} buckets by runs of their sequence number, so that pages that come and go
 * touch one or two of them.
 *
 * <pre>
 * section 0   text key | i32 R, P, S | i64 newestMicros, endMillis | flag complete
 *             i64 summaryFirst, summaryRetryMillis | i32 summaryRetries | i32 h, d (0, 0: no record yet)
 *             keys, values: {@link PagedTensorBytes} each
 * section 1   slots of the keys' {@link TokenWindow}, raw: i64 micros, c elements
 * section 2   of the values'
 * section 3   i32 c or 0 | f32 each: mean squares of queries
 * section 4   {@link SummaryBytes}
 * section 5+  keys, values, each: i32 count | {@link AgingPageBytes} each
 * </pre>
 *
 * <p>One thread: keeps the random directions that it made last.
 */
public final class KeyValueStateCodec implements StateCodec<KeyValueState> {
  private static final byte VERSION = 1;
  private static final int MOMENTS = 3;
  private static final int SUMMARIES = 4;
  private static final int AGING = 5;

  /** What follows the key: three sizes, two times, a flag, the summary's place, the shape. */
  private static final int FIXED_BYTES = 3 * 4 + 2 * 8 + 1 + 2 * 8 + 4 + 2 * 4;

  private final SummaryBytes summaries = new SummaryBytes();

  @Override
  public int sections() {
    return AGING + KeyValueState.BUCKETS;
  }

  @Override
  public long revision(KeyValueState state, int section) {
    return switch (section) {
      case 0 -> state.revision;
      case 1 -> state.keysOrNull == null ? -1 : state.keysOrNull.window.revision();
      case 2 -> state.valuesOrNull == null ? -1 : state.valuesOrNull.window.revision();
      case MOMENTS -> state.momentsRevision;
      case SUMMARIES -> state.summaryRevision;
      default -> state.bucketRevisions[section - AGING];
    };
  }

  @Override
  public byte[] encode(KeyValueState state, int section) {
    ByteBuffer out =
        StateHeader.begin(
            StateHeader.KEY_VALUE_WINDOW, VERSION, section, sectionBytes(state, section));
    switch (section) {
      case 0 -> encodeFirst(state, out);
      case 1 -> encodeWindow(state.keysOrNull, out);
      case 2 -> encodeWindow(state.valuesOrNull, out);
      case MOMENTS -> {
        out.putInt(state.queryMeanSquares.length);
        StateHeader.putFloats(out, state.queryMeanSquares, 0, state.queryMeanSquares.length);
      }
      case SUMMARIES -> SummaryBytes.encode(state.summaries, out);
      default -> {
        for (TensorKind kind : TensorKind.values()) {
          List<AgingPage> pages = bucket(state, kind, section - AGING);
          out.putInt(pages.size());
          pages.forEach(page -> AgingPageBytes.encode(page, out));
        }
      }
    }
    return out.array();
  }

  @Override
  public KeyValueState decode(byte[][] sections) {
    if (sections.length != sections()) {
      throw new IllegalArgumentException(
          "KV state has " + sections.length + " sections, expected " + sections());
    }
    ByteBuffer[] in = new ByteBuffer[sections.length];
    for (int section = 0; section < in.length; section++) {
      in[section] =
          StateHeader.open(sections[section], StateHeader.KEY_VALUE_WINDOW, VERSION, section);
    }
    try {
      KeyValueState state = decodeFirst(in);
      decodeMoments(in[MOMENTS], state);
      if (state.groupOrNull != null) {
        state.summaries =
            summaries.decode(
                in[SUMMARIES], state.groupOrNull.getHeads(), state.groupOrNull.getHeadDimension());
      } else {
        state.summaries = summaries.decode(in[SUMMARIES], 0, 0);
      }
      for (int bucket = 0; bucket < KeyValueState.BUCKETS; bucket++) {
        for (TensorKind kind : TensorKind.values()) {
          decodeBucket(in[AGING + bucket], state, kind, bucket);
        }
      }
      for (ByteBuffer section : in) {
        StateHeader.end(section);
      }
      for (TensorKind kind : TensorKind.values()) {
        PagedTensor tensor = state.tensorOrNull(kind);
        if (tensor != null) {
          tensor.aging.sort(Comparator.comparingLong(page -> page.span().sequence()));
        }
      }
      return state;
    } catch (InvalidInputException e) {
      throw new IllegalArgumentException("KV state: " + e.getMessage(), e);
    }
  }

  @Override
  public long heapBytes(KeyValueState state) {
    long bytes = 2048 + 4L * state.queryMeanSquares.length;
    for (TensorKind kind : TensorKind.values()) {
      PagedTensor tensor = state.tensorOrNull(kind);
      if (tensor != null) {
        bytes += tensor.window.heapBytes();
        for (AgingPage page : tensor.aging) {
          bytes += 400 + page.page().frame().length;
        }
      }
    }
    return bytes + sectionBytes(state, SUMMARIES);
  }

  private static int sectionBytes(KeyValueState state, int section) {
    return switch (section) {
      case 0 ->
          StateHeader.textBytes(state.key)
              + FIXED_BYTES
              + PagedTensorBytes.bytes(state.keysOrNull)
              + PagedTensorBytes.bytes(state.valuesOrNull);
      case 1 -> state.keysOrNull == null ? 0 : state.keysOrNull.window.encodedBytes();
      case 2 -> state.valuesOrNull == null ? 0 : state.valuesOrNull.window.encodedBytes();
      case MOMENTS -> Integer.BYTES + Float.BYTES * state.queryMeanSquares.length;
      case SUMMARIES -> SummaryBytes.bytes(state.summaries);
      default -> {
        int bytes = 0;
        for (TensorKind kind : TensorKind.values()) {
          bytes += Integer.BYTES;
          for (AgingPage page : bucket(state, kind, section - AGING)) {
            bytes = Math.addExact(bytes, AgingPageBytes.bytes(page));
          }
        }
        yield bytes;
      }
    };
  }

  private static List<AgingPage> bucket(KeyValueState state, TensorKind kind, int bucket) {
    List<AgingPage> pages = new ArrayList<>();
    PagedTensor tensor = state.tensorOrNull(kind);
    if (tensor != null) {
      for (AgingPage page : tensor.aging) {
        if (KeyValueState.bucket(page.span().sequence()) == bucket) {
          pages.add(page);
        }
      }
    }
    return pages;
  }

  private static void encodeFirst(KeyValueState state, ByteBuffer out) {
    StateHeader.putText(out, state.key);
    out.putInt(state.sizes.window()).putInt(state.sizes.page()).putInt(state.sizes.sinks());
    out.putLong(state.newestMicros).putLong(state.endMillis);
    StateHeader.putFlag(out, state.complete);
    out.putLong(state.summaryFirst).putLong(state.summaryRetryMillis).putInt(state.summaryRetries);
    out.putInt(state.groupOrNull == null ? 0 : state.groupOrNull.getHeads());
    out.putInt(state.groupOrNull == null ? 0 : state.groupOrNull.getHeadDimension());
    PagedTensorBytes.encode(state.keysOrNull, out);
    PagedTensorBytes.encode(state.valuesOrNull, out);
  }

  private static void encodeWindow(PagedTensor tensorOrNull, ByteBuffer out) {
    if (tensorOrNull != null) {
      tensorOrNull.window.encode(out);
    }
  }

  private static KeyValueState decodeFirst(ByteBuffer[] sections) {
    ByteBuffer in = sections[0];
    String key = StateHeader.getText(in);
    StateHeader.need(in, FIXED_BYTES);
    KeyValueSettings.Window sizes =
        new KeyValueSettings.Window(in.getInt(), in.getInt(), in.getInt());
    KeyValueState state = new KeyValueState(key, sizes);
    state.newestMicros = in.getLong();
    state.endMillis = in.getLong();
    state.complete = StateHeader.getFlag(in);
    state.summaryFirst = in.getLong();
    state.summaryRetryMillis = in.getLong();
    state.summaryRetries = in.getInt();
    if (state.newestMicros < -1
        || state.newestMicros > EventTime.MAXIMUM_MICROS
        || state.endMillis < -1
        || state.endMillis > Long.MAX_VALUE / 4
        || state.summaryFirst < 0
        || state.summaryRetryMillis < 0
        || state.summaryRetries < 0) {
      throw new IllegalArgumentException(
          "KV state has times " + state.newestMicros + " and " + state.endMillis);
    }
    int heads = in.getInt();
    int headDimension = in.getInt();
    if (heads != 0 || headDimension != 0) {
      state.groupOrNull = HeadGroupKey.group(key, heads, headDimension);
      if ((long) heads * headDimension * sizes.capacity() > TokenWindow.MAXIMUM_VALUES) {
        throw new IllegalArgumentException(
            "KV state has " + heads + " x " + headDimension + " channels and " + sizes);
      }
    }
    state.keysOrNull = PagedTensorBytes.decodeOrNull(in, sections[1], state, TensorKind.KEYS);
    state.valuesOrNull = PagedTensorBytes.decodeOrNull(in, sections[2], state, TensorKind.VALUES);
    return state;
  }

  private static void decodeMoments(ByteBuffer in, KeyValueState state) {
    StateHeader.need(in, Integer.BYTES);
    state.queryMeanSquares = StateHeader.getFloats(in, in.getInt());
    int channels = state.groupOrNull == null ? 0 : state.channels();
    if (state.queryMeanSquares.length != 0 && state.queryMeanSquares.length != channels) {
      throw new IllegalArgumentException(
          "KV state has " + state.queryMeanSquares.length + " moments, expected " + channels);
    }
    for (float value : state.queryMeanSquares) {
      if (!Float.isFinite(value) || value < 0) {
        throw new IllegalArgumentException("KV state has a mean square of " + value);
      }
    }
  }

  private static void decodeBucket(
      ByteBuffer in, KeyValueState state, TensorKind kind, int bucket) {
    StateHeader.need(in, Integer.BYTES);
    int count = in.getInt();
    PagedTensor tensor = state.tensorOrNull(kind);
    if (count < 0 || count > 0 && tensor == null) {
      throw new IllegalArgumentException("KV state has " + count + " aging pages of " + kind);
    }
    long before = -1;
    for (int i = 0; i < count; i++) {
      AgingPage page = AgingPageBytes.decode(in, state, kind);
      long sequence = page.span().sequence();
      if (sequence <= before || KeyValueState.bucket(sequence) != bucket) {
        throw new IllegalArgumentException(
            "aging page " + sequence + " comes after " + before + " in bucket " + bucket);
      }
      before = sequence;
      tensor.aging.add(page);
    }
  }
}
