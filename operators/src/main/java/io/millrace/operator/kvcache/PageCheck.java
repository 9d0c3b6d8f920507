package io.millrace.operator.kvcache;

import io.millrace.schema.KeyValuePage;
import io.millrace.schema.RotaryState;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;

/** Verifies a page by itself: that it opens, and that its record says what it is. */
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
    if (!record.getChecksum().equals(checksum(record))) {
      throw new IllegalArgumentException(
          "record's checksum is not that of its tier, error, bits and time");
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

  /** CRC-32C of what no hash and no other checksum covers: tier, error, bits, event time. */
  static ByteBuffer checksum(KeyValuePage record) {
    CRC32C crc = new CRC32C();
    crc.update(record.getTier().name().getBytes(StandardCharsets.UTF_8));
    crc.update(
        ByteBuffer.allocate(2 * Float.BYTES + Long.BYTES)
            .putFloat(record.getRelativeError())
            .putFloat(record.getBitsPerValue())
            .putLong(record.getTimeMicros())
            .flip());
    return ByteBuffer.allocate(Integer.BYTES).putInt((int) crc.getValue()).flip();
  }

  private static String exactName(KeyValuePage record) {
    return new Exact(TokenFormat.valueOf(record.getFormat().name())).name();
  }
}
