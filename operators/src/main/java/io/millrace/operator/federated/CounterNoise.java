package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.ChaCha20ParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * Gaussian noise by counter: the noise of a chunk of a version is a function of a secret key and of
 * nothing else, so that a replay after a crash publishes the same bytes instead of a second noisy
 * copy. A key of its own for every chunk (HMAC-SHA-256 over model, version and chunk), a ChaCha20
 * stream from it (RFC 8439), normal numbers by Box and Muller from 53-bit uniforms in StrictMath.
 *
 * <p>The key must stay out of logs and topics. About 200 ns a number. One thread.
 */
final class CounterNoise {
  private static final int KEY_BYTES = 32;
  private static final int LARGEST_CHUNK = 1 << 26;
  private static final int PAIRS = 512;

  private final SecretKeySpec master;

  /**
   * @param key 32 secret bytes, copied
   */
  CounterNoise(byte[] key) {
    if (key.length != KEY_BYTES) {
      throw new IllegalArgumentException(
          "noise key has " + key.length + " bytes, expected " + KEY_BYTES);
    }
    master = new SecretKeySpec(key, "HmacSHA256");
  }

  /**
   * The noise of a chunk.
   *
   * @param deviation 0 or more: noise multiplier times clip bound
   * @return [length], normal with this deviation
   */
  double[] chunk(String model, long version, int chunk, int length, double deviation) {
    SettingCheck.range("length of a chunk", length, 0, LARGEST_CHUNK);
    SettingCheck.range("deviation", deviation, 0, 1e150);
    try {
      Cipher stream = stream(model, version, chunk);
      double[] noise = new double[length];
      ByteBuffer zeros = ByteBuffer.allocate(2 * Long.BYTES * PAIRS);
      ByteBuffer random = ByteBuffer.allocate(2 * Long.BYTES * PAIRS);
      random.order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < length; i += 2 * PAIRS) {
        stream.update(zeros.clear(), random.clear());
        random.flip();
        for (int j = i; j < Math.min(length, i + 2 * PAIRS); j += 2) {
          // The first is above 0, for its logarithm.
          double first = ((random.getLong() >>> 11) + 1) * 0x1p-53;
          double angle = (random.getLong() >>> 11) * 0x1p-53 * 2 * Math.PI;
          double radius = deviation * Math.sqrt(-2 * StrictMath.log(first));
          noise[j] = radius * StrictMath.cos(angle);
          if (j + 1 < length) {
            noise[j + 1] = radius * StrictMath.sin(angle);
          }
        }
      }
      return noise;
    } catch (GeneralSecurityException missing) {
      throw new IllegalStateException("this Java lacks HmacSHA256 or ChaCha20", missing);
    }
  }

  private Cipher stream(String model, long version, int chunk) throws GeneralSecurityException {
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(master);
    byte[] name = model.getBytes(StandardCharsets.UTF_8);
    ByteBuffer place = ByteBuffer.allocate(2 * Integer.BYTES + Long.BYTES + name.length);
    place.order(ByteOrder.LITTLE_ENDIAN);
    mac.update(place.putLong(version).putInt(chunk).putInt(name.length).put(name).array());
    Cipher cipher = Cipher.getInstance("ChaCha20");
    // The key serves one stream only, so the nonce may be constant.
    cipher.init(
        Cipher.ENCRYPT_MODE,
        new SecretKeySpec(mac.doFinal(), "ChaCha20"),
        new ChaCha20ParameterSpec(new byte[12], 0));
    return cipher;
  }
}
