package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * Random bytes that follow from a secret, so that who has it draws the same again: each request is
 * an HKDF (RFC 5869) of the secret under the number of the request. One thread.
 */
final class DerivedBytes implements RandomBytes {
  /** Bytes of a secret. */
  static final int SECRET_BYTES = 32;

  private final byte[] secret;
  private final byte[] use;
  private long requests;

  /**
   * @param secret uniform, [32], copied
   * @param use public; another one brings other bytes; copied
   */
  DerivedBytes(byte[] secret, byte[] use) {
    SettingCheck.range("bytes of a secret", secret.length, SECRET_BYTES, SECRET_BYTES);
    this.secret = secret.clone();
    this.use = use.clone();
  }

  @Override
  public void fill(byte[] bytes) {
    byte[] info = new CanonicalBytes("derived-bytes").number(requests++).toBytes();
    byte[] derived = KeyDerivation.derive(secret, use, info, bytes.length);
    System.arraycopy(derived, 0, bytes, 0, bytes.length);
  }
}
