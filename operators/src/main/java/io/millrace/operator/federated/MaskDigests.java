package io.millrace.operator.federated;

import io.millrace.schema.MaskCohort;
import io.millrace.schema.MaskKeys;
import io.millrace.schema.MaskMember;
import io.millrace.schema.MaskReveal;
import io.millrace.schema.MaskShares;
import io.millrace.schema.RevealedShare;
import io.millrace.schema.SealedShare;
import io.millrace.schema.UpdateTask;

/** What is hashed and signed of the records of secure aggregation. Stateless. */
public final class MaskDigests {
  private MaskDigests() {}

  /** What a client signs of its keys: of the task its names and numbers. */
  public static byte[] signed(MaskKeys keys) {
    UpdateTask task = keys.getTask();
    MaskMember member =
        new MaskMember(
            task.getClient(),
            task.getSequence(),
            keys.getSealingKey(),
            keys.getMaskingKey(),
            keys.getSignature());
    return signed(task.getModel(), task.getRound(), member);
  }

  /** The same, from what others see of it in the cohort. */
  public static byte[] signed(String model, long round, MaskMember member) {
    return member(new CanonicalBytes("mask-keys").text(model).number(round), member).toBytes();
  }

  /** What a client signs of its shares: all but the task's seed and expiry, and the signature. */
  public static byte[] signed(MaskShares shares) {
    CanonicalBytes bytes =
        names(new CanonicalBytes("mask-shares"), shares.getTask())
            .bytes(shares.getSeedDigest())
            .number(shares.getShares().size());
    for (SealedShare share : shares.getShares()) {
      bytes
          .text(share.getClient())
          .bytes(share.getSealed())
          .bytes(share.getSeedDigest())
          .bytes(share.getKeyDigest());
    }
    return bytes.toBytes();
  }

  /** What a client signs of what it reveals, likewise. */
  public static byte[] signed(MaskReveal reveal) {
    CanonicalBytes bytes =
        names(new CanonicalBytes("mask-reveal"), reveal.getTask())
            .number(reveal.getShares().size());
    for (RevealedShare share : reveal.getShares()) {
      bytes.text(share.getClient()).number(share.getOwnSeed() ? 1 : 0).bytes(share.getShare());
    }
    return bytes.toBytes();
  }

  /** Names a cohort with all that is in it but the signatures: every key in it is derived from. */
  static byte[] of(MaskCohort cohort) {
    CanonicalBytes bytes =
        new CanonicalBytes("mask-cohort")
            .text(cohort.getModel())
            .number(cohort.getRound())
            .number(cohort.getMembers().size());
    cohort.getMembers().forEach(member -> member(bytes, member));
    return bytes
        .number(cohort.getThreshold())
        .number(cohort.getNeighbours())
        .number(cohort.getSeed())
        .number((double) cohort.getLargest())
        .number(cohort.getTotalWeight())
        .number(cohort.getLargestWeight())
        .sha256();
  }

  /** {@code MaskShares.seedDigest}: what a recovered own seed is checked by. */
  static byte[] ofSeed(byte[] seed) {
    return new CanonicalBytes("own-seed").bytes(seed).sha256();
  }

  /**
   * What a share is checked by. Shares are uniform, so that their digest tells nothing of them.
   *
   * @param ownSeed of the own seed, else of the masking key
   * @param holder place of whom it is for
   */
  static byte[] ofShare(boolean ownSeed, int holder, byte[] share) {
    return new CanonicalBytes(ownSeed ? "seed-share" : "key-share")
        .number(holder)
        .bytes(share)
        .sha256();
  }

  private static CanonicalBytes names(CanonicalBytes bytes, UpdateTask task) {
    return bytes
        .text(task.getModel())
        .number(task.getRound())
        .text(task.getClient())
        .number(task.getSequence());
  }

  private static CanonicalBytes member(CanonicalBytes bytes, MaskMember member) {
    return bytes
        .text(member.getClient())
        .number(member.getSequence())
        .bytes(member.getSealingKey())
        .bytes(member.getMaskingKey());
  }
}
