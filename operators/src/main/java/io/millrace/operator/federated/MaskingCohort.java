package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import io.millrace.schema.MaskCohort;
import io.millrace.schema.MaskMember;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A {@link MaskCohort} that was checked: the same at the server and at every member. All keys that
 * are derived in it name it, so that who was shown another cohort finds other masks, and nothing is
 * ever unmasked by mistake. Immutable.
 *
 * <pre>
 * mask of a pair   HKDF(X25519(masking keys), salt = digest of the cohort, "pair-mask", both places)
 * key of an        HKDF(X25519(sealing keys), salt likewise, "sealed-share", from, to); the key
 * envelope         serves one message, so its nonce is 0
 * </pre>
 */
final class MaskingCohort {
  /** Bound on members. */
  static final int MOST_MEMBERS = 1024;

  private final List<MaskMember> members;
  private final NeighbourGraph graph;
  private final int threshold;
  private final MaskedScale scale;
  private final int largestWeight;
  private final byte[] digest;

  /**
   * @throws IllegalArgumentException for members out of order or with a key that is not their own
   *     or of wrong length, a threshold of half the shares or less, or sums that leave 32 bits
   */
  MaskingCohort(MaskCohort cohort) {
    SettingCheck.range("members of a cohort", cohort.getMembers().size(), 2, MOST_MEMBERS);
    List<MaskMember> copies = new ArrayList<>();
    Set<Object> keys = new HashSet<>();
    String before = "";
    for (MaskMember member : cohort.getMembers()) {
      if (member.getClient().compareTo(before) <= 0) {
        throw new IllegalArgumentException(
            "cohort has " + member.getClient() + " after " + before + ", expected rising names");
      }
      before = member.getClient();
      requireKey(member, member.getSealingKey().remaining());
      requireKey(member, member.getMaskingKey().remaining());
      if (!keys.add(member.getSealingKey().duplicate())
          || !keys.add(member.getMaskingKey().duplicate())) {
        throw new IllegalArgumentException(
            "cohort has a key of " + member.getClient() + " twice, expected different keys");
      }
      copies.add(member);
    }
    members = List.copyOf(copies);
    graph = new NeighbourGraph(members.size(), cohort.getNeighbours(), cohort.getSeed());
    threshold = cohort.getThreshold();
    if (2 * (long) threshold <= graph.groupSize() || threshold > graph.groupSize()) {
      throw new IllegalArgumentException(
          "threshold is "
              + threshold
              + ", expected more than half of "
              + graph.groupSize()
              + " shares and no more than that");
    }
    largestWeight = cohort.getLargestWeight();
    SettingCheck.range("largest weight", largestWeight, 1, Integer.MAX_VALUE);
    if (cohort.getTotalWeight() < (long) largestWeight * members.size()) {
      throw new IllegalArgumentException(
          "total weight is "
              + cohort.getTotalWeight()
              + ", expected at least "
              + largestWeight
              + " of each of "
              + members.size()
              + " members");
    }
    scale = MaskedScale.finest(cohort.getLargest(), cohort.getTotalWeight());
    digest = MaskDigests.of(cohort);
  }

  private static void requireKey(MaskMember member, int bytes) {
    if (bytes != AgreementKey.BYTES) {
      throw new IllegalArgumentException(
          "key of "
              + member.getClient()
              + " has "
              + bytes
              + " bytes, expected "
              + AgreementKey.BYTES);
    }
  }

  /** Whether this is made of that record. */
  boolean isOf(MaskCohort cohort) {
    return Arrays.equals(digest, MaskDigests.of(cohort));
  }

  int size() {
    return members.size();
  }

  MaskMember member(int place) {
    return members.get(place);
  }

  String name(int place) {
    return members.get(place).getClient();
  }

  /** Place of a client, -1 for one that is no member. */
  int place(String client) {
    int low = 0;
    int high = members.size() - 1;
    while (low <= high) {
      int middle = (low + high) / 2;
      int order = name(middle).compareTo(client);
      if (order == 0) {
        return middle;
      }
      if (order < 0) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return -1;
  }

  /** Who holds shares of a member's secrets: its neighbours and itself, rising. */
  int[] group(int place) {
    return graph.group(place);
  }

  boolean areNeighbours(int a, int b) {
    return graph.areNeighbours(a, b);
  }

  /** Shares that bring a secret back, t. */
  int threshold() {
    return threshold;
  }

  MaskedScale scale() {
    return scale;
  }

  int largestWeight() {
    return largestWeight;
  }

  /**
   * The seed of the mask that two neighbours have in common; the one at the lower place adds it.
   *
   * @param key masking key of either
   */
  byte[] pairSeed(AgreementKey key, int own, int other) {
    byte[] info =
        new CanonicalBytes("pair-mask")
            .number(Math.min(own, other))
            .number(Math.max(own, other))
            .toBytes();
    byte[] agreed = key.agree(CanonicalBytes.array(member(other).getMaskingKey()));
    return KeyDerivation.derive(agreed, digest, info, MaskStream.SEED_BYTES);
  }

  /**
   * The key of the envelope from one member to another.
   *
   * @param key sealing key of the member at {@code own}, who is one of both
   */
  byte[] envelopeKey(AgreementKey key, int own, int from, int to) {
    byte[] info = new CanonicalBytes("sealed-share").number(from).number(to).toBytes();
    int other = own == from ? to : from;
    byte[] agreed = key.agree(CanonicalBytes.array(member(other).getSealingKey()));
    return KeyDerivation.derive(agreed, digest, info, ShareEnvelope.KEY_BYTES);
  }
}
