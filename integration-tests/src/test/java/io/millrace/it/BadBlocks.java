package io.millrace.it;

import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.Metric;
import io.millrace.schema.SingleObject;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;

/** Makes bad records out of good blocks, each with the reason it must be refused for. */
final class BadBlocks {
  private static final int HEADER_BYTES = SingleObject.HEADER_BYTES;

  private final Random random;
  private final SingleObject<KeyValueBlock> blocks = SingleObject.of(KeyValueBlock.class);
  private final List<Kind> kinds =
      List.of(
          this::truncated,
          this::flippedHeader,
          this::otherSchema,
          this::trailing,
          (key, good) -> new BadRecords.Bad(key, new byte[0], Reason.EMPTY, "empty"),
          (key, good) -> new BadRecords.Bad(key, null, Reason.EMPTY, "no value"),
          fault("gap", Reason.GAP, block -> block.setFirstToken(1L << 30)),
          fault("negative token", Reason.OUT_OF_RANGE, block -> block.setFirstToken(-1L)),
          fault("no token", Reason.MALFORMED, block -> block.setTokens(0)),
          fault("tokens claimed", Reason.MALFORMED, block -> block.setTokens(4096)),
          fault("too many tokens", Reason.TOO_LARGE, block -> block.setTokens(1 << 30)),
          fault("negative time", Reason.BAD_TIME, block -> block.setTimeMicros(-1_000_000L)),
          fault("time beyond 9999", Reason.BAD_TIME, block -> block.setTimeMicros(1L << 62)),
          fault("wider format", Reason.MALFORMED, block -> block.setFormat(ElementFormat.FLOAT32)),
          fault("other format", Reason.INCONSISTENT, BadBlocks::otherFormat),
          fault("NaN", Reason.NOT_FINITE, block -> element(block, (short) 0x7e01)),
          fault("infinity", Reason.NOT_FINITE, block -> element(block, (short) 0xfc00)),
          group("another tenant", Reason.BAD_KEY, group -> group.setTenant("mallory")),
          group("other weights", Reason.BAD_KEY, group -> group.setWeights("f00d")),
          group("slash in a name", Reason.BAD_KEY, group -> group.setSession("a/b")),
          group("other shape", Reason.WRONG_DIMENSION, group -> group.setHeads(1)),
          group("many channels", Reason.WRONG_DIMENSION, group -> group.setHeads(65_535)));
  private int next;

  private interface Kind {
    BadRecords.Bad make(byte[] key, byte[] good);
  }

  BadBlocks(Random random) {
    this.random = random;
  }

  /**
   * The next bad record, kinds in turn.
   *
   * @param good a block that was sent for its head group, not the end of its session
   */
  BadRecords.Bad next(KeyValueTrace.Sent good) {
    return kinds.get(next++ % kinds.size()).make(good.key(), good.value());
  }

  private BadRecords.Bad truncated(byte[] key, byte[] good) {
    int length = 1 + random.nextInt(good.length - 1);
    Reason reason = length < HEADER_BYTES ? Reason.BAD_FRAMING : Reason.MALFORMED;
    return new BadRecords.Bad(key, Arrays.copyOf(good, length), reason, "truncated to " + length);
  }

  private BadRecords.Bad flippedHeader(byte[] key, byte[] good) {
    byte[] value = good.clone();
    int bit = random.nextInt(HEADER_BYTES * Byte.SIZE);
    value[bit / Byte.SIZE] ^= (byte) (1 << bit % Byte.SIZE);
    Reason reason = bit < 2 * Byte.SIZE ? Reason.BAD_FRAMING : Reason.UNKNOWN_SCHEMA;
    return new BadRecords.Bad(key, value, reason, "header bit " + bit);
  }

  private BadRecords.Bad otherSchema(byte[] key, byte[] good) {
    byte[] metric = SingleObject.of(Metric.class).encode(new Metric("a", "b", Map.of(), 1L, 2.0));
    return new BadRecords.Bad(key, metric, Reason.WRONG_SCHEMA, "a metric");
  }

  private BadRecords.Bad trailing(byte[] key, byte[] good) {
    byte[] value = Arrays.copyOf(good, good.length + 1 + random.nextInt(9));
    return new BadRecords.Bad(key, value, Reason.MALFORMED, "trailing bytes");
  }

  private Kind fault(String kind, Reason reason, Consumer<KeyValueBlock> change) {
    return (key, good) -> {
      KeyValueBlock block = blocks.decode(good);
      change.accept(block);
      return new BadRecords.Bad(key, blocks.encode(block), reason, kind);
    };
  }

  private Kind group(String kind, Reason reason, Consumer<HeadGroup> change) {
    return fault(kind, reason, block -> change.accept(block.getGroup()));
  }

  private static void otherFormat(KeyValueBlock block) {
    block.setFormat(ElementFormat.BFLOAT16);
  }

  private static void element(KeyValueBlock block, short half) {
    ByteBuffer copy =
        ByteBuffer.allocate(block.getElements().remaining()).order(ByteOrder.LITTLE_ENDIAN);
    copy.put(block.getElements().duplicate());
    copy.putShort(copy.capacity() - Short.BYTES, half);
    block.setElements(copy.flip());
  }
}
