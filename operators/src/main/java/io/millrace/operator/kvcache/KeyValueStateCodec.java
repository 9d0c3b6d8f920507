package io.millrace.operator.kvcache;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.StateCodec;
import io.millrace.operator.StateHeader;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
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
 *             keys, values, each: flag present; if so
 *               u8 format (1 FLOAT16, 2 BFLOAT16, 3 FLOAT32)
 *               u8 rotary state (0 NONE, 1 BEFORE, 2 AFTER); unless NONE
 *                 u8 pairing (0 NEIGHBOURS, 1 HALVES) | f64 base | i32 dimensions, factors | f64 each
 *               i64 start, next, sequence | 32 bytes chain hash
 * section 1   slots of the keys' {@link TokenWindow}, raw: i64 micros, c elements
 * section 2   of the values'
 * section 3   i32 c or 0 | f32 each: mean squares of queries
 * section 4   i32 h or 0; if so i32 m | i64 seed | each head: i32 exponent, i64 tokens, f32 m, f32 m d
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
  private static final int SUM_BYTES = Integer.BYTES + Long.BYTES;

  /** What follows the key: three sizes, two times, a flag, the summary's place, the shape. */
  private static final int FIXED_BYTES = 3 * 4 + 2 * 8 + 1 + 2 * 8 + 4 + 2 * 4;

  private static final int COUNTER_BYTES = 3 * 8 + PageChain.BYTES;

  private RandomFeatures featuresOrNull;

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
      case SUMMARIES -> encodeSummaries(state, out);
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
      decodeSummaries(in[SUMMARIES], state);
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
              + tensorBytes(state.keysOrNull)
              + tensorBytes(state.valuesOrNull);
      case 1 -> state.keysOrNull == null ? 0 : state.keysOrNull.window.encodedBytes();
      case 2 -> state.valuesOrNull == null ? 0 : state.valuesOrNull.window.encodedBytes();
      case MOMENTS -> Integer.BYTES + Float.BYTES * state.queryMeanSquares.length;
      case SUMMARIES -> summaryBytes(state);
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

  private static int tensorBytes(PagedTensor tensorOrNull) {
    if (tensorOrNull == null) {
      return 1;
    }
    TensorLayout layout = tensorOrNull.layout;
    int turned = layout.isTurned() ? 1 + 8 + 4 + 4 + 8 * layout.factors() : 0;
    return 1 + 2 + turned + COUNTER_BYTES;
  }

  private static void encodeFirst(KeyValueState state, ByteBuffer out) {
    StateHeader.putText(out, state.key);
    out.putInt(state.sizes.window()).putInt(state.sizes.page()).putInt(state.sizes.sinks());
    out.putLong(state.newestMicros).putLong(state.endMillis);
    StateHeader.putFlag(out, state.complete);
    out.putLong(state.summaryFirst).putLong(state.summaryRetryMillis).putInt(state.summaryRetries);
    out.putInt(state.groupOrNull == null ? 0 : state.groupOrNull.getHeads());
    out.putInt(state.groupOrNull == null ? 0 : state.groupOrNull.getHeadDimension());
    encodeTensor(state.keysOrNull, out);
    encodeTensor(state.valuesOrNull, out);
  }

  private static void encodeTensor(PagedTensor tensorOrNull, ByteBuffer out) {
    StateHeader.putFlag(out, tensorOrNull != null);
    if (tensorOrNull == null) {
      return;
    }
    out.put(
        (byte)
            switch (tensorOrNull.layout.format()) {
              case FLOAT16 -> 1;
              case BFLOAT16 -> 2;
              case FLOAT32 -> 3;
            });
    RotaryPosition rotary = tensorOrNull.layout.rotary();
    out.put(
        (byte)
            switch (rotary.getState()) {
              case NONE -> 0;
              case BEFORE -> 1;
              case AFTER -> 2;
            });
    if (tensorOrNull.layout.isTurned()) {
      out.put((byte) (rotary.getPairing() == RotaryPairing.HALVES ? 1 : 0));
      out.putDouble(rotary.getBase()).putInt(rotary.getDimensions());
      out.putInt(tensorOrNull.layout.factors());
      rotary.getFrequencyScale().forEach(out::putDouble);
    }
    out.putLong(tensorOrNull.window.start()).putLong(tensorOrNull.window.next());
    out.putLong(tensorOrNull.sequence).put(tensorOrNull.chainHash);
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
    state.keysOrNull = decodeTensor(in, sections[1], state, TensorKind.KEYS);
    state.valuesOrNull = decodeTensor(in, sections[2], state, TensorKind.VALUES);
    return state;
  }

  /** Null where there is none. */
  private static PagedTensor decodeTensor(
      ByteBuffer in, ByteBuffer slots, KeyValueState state, TensorKind kind) {
    if (!StateHeader.getFlag(in)) {
      return null;
    }
    if (state.groupOrNull == null) {
      throw new IllegalArgumentException("KV state has " + kind + " and no shape");
    }
    StateHeader.need(in, 2);
    byte code = in.get();
    TokenFormat format =
        switch (code) {
          case 1 -> TokenFormat.FLOAT16;
          case 2 -> TokenFormat.BFLOAT16;
          case 3 -> TokenFormat.FLOAT32;
          default -> throw new IllegalArgumentException("format is " + code + ", expected 1 to 3");
        };
    TensorLayout layout = new TensorLayout(format, decodeRotary(in));
    CacheInputCheck.requireRotary(kind, layout.rotary(), state.groupOrNull.getHeadDimension());
    StateHeader.need(in, COUNTER_BYTES);
    PagedTensor tensor = PagedTensor.start(state.groupOrNull, kind, layout, state.sizes);
    tensor.window.decode(in.getLong(), in.getLong(), format, slots);
    tensor.sequence = in.getLong();
    if (tensor.sequence < 0 || tensor.sequence > tensor.window.next()) {
      throw new IllegalArgumentException(
          "KV state has cut " + tensor.sequence + " of " + tensor.window.next() + " tokens");
    }
    in.get(tensor.chainHash);
    return tensor;
  }

  private static RotaryPosition decodeRotary(ByteBuffer in) {
    byte code = in.get();
    if (code == 0) {
      return TensorLayout.unturned();
    }
    StateHeader.need(in, 1 + 8 + 4 + 4);
    boolean halves = StateHeader.getFlag(in);
    double base = in.getDouble();
    int dimensions = in.getInt();
    int factors = in.getInt();
    StateHeader.need(in, factors < 0 ? Long.MAX_VALUE : 8L * factors);
    List<Double> scale = new ArrayList<>(factors);
    for (int i = 0; i < factors; i++) {
      scale.add(in.getDouble());
    }
    RotaryState state =
        switch (code) {
          case 1 -> RotaryState.BEFORE;
          case 2 -> RotaryState.AFTER;
          default ->
              throw new IllegalArgumentException("rotary state is " + code + ", expected 0 to 2");
        };
    return new RotaryPosition(
        state,
        halves ? RotaryPairing.HALVES : RotaryPairing.NEIGHBOURS,
        base,
        dimensions,
        List.copyOf(scale));
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

  private static int summaryBytes(KeyValueState state) {
    int bytes = Integer.BYTES;
    if (state.summaries.length > 0) {
      RandomFeatures features = state.summaries[0].features();
      bytes += Integer.BYTES + Long.BYTES + state.summaries.length * sumBytes(features);
    }
    return bytes;
  }

  private static int sumBytes(RandomFeatures features) {
    return SUM_BYTES + Float.BYTES * features.features() * (1 + features.headDimension());
  }

  private static void encodeSummaries(KeyValueState state, ByteBuffer out) {
    out.putInt(state.summaries.length);
    if (state.summaries.length > 0) {
      RandomFeatures features = state.summaries[0].features();
      out.putInt(features.features()).putLong(features.seed());
    }
    for (AttentionSummary sums : state.summaries) {
      out.putInt(sums.exponent()).putLong(sums.tokens());
      out.put(sums.normalizer()).put(sums.weighted());
    }
  }

  private void decodeSummaries(ByteBuffer in, KeyValueState state) {
    StateHeader.need(in, Integer.BYTES);
    int heads = in.getInt();
    if (heads == 0) {
      return;
    }
    if (state.groupOrNull == null || heads != state.groupOrNull.getHeads()) {
      throw new IllegalArgumentException("KV state has summaries of " + heads + " heads");
    }
    StateHeader.need(in, Integer.BYTES + Long.BYTES);
    int m = in.getInt();
    long seed = in.getLong();
    int d = state.groupOrNull.getHeadDimension();
    StateHeader.need(
        in, m < 1 ? Long.MAX_VALUE : heads * (SUM_BYTES + (long) Float.BYTES * m * (1 + d)));
    RandomFeatures features = features(m, d, seed);
    state.summaries = new AttentionSummary[heads];
    for (int head = 0; head < heads; head++) {
      int exponent = in.getInt();
      long tokens = in.getLong();
      ByteBuffer normalizer = take(in, Float.BYTES * m);
      ByteBuffer weighted = take(in, Float.BYTES * m * d);
      state.summaries[head] =
          AttentionSummary.decode(features, exponent, tokens, normalizer, weighted);
    }
  }

  private static ByteBuffer take(ByteBuffer in, int bytes) {
    ByteBuffer taken = in.slice().limit(bytes);
    in.position(in.position() + bytes);
    return taken;
  }

  private RandomFeatures features(int m, int d, long seed) {
    if (featuresOrNull == null
        || featuresOrNull.features() != m
        || featuresOrNull.headDimension() != d
        || featuresOrNull.seed() != seed) {
      featuresOrNull = new RandomFeatures(m, d, seed);
    }
    return featuresOrNull;
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
