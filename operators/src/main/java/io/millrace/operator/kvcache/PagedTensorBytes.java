package io.millrace.operator.kvcache;

import io.millrace.operator.StateHeader;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * State bytes of the keys or values of a group, without the slots of their window and their aging
 * pages.
 *
 * <pre>
 *  1  flag present; if so
 *  1  format          1 FLOAT16, 2 BFLOAT16, 3 FLOAT32
 *  1  rotary state    0 NONE, 1 BEFORE, 2 AFTER; unless NONE
 *     1  pairing      0 NEIGHBOURS, 1 HALVES
 *     8  base         f64
 *     4  dimensions
 *     4  factors      then so many f64
 *  8  start
 *  8  next
 *  8  sequence
 * 32  chain hash
 * </pre>
 */
final class PagedTensorBytes {
  private static final int COUNTER_BYTES = 3 * 8 + PageChain.BYTES;

  private PagedTensorBytes() {}

  /** Bytes of {@link #encode}. */
  static int bytes(PagedTensor tensorOrNull) {
    if (tensorOrNull == null) {
      return 1;
    }
    TensorLayout layout = tensorOrNull.layout;
    int turned = layout.isTurned() ? 1 + 8 + 4 + 4 + 8 * layout.factors() : 0;
    return 1 + 2 + turned + COUNTER_BYTES;
  }

  static void encode(PagedTensor tensorOrNull, ByteBuffer out) {
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

  /**
   * Reads a tensor; null where there is none.
   *
   * @param slots of its window
   * @throws IllegalArgumentException for damaged bytes
   */
  static PagedTensor decodeOrNull(
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
}
