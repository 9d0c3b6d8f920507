package io.millrace.operator.kvcache;

import io.millrace.operator.StateHeader;
import io.millrace.schema.PageTier;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;

/**
 * State bytes of aging pages.
 *
 * <pre>
 *  8  sequence
 *  8  lastMicros
 *  1  published
 *  1  tier            1 EXACT, 2 FINE, 3 COARSE
 * 96  content, previous and chain hash
 *  t  codec, basis    texts
 *  8  basisVersion
 *  4  relativeError
 *  4  length, then so many bytes of {@link PageFrame}
 * </pre>
 */
final class AgingPageBytes {
  private static final int FIXED_BYTES = 8 + 8 + 1 + 1 + 3 * PageChain.BYTES + 8 + 4 + 4;

  private AgingPageBytes() {}

  /** Bytes of {@link #encode}. */
  static int bytes(AgingPage page) {
    return FIXED_BYTES
        + StateHeader.textBytes(page.page().codec())
        + StateHeader.textBytes(page.page().basis())
        + page.page().frame().length;
  }

  static void encode(AgingPage aging, ByteBuffer out) {
    PageSpan span = aging.span();
    EncodedPage page = aging.page();
    out.putLong(span.sequence()).putLong(span.lastMicros());
    StateHeader.putFlag(out, aging.published());
    out.put(
        (byte)
            switch (page.tier()) {
              case EXACT -> 1;
              case FINE -> 2;
              case COARSE -> 3;
            });
    out.put(span.contentHash()).put(span.previousHash()).put(span.chainHash());
    StateHeader.putText(out, page.codec());
    StateHeader.putText(out, page.basis());
    out.putLong(page.basisVersion()).putFloat(page.relativeError());
    out.putInt(page.frame().length).put(page.frame());
  }

  /**
   * Reads a page; its frame's checksum is verified.
   *
   * @throws IllegalArgumentException for damaged bytes, or another page than the state can have
   */
  static AgingPage decode(ByteBuffer in, KeyValueState state, TensorKind kind) {
    StateHeader.need(in, FIXED_BYTES);
    PagedTensor tensor = state.tensorOrNull(kind);
    long sequence = in.getLong();
    long lastMicros = in.getLong();
    if (sequence < (state.sizes.sinks() > 0 ? 1 : 0)
        || sequence >= tensor.sequence
        || lastMicros < 0
        || lastMicros > EventTime.MAXIMUM_MICROS) {
      throw new IllegalArgumentException(
          "aging page " + sequence + " of " + tensor.sequence + " has time " + lastMicros);
    }
    boolean published = StateHeader.getFlag(in);
    PageTier tier = tier(in.get());
    byte[] content = hash(in);
    byte[] previous = hash(in);
    byte[] chain = hash(in);
    String codec = StateHeader.getText(in);
    String basis = StateHeader.getText(in);
    StateHeader.need(in, 8 + 4 + 4);
    long basisVersion = in.getLong();
    float relativeError = in.getFloat();
    int length = in.getInt();
    StateHeader.need(in, length < 0 ? Long.MAX_VALUE : length);
    byte[] bytes = new byte[length];
    in.get(bytes);
    long first = PagedTensor.firstToken(state.sizes, sequence);
    PageFrame frame = PageFrame.decode(ByteBuffer.wrap(bytes));
    if (!frame.shape().equals(state.shape(state.sizes.page()))
        || frame.kind() != PageCutter.pageKind(kind)
        || frame.firstToken() != first
        || frame.beforeRotary() && !tensor.layout.isTurned()) {
      throw new IllegalArgumentException(
          "aging page " + sequence + " holds a frame of other tokens, from " + frame.firstToken());
    }
    return new AgingPage(
        new PageSpan(sequence, first, state.sizes.page(), lastMicros, content, previous, chain),
        new EncodedPage(
            tier, codec, basis, basisVersion, frame.beforeRotary(), relativeError, bytes),
        published);
  }

  private static PageTier tier(byte code) {
    return switch (code) {
      case 1 -> PageTier.EXACT;
      case 2 -> PageTier.FINE;
      case 3 -> PageTier.COARSE;
      default -> throw new IllegalArgumentException("tier is " + code + ", expected 1 to 3");
    };
  }

  private static byte[] hash(ByteBuffer in) {
    byte[] hash = new byte[PageChain.BYTES];
    in.get(hash);
    return hash;
  }
}
