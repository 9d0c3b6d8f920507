package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.math.BigInteger;
import java.util.Map;
import java.util.SortedMap;

/**
 * Threshold secret sharing (Shamir, How to share a secret, 1979) of 32 bytes, little-endian, over
 * the integers modulo the prime 2^256 + 297. The share at place x is the value there of a random
 * polynomial of degree t - 1 whose value at 0 is the secret: any t shares give it back, fewer are
 * independent of it.
 *
 * <p>A share is 33 bytes, little-endian. Dealing n shares costs n t multiplications, recovering t^2
 * and t inversions. Not in constant time. Stateless.
 */
final class SecretSharing {
  /** Bytes of a secret. */
  static final int SECRET_BYTES = 32;

  /** Bytes of a share. */
  static final int SHARE_BYTES = 33;

  /** The field: the least prime above 2^256. */
  static final BigInteger PRIME = BigInteger.TWO.pow(256).add(BigInteger.valueOf(297));

  private SecretSharing() {}

  /**
   * Deals shares.
   *
   * @param secret [32], not modified
   * @param threshold t, shares that bring it back, 1 to {@code places.length}
   * @param places x of each share, 1 or more, all different
   * @return shares in the order of the places
   */
  static byte[][] deal(byte[] secret, int threshold, int[] places, RandomBytes random) {
    requireLength("secret", secret, SECRET_BYTES);
    SettingCheck.range("threshold of shares", threshold, 1, places.length);
    BigInteger[] coefficients = new BigInteger[threshold];
    coefficients[0] = AgreementKey.littleEndian(secret);
    for (int i = 1; i < threshold; i++) {
      coefficients[i] = draw(random);
    }
    byte[][] shares = new byte[places.length][];
    for (int i = 0; i < places.length; i++) {
      SettingCheck.range("place of a share", places[i], 1, Integer.MAX_VALUE);
      BigInteger x = BigInteger.valueOf(places[i]);
      BigInteger value = BigInteger.ZERO;
      for (int j = threshold - 1; j >= 0; j--) {
        value = value.multiply(x).add(coefficients[j]).mod(PRIME);
      }
      shares[i] = AgreementKey.littleEndian(value, SHARE_BYTES);
    }
    return shares;
  }

  /**
   * The value at 0 of the polynomial through the shares (Lagrange): the secret if they are of one
   * secret and as many as its threshold.
   *
   * @param shares by place, not modified
   * @return [32]
   * @throws IllegalArgumentException for shares of wrong length or not reduced, or that are shares
   *     of no 32 bytes
   */
  static byte[] recover(SortedMap<Integer, byte[]> shares) {
    SettingCheck.range("number of shares", shares.size(), 1, Integer.MAX_VALUE);
    BigInteger secret = BigInteger.ZERO;
    for (Map.Entry<Integer, byte[]> share : shares.entrySet()) {
      requireShare(share.getValue());
      BigInteger above = AgreementKey.littleEndian(share.getValue());
      BigInteger below = BigInteger.ONE;
      long place = share.getKey();
      for (int other : shares.keySet()) {
        if (other != place) {
          above = above.multiply(BigInteger.valueOf(other)).mod(PRIME);
          below = below.multiply(BigInteger.valueOf(other - place)).mod(PRIME);
        }
      }
      secret = secret.add(above.multiply(below.modInverse(PRIME))).mod(PRIME);
    }
    if (secret.bitLength() > SECRET_BYTES * Byte.SIZE) {
      throw new IllegalArgumentException("shares are of no secret of 32 bytes");
    }
    return AgreementKey.littleEndian(secret, SECRET_BYTES);
  }

  /**
   * @throws IllegalArgumentException for what cannot be a share
   */
  static void requireShare(byte[] share) {
    requireLength("share", share, SHARE_BYTES);
    if (AgreementKey.littleEndian(share).compareTo(PRIME) >= 0) {
      throw new IllegalArgumentException("share is not reduced modulo 2^256 + 297");
    }
  }

  /** Uniform over the field: of 257 random bits, about every second draw is within. */
  private static BigInteger draw(RandomBytes random) {
    byte[] bytes = new byte[SHARE_BYTES];
    while (true) {
      random.fill(bytes);
      bytes[SECRET_BYTES] &= 1;
      BigInteger drawn = AgreementKey.littleEndian(bytes);
      if (drawn.compareTo(PRIME) < 0) {
        return drawn;
      }
    }
  }

  private static void requireLength(String what, byte[] bytes, int expected) {
    if (bytes.length != expected) {
      throw new IllegalArgumentException(
          what + " has " + bytes.length + " bytes, expected " + expected);
    }
  }
}
