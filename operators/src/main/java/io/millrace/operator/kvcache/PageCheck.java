package io.millrace.operator.kvcache;

import io.millrace.schema.KeyValuePage;
import io.millrace.schema.RotaryState;
import java.nio.ByteBuffer;

/**
 * Verifies a page by itself: that it opens, and that its record says what it is. What no hash
 * covers is the tier, the measured error and the event time.
 */
final class PageCheck {
  private PageCheck() {}

  /**
   * Opens a page and compares.
   *
   * @throws IllegalArgumentException with what is wrong
   */
  static void require(HeldPage held, OpenedPages opened) {
    KeyValuePage record = held.envelope();
    PageFrame frame = held.frame();
    PageCodec codec = opened.codec(record, frame);
    OpenedPages.payload(codec, frame);
    if (frame.labels().hasRemaining()) {
      LabelColumn.open(frame.shape(), frame.labels());
    }
    if (!codec.name().equals(record.getCodec())) {
      throw new IllegalArgumentException(
          "record names codec " + record.getCodec() + ", its frame has " + codec.name());
    }
    if (record.getBasis().isEmpty() != (record.getBasisVersion() == -1)) {
      throw new IllegalArgumentException(
          "record names version "
              + record.getBasisVersion()
              + " of "
              + (record.getBasis().isEmpty() ? "no basis" : record.getBasis()));
    }
    float bits = (float) (8.0 * held.shared().bytes() / frame.shape().values());
    if (!(Math.abs(record.getBitsPerValue() - bits) <= 1e-6f * bits)) {
      throw new IllegalArgumentException(
          "record says " + record.getBitsPerValue() + " bits a value, its frame has " + bits);
    }
    if (codec instanceof Exact
        && codec.name().equals(exactName(record))
        && record.getRotary().getState() != RotaryState.BEFORE) {
      // the payload is what came, so its hash can be taken again
      byte[] elements = new byte[frame.payload().remaining()];
      frame.payload().duplicate().get(elements);
      byte[] content = PageChain.content(record.getFormat(), record.getRotary(), elements);
      if (!ByteBuffer.wrap(content).equals(record.getContentHash())) {
        throw new IllegalArgumentException("content hash is not that of the exact tokens");
      }
    }
  }

  private static String exactName(KeyValuePage record) {
    return new Exact(TokenFormat.valueOf(record.getFormat().name())).name();
  }
}
