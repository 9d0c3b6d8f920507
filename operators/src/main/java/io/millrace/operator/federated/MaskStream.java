package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.security.GeneralSecurityException;
import javax.crypto.Cipher;
import javax.crypto.spec.ChaCha20ParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * A mask: 32-bit words from a seed of 32 bytes, one ChaCha20 stream a chunk (RFC 8439). The chunk's
 * number is the nonce, so that each chunk is expanded where it lies and without the others, and a
 * seed may serve one vector only.
 *
 * <pre>
 * key    seed
 * nonce  i32 chunk, little endian | 8 bytes 0
 * word i of a chunk: bytes 4 i to 4 i + 3 of the stream, little endian
 * </pre>
 *
 * One thread: keeps blocks of 4 KiB, and allocates nothing of a chunk's size.
 */
final class MaskStream {
  /** Bytes of a seed. */
  static final int SEED_BYTES = 32;

  private static final String NAME = "ChaCha20";
  private static final int NONCE_BYTES = 12;
  private static final int BLOCK_BYTES = 4096;
  private static final int LARGEST_CHUNK = 1 << 26;

  private final byte[] zeros = new byte[BLOCK_BYTES];
  private final byte[] random = new byte[BLOCK_BYTES];
  private final IntBuffer words =
      ByteBuffer.wrap(random).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer();

  /**
   * Adds a mask modulo 2^32.
   *
   * @param seed [32], not modified
   * @param sum [0 .. 2^26], modified
   */
  void add(byte[] seed, int chunk, int[] sum) {
    apply(seed, chunk, sum, 1);
  }

  /** Takes a mask back: {@link #add} with minus. */
  void subtract(byte[] seed, int chunk, int[] sum) {
    apply(seed, chunk, sum, -1);
  }

  private void apply(byte[] seed, int chunk, int[] sum, int sign) {
    SettingCheck.range("bytes of a mask's seed", seed.length, SEED_BYTES, SEED_BYTES);
    SettingCheck.range("chunk", chunk, 0, Integer.MAX_VALUE);
    SettingCheck.range("length of a chunk", sum.length, 0, LARGEST_CHUNK);
    try {
      byte[] nonce = new byte[NONCE_BYTES];
      ByteBuffer.wrap(nonce).order(ByteOrder.LITTLE_ENDIAN).putInt(chunk);
      Cipher stream = Cipher.getInstance(NAME);
      stream.init(
          Cipher.ENCRYPT_MODE, new SecretKeySpec(seed, NAME), new ChaCha20ParameterSpec(nonce, 0));
      for (int from = 0; from < sum.length; from += BLOCK_BYTES / Integer.BYTES) {
        int count = Math.min(BLOCK_BYTES / Integer.BYTES, sum.length - from);
        stream.update(zeros, 0, count * Integer.BYTES, random, 0);
        for (int i = 0; i < count; i++) {
          sum[from + i] += sign * words.get(i);
        }
      }
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java lacks " + NAME, e);
    }
  }
}
