package io.millrace.operator.federated;

import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.Optional;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * A member's shares of another's two secrets, sealed for the way over the server by
 * ChaCha20-Poly1305 (RFC 8439).
 *
 * <pre>
 * sealed: 33 share of the own seed | 33 share of the masking key | 16 tag
 * </pre>
 *
 * @param seedShare [33], not modified
 * @param keyShare [33], not modified
 */
record ShareEnvelope(byte[] seedShare, byte[] keyShare) {
  /** Bytes of a key; it serves one envelope. */
  static final int KEY_BYTES = 32;

  /** Bytes of a sealed envelope. */
  static final int SEALED_BYTES = 2 * SecretSharing.SHARE_BYTES + 16;

  private static final String NAME = "ChaCha20-Poly1305";

  byte[] seal(byte[] key) {
    byte[] plain = Arrays.copyOf(seedShare, 2 * SecretSharing.SHARE_BYTES);
    System.arraycopy(keyShare, 0, plain, SecretSharing.SHARE_BYTES, SecretSharing.SHARE_BYTES);
    try {
      return cipher(Cipher.ENCRYPT_MODE, key).doFinal(plain);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java lacks " + NAME, e);
    }
  }

  /** Opens an envelope; empty when it is not one under this key. */
  static Optional<ShareEnvelope> open(byte[] key, byte[] sealed) {
    if (sealed.length != SEALED_BYTES) {
      return Optional.empty();
    }
    try {
      byte[] plain = cipher(Cipher.DECRYPT_MODE, key).doFinal(sealed);
      return Optional.of(
          new ShareEnvelope(
              Arrays.copyOf(plain, SecretSharing.SHARE_BYTES),
              Arrays.copyOfRange(plain, SecretSharing.SHARE_BYTES, plain.length)));
    } catch (AEADBadTagException forged) {
      return Optional.empty();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java lacks " + NAME, e);
    }
  }

  private static Cipher cipher(int mode, byte[] key) throws GeneralSecurityException {
    Cipher cipher = Cipher.getInstance(NAME);
    cipher.init(mode, new SecretKeySpec(key, "ChaCha20"), new IvParameterSpec(new byte[12]));
    return cipher;
  }
}
