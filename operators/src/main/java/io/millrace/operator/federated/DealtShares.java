package io.millrace.operator.federated;

import io.millrace.schema.MaskShares;
import io.millrace.schema.SealedShare;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * What a member dealt, in the order of its group.
 *
 * @param seedDigest [32] of the own seed
 * @param seedDigests of its shares, [32] each
 * @param keyDigests of the shares of the masking key, [32] each
 * @param sealed envelopes, the member's own empty; none once they are delivered
 */
record DealtShares(byte[] seedDigest, byte[][] seedDigests, byte[][] keyDigests, byte[][] sealed) {
  static final int DIGEST_BYTES = 32;

  /**
   * @param group of the dealer
   * @throws IllegalArgumentException unless there are shares of the right sizes for the whole group
   */
  static DealtShares of(MaskShares shares, MaskingCohort cohort, int dealer) {
    int[] group = cohort.group(dealer);
    List<SealedShare> dealt = shares.getShares();
    if (dealt.size() != group.length) {
      throw new IllegalArgumentException(
          "shares are " + dealt.size() + ", expected " + group.length);
    }
    byte[][][] parts = new byte[3][group.length][];
    for (int i = 0; i < group.length; i++) {
      SealedShare share = dealt.get(i);
      String holder = cohort.name(group[i]);
      if (!share.getClient().equals(holder)) {
        throw new IllegalArgumentException(
            "share " + i + " is for " + share.getClient() + ", expected " + holder);
      }
      int bytes = group[i] == dealer ? 0 : ShareEnvelope.SEALED_BYTES;
      parts[0][i] = take(holder, share.getSeedDigest(), DIGEST_BYTES);
      parts[1][i] = take(holder, share.getKeyDigest(), DIGEST_BYTES);
      parts[2][i] = take(holder, share.getSealed(), bytes);
    }
    byte[] seedDigest = take("the own seed", shares.getSeedDigest(), DIGEST_BYTES);
    return new DealtShares(seedDigest, parts[0], parts[1], parts[2]);
  }

  private static byte[] take(String holder, ByteBuffer bytes, int expected) {
    if (bytes.remaining() != expected) {
      throw new IllegalArgumentException(
          "share for "
              + holder
              + " has a part of "
              + bytes.remaining()
              + " bytes, expected "
              + expected);
    }
    return CanonicalBytes.array(bytes);
  }

  /** The envelope for the member at an index of the group, as its holder gets it. */
  SealedShare envelope(String dealer, int index) {
    return new SealedShare(
        dealer,
        ByteBuffer.wrap(sealed[index].clone()),
        ByteBuffer.wrap(seedDigests[index].clone()),
        ByteBuffer.wrap(keyDigests[index].clone()));
  }

  /** The same without envelopes. */
  DealtShares delivered() {
    return new DealtShares(seedDigest, seedDigests, keyDigests, new byte[0][]);
  }
}
