package io.millrace.operator.federated;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.EdECPoint;
import java.security.spec.EdECPublicKeySpec;
import java.security.spec.NamedParameterSpec;

/**
 * Ed25519 (Bernstein, Duif, Lange, Schwabe, Yang, High-speed high-security signatures, 2011; RFC
 * 8032) of client commits, by the Java platform's own provider. Keys and signatures are the RFC's
 * raw bytes. Some 0.3 ms a check. Stateless.
 */
public final class ClientSignatures {
  /** Bytes of a public key. */
  public static final int KEY_BYTES = 32;

  /** Bytes of a signature. */
  public static final int SIGNATURE_BYTES = 64;

  private static final String ALGORITHM = "Ed25519";

  private ClientSignatures() {}

  /**
   * Whether bytes are a public key: a point of the curve.
   *
   * @param key not modified
   */
  public static boolean isKey(ByteBuffer key) {
    try {
      return key.remaining() == KEY_BYTES && signature(CanonicalBytes.array(key)) != null;
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  /**
   * Whether a message was signed by a key's owner. False for bytes that are no key or no signature.
   *
   * @param key raw public key, not modified
   * @param signature raw, not modified
   */
  public static boolean verify(ByteBuffer key, byte[] message, ByteBuffer signature) {
    if (key.remaining() != KEY_BYTES || signature.remaining() != SIGNATURE_BYTES) {
      return false;
    }
    try {
      Signature verification = signature(CanonicalBytes.array(key));
      verification.update(message);
      return verification.verify(CanonicalBytes.array(signature));
    } catch (GeneralSecurityException e) {
      // S beyond the order of the group, or no point
      return false;
    }
  }

  private static Signature signature(byte[] key) throws GeneralSecurityException {
    boolean odd = (key[KEY_BYTES - 1] & 0x80) != 0;
    byte[] bigEndian = new byte[KEY_BYTES];
    for (int i = 0; i < KEY_BYTES; i++) {
      bigEndian[i] = key[KEY_BYTES - 1 - i];
    }
    bigEndian[0] &= 0x7f;
    EdECPoint point = new EdECPoint(odd, new BigInteger(1, bigEndian));
    PublicKey publicKey =
        KeyFactory.getInstance(ALGORITHM)
            .generatePublic(new EdECPublicKeySpec(NamedParameterSpec.ED25519, point));
    Signature signature = Signature.getInstance(ALGORITHM);
    // decodes the point: fails when there is none
    signature.initVerify(publicKey);
    return signature;
  }
}
