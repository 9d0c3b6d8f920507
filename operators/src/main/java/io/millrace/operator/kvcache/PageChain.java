package io.millrace.operator.kvcache;

import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValuePage;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.TensorKind;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;

/**
 * The hash chain of a head group's keys or values, SHA-256 throughout:
 *
 * <pre>
 * seed     "io.millrace.kvcache.chain.1" tenant model weights, each behind its length in 2 bytes,
 *          layer u32, firstHead u32, heads u32, headDimension u32, kind u8, rotary
 * content  format u8, rotary, elements as they came
 * chain    previous 32 bytes, content 32 bytes, firstToken u64, tokens u32
 *
 * rotary   state u8, pairing u8, base f64, dimensions u32, factors u32, f64 each
 * format   1 FLOAT16, 2 BFLOAT16, 3 FLOAT32      kind    1 KEYS, 2 VALUES
 * state    0 NONE, 1 BEFORE, 2 AFTER             pairing 0 NEIGHBOURS, 1 HALVES
 * </pre>
 *
 * <p>Numbers are big-endian here. The session has no part in it: equal prefixes of one tenant have
 * equal chains, those of two tenants never.
 */
final class PageChain {
  /** Bytes of a hash. */
  static final int BYTES = 32;

  private static final String NAME = "io.millrace.kvcache.chain.1";

  private PageChain() {}

  /**
   * What comes before sequence 0.
   *
   * @param rotary of the vectors as they came
   */
  static byte[] seed(HeadGroup group, TensorKind kind, RotaryPosition rotary) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeUTF(NAME);
      out.writeUTF(group.getTenant());
      out.writeUTF(group.getModel());
      out.writeUTF(group.getWeights());
      out.writeInt(group.getLayer());
      out.writeInt(group.getFirstHead());
      out.writeInt(group.getHeads());
      out.writeInt(group.getHeadDimension());
      out.writeByte(kind == TensorKind.KEYS ? 1 : 2);
      write(out, rotary);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return sha256().digest(bytes.toByteArray());
  }

  /**
   * Hash of a span's tokens.
   *
   * @param elements as they came; not modified
   */
  static byte[] content(ElementFormat format, RotaryPosition rotary, byte[] elements) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(64);
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeByte(
          switch (format) {
            case FLOAT16 -> 1;
            case BFLOAT16 -> 2;
            case FLOAT32 -> 3;
          });
      write(out, rotary);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    MessageDigest sha256 = sha256();
    sha256.update(bytes.toByteArray());
    return sha256.digest(elements);
  }

  /** The hash that a span adds to its chain. */
  static byte[] next(byte[] previous, byte[] content, long firstToken, int tokens) {
    ByteBuffer place = ByteBuffer.allocate(Long.BYTES + Integer.BYTES);
    place.putLong(firstToken).putInt(tokens);
    MessageDigest sha256 = sha256();
    sha256.update(previous);
    sha256.update(content);
    return sha256.digest(place.array());
  }

  /** Whether a page's chain hash is that of its own fields. */
  static boolean isLinked(KeyValuePage page) {
    return Arrays.equals(
        bytes(page.getChainHash()),
        next(
            bytes(page.getPreviousHash()),
            bytes(page.getContentHash()),
            page.getFirstToken(),
            page.getTokens()));
  }

  /**
   * Whether a page of sequence 0 begins the chain of its own group. Keys in a page that says BEFORE
   * may have come AFTER.
   */
  static boolean isSeeded(KeyValuePage page) {
    byte[] previous = bytes(page.getPreviousHash());
    RotaryPosition rotary = page.getRotary();
    return Arrays.equals(previous, seed(page.getGroup(), page.getKind(), rotary))
        || rotary.getState() == RotaryState.BEFORE
            && Arrays.equals(
                previous,
                seed(
                    page.getGroup(), page.getKind(), TensorLayout.with(rotary, RotaryState.AFTER)));
  }

  private static void write(DataOutputStream out, RotaryPosition rotary) throws IOException {
    out.writeByte(
        switch (rotary.getState()) {
          case NONE -> 0;
          case BEFORE -> 1;
          case AFTER -> 2;
        });
    out.writeByte(
        switch (rotary.getPairing()) {
          case NEIGHBOURS -> 0;
          case HALVES -> 1;
        });
    out.writeDouble(rotary.getBase());
    out.writeInt(rotary.getDimensions());
    out.writeInt(rotary.getFrequencyScale().size());
    for (double factor : rotary.getFrequencyScale()) {
      out.writeDouble(factor);
    }
  }

  private static byte[] bytes(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
