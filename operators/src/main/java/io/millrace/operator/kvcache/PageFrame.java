package io.millrace.operator.kvcache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/**
 * A page's bytes: what is needed to open it behind a checksum, then its payload, then its label
 * column where it has one.
 *
 * <pre>
 * offset  size  field (little-endian)
 *      0     2  magic          'K' 'V'
 *      2     1  format         1
 *      3     1  codec          {@link PageCodec#id}
 *      4     2  flags          bit 0: values; 1: before the rotary step; 2: a label column follows
 *      6     2  heads          h
 *      8     2  headDimension  d
 *     10     2  tokens         n
 *     12     4  parameters     {@link PageCodec#parameters}
 *     16     8  firstToken
 *     24     4  payloadLength
 *     28     4  CRC-32C        of all bytes but these four
 *     32        payload, labels
 * </pre>
 *
 * <p>256 / (n h d) bits a value.
 *
 * @param codec number of the codec
 * @param parameters of the codec
 * @param beforeRotary whether a reader turns the vectors after restoring
 * @param firstToken position of the first token
 * @param payload little-endian, its position at the start
 * @param labels empty where there is no label column
 */
public record PageFrame(
    byte codec,
    int parameters,
    PageShape shape,
    PageKind kind,
    boolean beforeRotary,
    long firstToken,
    ByteBuffer payload,
    ByteBuffer labels) {
  /** Bytes of the header. */
  public static final int HEADER_BYTES = 32;

  private static final short MAGIC = 0x564b;
  private static final byte FORMAT = 1;
  private static final int CHECKSUM_OFFSET = 28;
  private static final int VALUES = 1;
  private static final int BEFORE_ROTARY = 2;
  private static final int LABELS = 4;

  /** The frame of what a codec made. */
  public static PageFrame of(
      PageCodec codec,
      PageShape shape,
      PageKind kind,
      boolean beforeRotary,
      long firstToken,
      byte[] payload) {
    return new PageFrame(
        codec.id(),
        codec.parameters(),
        shape,
        kind,
        beforeRotary,
        firstToken,
        ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN),
        ByteBuffer.allocate(0));
  }

  /** The same page with a label column. */
  public PageFrame withLabels(byte[] column) {
    return new PageFrame(
        codec,
        parameters,
        shape,
        kind,
        beforeRotary,
        firstToken,
        payload,
        ByteBuffer.wrap(column).order(ByteOrder.LITTLE_ENDIAN));
  }

  /** The bytes. */
  public byte[] encode() {
    int flags =
        (kind == PageKind.VALUES ? VALUES : 0)
            | (beforeRotary ? BEFORE_ROTARY : 0)
            | (labels.hasRemaining() ? LABELS : 0);
    ByteBuffer out =
        ByteBuffer.allocate(HEADER_BYTES + payload.remaining() + labels.remaining())
            .order(ByteOrder.LITTLE_ENDIAN)
            .putShort(MAGIC)
            .put(FORMAT)
            .put(codec)
            .putShort((short) flags)
            .putShort((short) shape.heads())
            .putShort((short) shape.headDimension())
            .putShort((short) shape.tokens())
            .putInt(parameters)
            .putLong(firstToken)
            .putInt(payload.remaining())
            .putInt(0)
            .put(payload.duplicate())
            .put(labels.duplicate());
    out.putInt(CHECKSUM_OFFSET, checksum(out.array()));
    return out.array();
  }

  /**
   * Reads and verifies a frame; payload and labels share its bytes.
   *
   * @param bytes from position to limit; not modified
   * @throws IllegalArgumentException naming what is wrong: length, magic, format, checksum, shape
   */
  public static PageFrame decode(ByteBuffer bytes) {
    ByteBuffer in = bytes.slice().order(ByteOrder.LITTLE_ENDIAN);
    if (in.remaining() < HEADER_BYTES) {
      throw new IllegalArgumentException(
          "page has " + in.remaining() + " bytes, its header needs " + HEADER_BYTES);
    }
    if (in.getShort(0) != MAGIC || in.get(2) != FORMAT) {
      throw new IllegalArgumentException(
          String.format(
              "page begins with %04x, format %d, expected %04x, format %d",
              in.getShort(0), in.get(2), MAGIC, FORMAT));
    }
    byte[] all = new byte[in.remaining()];
    in.get(0, all);
    int checksum = checksum(all);
    if (in.getInt(CHECKSUM_OFFSET) != checksum) {
      throw new IllegalArgumentException(
          String.format(
              "page has checksum %08x, its bytes have %08x", in.getInt(CHECKSUM_OFFSET), checksum));
    }
    int flags = in.getShort(4);
    int payloadLength = in.getInt(24);
    int rest = all.length - HEADER_BYTES - payloadLength;
    if ((flags & ~(VALUES | BEFORE_ROTARY | LABELS)) != 0
        || payloadLength < 0
        || rest < 0
        || (rest > 0) != ((flags & LABELS) != 0)) {
      throw new IllegalArgumentException(
          "page has flags "
              + flags
              + " and a payload of "
              + payloadLength
              + " in "
              + all.length
              + " bytes");
    }
    PageShape shape =
        new PageShape(
            Short.toUnsignedInt(in.getShort(10)),
            Short.toUnsignedInt(in.getShort(6)),
            Short.toUnsignedInt(in.getShort(8)));
    return new PageFrame(
        in.get(3),
        in.getInt(12),
        shape,
        (flags & VALUES) != 0 ? PageKind.VALUES : PageKind.KEYS,
        (flags & BEFORE_ROTARY) != 0,
        in.getLong(16),
        ByteBuffer.wrap(all, HEADER_BYTES, payloadLength).slice().order(ByteOrder.LITTLE_ENDIAN),
        ByteBuffer.wrap(all, HEADER_BYTES + payloadLength, rest)
            .slice()
            .order(ByteOrder.LITTLE_ENDIAN));
  }

  private static int checksum(byte[] all) {
    CRC32C crc = new CRC32C();
    crc.update(all, 0, CHECKSUM_OFFSET);
    crc.update(all, HEADER_BYTES, all.length - HEADER_BYTES);
    return (int) crc.getValue();
  }
}
