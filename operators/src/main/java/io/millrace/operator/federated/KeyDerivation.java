package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * HKDF with SHA-256 (Krawczyk, Eronen, RFC 5869): an agreed secret becomes as many independent keys
 * as it has uses. Stateless.
 */
final class KeyDerivation {
  private static final String HMAC = "HmacSHA256";
  private static final int HASH_BYTES = 32;

  private KeyDerivation() {}

  /**
   * A key for one use.
   *
   * @param secret not modified
   * @param salt public; may be empty
   * @param info names the use
   * @param bytes 1 to 255 * 32
   */
  static byte[] derive(byte[] secret, byte[] salt, byte[] info, int bytes) {
    SettingCheck.range("bytes of a derived key", bytes, 1, 255 * HASH_BYTES);
    try {
      Mac mac = Mac.getInstance(HMAC);
      mac.init(new SecretKeySpec(salt.length == 0 ? new byte[HASH_BYTES] : salt, HMAC));
      mac.init(new SecretKeySpec(mac.doFinal(secret), HMAC));
      ByteBuffer key = ByteBuffer.allocate(bytes + HASH_BYTES);
      byte[] block = new byte[0];
      for (int i = 1; key.position() < bytes; i++) {
        mac.update(block);
        mac.update(info);
        block = mac.doFinal(new byte[] {(byte) i});
        key.put(block);
      }
      return Arrays.copyOf(key.array(), bytes);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java platform has " + HMAC, e);
    }
  }
}
