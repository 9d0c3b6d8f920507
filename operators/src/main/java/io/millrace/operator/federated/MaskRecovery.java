package io.millrace.operator.federated;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * From shares laid open to the masks left in the sum of the survivors: their own seeds, and the
 * masks that they have in common with members who dropped out. Stateless.
 *
 * <p>Costs t^2 multiplications a member, and an agreement (0.1 ms) for each pair of a survivor and
 * a neighbour that dropped out.
 */
final class MaskRecovery {
  private MaskRecovery() {}

  /**
   * @param dealt by place; null for members who did not deal
   * @param survivors by place
   * @param shares by place of the owner, then of the holder; of survivors those of the own seed, of
   *     other dealers those of the masking key
   * @return in the order of places
   * @throws IllegalArgumentException naming who dealt shares that are not of what it said
   */
  static List<LeftMask> masks(
      MaskingCohort cohort,
      DealtShares[] dealt,
      boolean[] survivors,
      List<? extends SortedMap<Integer, byte[]>> shares) {
    List<LeftMask> masks = new ArrayList<>();
    for (int owner = 0; owner < cohort.size(); owner++) {
      if (survivors[owner]) {
        byte[] seed = secret(cohort, owner, shares.get(owner));
        if (!Arrays.equals(MaskDigests.ofSeed(seed), dealt[owner].seedDigest())) {
          throw refusal(cohort, owner, "own seed");
        }
        masks.add(new LeftMask(LeftMask.Kind.OWN, seed));
      } else if (dealt[owner] != null && hasSurvivor(cohort, survivors, owner)) {
        AgreementKey key = AgreementKey.of(secret(cohort, owner, shares.get(owner)));
        if (!ByteBuffer.wrap(key.publicKey()).equals(cohort.member(owner).getMaskingKey())) {
          throw refusal(cohort, owner, "masking key");
        }
        for (int other : cohort.group(owner)) {
          if (survivors[other]) {
            masks.add(
                new LeftMask(
                    other < owner ? LeftMask.Kind.ADDED : LeftMask.Kind.SUBTRACTED,
                    cohort.pairSeed(key, owner, other)));
          }
        }
      }
    }
    return masks;
  }

  /** Whether a mask of this member may be left in the sum of the survivors. */
  static boolean hasSurvivor(MaskingCohort cohort, boolean[] survivors, int member) {
    return Arrays.stream(cohort.group(member)).anyMatch(other -> survivors[other]);
  }

  private static byte[] secret(MaskingCohort cohort, int owner, SortedMap<Integer, byte[]> shares) {
    SortedMap<Integer, byte[]> enough = new TreeMap<>();
    shares.forEach(
        (holder, share) -> {
          if (enough.size() < cohort.threshold()) {
            enough.put(holder + 1, share);
          }
        });
    if (enough.size() < cohort.threshold()) {
      throw new IllegalArgumentException(
          "shares of "
              + cohort.name(owner)
              + " are "
              + enough.size()
              + ", expected "
              + cohort.threshold());
    }
    try {
      return SecretSharing.recover(enough);
    } catch (IllegalArgumentException e) {
      throw refusal(cohort, owner, "secret");
    }
  }

  private static IllegalArgumentException refusal(MaskingCohort cohort, int owner, String secret) {
    return new IllegalArgumentException(
        "shares that " + cohort.name(owner) + " dealt are not of its " + secret);
  }
}
