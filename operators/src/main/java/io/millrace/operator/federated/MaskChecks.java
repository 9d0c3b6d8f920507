package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.schema.MaskKeys;
import io.millrace.schema.MaskMember;
import io.millrace.schema.RevealedShare;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/** Checks what clients send to a {@link SecureRound} before anything of it is kept. Stateless. */
final class MaskChecks {
  /** Any scalar: finds keys of small order. */
  private static final AgreementKey PROBE = AgreementKey.of(new byte[AgreementKey.BYTES]);

  private MaskChecks() {}

  /**
   * Checks keys: usable, and not in the round already.
   *
   * @throws io.millrace.operator.InvalidInputException naming who sent them
   */
  static void keys(MaskKeys keys, Collection<MaskMember> members) {
    String client = keys.getTask().getClient();
    SecureRound.require(
        keys.getSignature().remaining() <= ClientSignatures.SIGNATURE_BYTES,
        Reason.TOO_LARGE,
        "signature of " + client + " is too long");
    List<ByteBuffer> both = List.of(keys.getSealingKey(), keys.getMaskingKey());
    try {
      both.forEach(key -> PROBE.agree(CanonicalBytes.array(key)));
    } catch (IllegalArgumentException e) {
      SecureRound.require(false, Reason.OUT_OF_RANGE, client + ": " + e.getMessage());
    }
    boolean fresh = !both.get(0).equals(both.get(1));
    for (MaskMember member : members) {
      fresh &= !both.contains(member.getSealingKey()) && !both.contains(member.getMaskingKey());
    }
    SecureRound.require(
        fresh, Reason.INCONSISTENT, client + " has sent a key that is in the round already");
  }

  /**
   * Checks a share that was laid open: of the right secret, and the one that was dealt.
   *
   * @param owner place of whose secret it is
   * @param holder place of who revealed it
   * @throws io.millrace.operator.InvalidInputException naming both
   */
  static void revealed(SecureRound round, RevealedShare share, int owner, int holder) {
    MaskingCohort cohort = round.cohortOrNull;
    String names = "share of " + share.getClient() + " from " + cohort.name(holder);
    int index = Arrays.binarySearch(cohort.group(owner), holder);
    SecureRound.require(
        index >= 0 && round.dealers[owner], Reason.INCONSISTENT, names + " was never dealt");
    boolean survives = round.survivors[owner];
    SecureRound.require(
        share.getOwnSeed() == survives,
        Reason.INCONSISTENT,
        names
            + (survives
                ? " is of the masking key of a survivor"
                : " is of the own seed of a client that dropped out"));
    byte[] bytes = CanonicalBytes.array(share.getShare());
    try {
      SecretSharing.requireShare(bytes);
    } catch (IllegalArgumentException e) {
      SecureRound.require(false, Reason.MALFORMED, names + ": " + e.getMessage());
    }
    DealtShares dealt = round.dealt[owner];
    byte[] expected = survives ? dealt.seedDigests()[index] : dealt.keyDigests()[index];
    SecureRound.require(
        Arrays.equals(expected, MaskDigests.ofShare(survives, holder, bytes)),
        Reason.INCONSISTENT,
        names + " is not the one that was dealt");
  }
}
