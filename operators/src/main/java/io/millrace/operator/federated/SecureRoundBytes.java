package io.millrace.operator.federated;

import io.millrace.operator.StateHeader;
import io.millrace.operator.federated.FederatedSettings.Masked;
import io.millrace.operator.federated.FederatedSettings.Masking;
import io.millrace.operator.federated.FederatedSettings.Synchronous;
import io.millrace.operator.federated.SecureRound.Phase;
import io.millrace.schema.MaskMember;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;

/**
 * State bytes of a {@link SecureRound}, little endian. Stateless.
 *
 * <pre>
 * text model | i64 round, seed | i32 largest weight
 * i32 target, minimum | i64 deadline millis | f64 threshold | i32 neighbours | f32 largest | i64 phase millis
 * u8 phase  0 KEYS, 1 SHARES, 2 UPDATES, 3 REVEALS, 4 OPEN, 5 FAILED | i64 time, deadline micros | text failure
 * i32 n | each member: text client | i64 sequence | 32 sealing key | 32 masking key | u8 bytes, signature
 * flag cohort; if so, the members' order being the cohort's
 *    each member: u8 flags, 1 dealt, 2 dealer, 4 whole, 8 survivor, 16 answered
 *       if dealt: 32 digest of the own seed | flag envelopes | each of the group: 32 digest of the seed's share
 *                 | 32 of the key's | if envelopes, of others: 82
 *       i32 shares | each: i32 holder | 33
 *    i32 masks | each: 33 as {@link LeftMask}
 * </pre>
 */
final class SecureRoundBytes {
  private static final int DEALT = 1;
  private static final int DEALER = 2;
  private static final int WHOLE = 4;
  private static final int SURVIVOR = 8;
  private static final int ANSWERED = 16;
  private static final int FLAGS = 31;
  private static final int LONGEST_SIGNATURE = 64;
  private static final int MASK_BYTES = 33;
  private static final int FIXED_BYTES = 2 * 8 + 4 + 2 * 4 + 8 + 8 + 2 * 4 + 8 + 1 + 2 * 8;
  private static final Phase[] PHASES = {
    Phase.KEYS, Phase.SHARES, Phase.UPDATES, Phase.REVEALS, Phase.OPEN, Phase.FAILED
  };

  private SecureRoundBytes() {}

  /** Bytes of {@link #encode}. */
  static int bytes(SecureRound round) {
    int bytes = StateHeader.textBytes(round.model) + FIXED_BYTES;
    bytes += StateHeader.textBytes(round.failure) + Integer.BYTES + 1;
    for (MaskMember member : round.members.values()) {
      bytes += StateHeader.textBytes(member.getClient()) + Long.BYTES + 2 * AgreementKey.BYTES;
      bytes += 1 + member.getSignature().remaining();
    }
    for (int i = 0; i < round.dealt.length; i++) {
      bytes += 1 + Integer.BYTES;
      bytes += round.shares.get(i).size() * (Integer.BYTES + SecretSharing.SHARE_BYTES);
      if (round.dealt[i] != null) {
        int group = round.dealt[i].seedDigests().length;
        bytes += DealtShares.DIGEST_BYTES * (1 + 2 * group) + 1;
        bytes += round.dealt[i].sealed().length > 0 ? (group - 1) * ShareEnvelope.SEALED_BYTES : 0;
      }
    }
    return bytes + (round.dealt.length > 0 ? Integer.BYTES : 0) + round.masks.size() * MASK_BYTES;
  }

  /** A round's bytes. */
  static byte[] encode(SecureRound round) {
    ByteBuffer out = ByteBuffer.allocate(bytes(round)).order(ByteOrder.LITTLE_ENDIAN);
    encode(round, out);
    return out.array();
  }

  /**
   * Writes a round.
   *
   * @param out little endian
   */
  static void encode(SecureRound round, ByteBuffer out) {
    Synchronous counts = round.settings.counts();
    Masking masking = round.settings.masking();
    StateHeader.putText(out, round.model);
    out.putLong(round.round).putLong(round.seed).putInt(round.largestWeight);
    out.putInt(counts.target()).putInt(counts.minimum()).putLong(counts.deadlineMillis());
    out.putDouble(masking.threshold()).putInt(masking.neighbours());
    out.putFloat(masking.largest()).putLong(masking.phaseMillis());
    out.put((byte) Arrays.asList(PHASES).indexOf(round.phase));
    out.putLong(round.timeMicros).putLong(round.deadlineMicros);
    StateHeader.putText(out, round.failure);
    out.putInt(round.members.size());
    for (MaskMember member : round.members.values()) {
      StateHeader.putText(out, member.getClient());
      out.putLong(member.getSequence());
      out.put(member.getSealingKey().duplicate()).put(member.getMaskingKey().duplicate());
      out.put((byte) member.getSignature().remaining()).put(member.getSignature().duplicate());
    }
    StateHeader.putFlag(out, round.cohortOrNull != null);
    if (round.cohortOrNull != null) {
      for (int i = 0; i < round.dealt.length; i++) {
        encodeMember(round, i, out);
      }
      out.putInt(round.masks.size());
      round.masks.forEach(mask -> out.put(mask.encode()));
    }
  }

  private static void encodeMember(SecureRound round, int place, ByteBuffer out) {
    DealtShares dealt = round.dealt[place];
    int flags = dealt == null ? 0 : DEALT;
    flags |= round.dealers[place] ? DEALER : 0;
    flags |= round.whole[place] ? WHOLE : 0;
    flags |= round.survivors[place] ? SURVIVOR : 0;
    flags |= round.answered[place] ? ANSWERED : 0;
    out.put((byte) flags);
    if (dealt != null) {
      out.put(dealt.seedDigest());
      StateHeader.putFlag(out, dealt.sealed().length > 0);
      for (int i = 0; i < dealt.seedDigests().length; i++) {
        out.put(dealt.seedDigests()[i]).put(dealt.keyDigests()[i]);
        if (dealt.sealed().length > 0) {
          out.put(dealt.sealed()[i]);
        }
      }
    }
    out.putInt(round.shares.get(place).size());
    round.shares.get(place).forEach((holder, share) -> out.putInt(holder).put(share));
  }

  /**
   * Reads a round.
   *
   * @param in little endian
   * @throws IllegalArgumentException for truncated or damaged bytes, or such as {@link #encode}
   *     does not write
   */
  static SecureRound decode(ByteBuffer in) {
    if (in.order() != ByteOrder.LITTLE_ENDIAN) {
      throw new IllegalStateException("state bytes are little endian");
    }
    String model = StateHeader.getText(in);
    StateHeader.need(in, FIXED_BYTES);
    long number = in.getLong();
    long seed = in.getLong();
    int largestWeight = in.getInt();
    if (largestWeight < 1) {
      throw new IllegalArgumentException("largest weight is " + largestWeight + ", expected 1");
    }
    Synchronous counts = new Synchronous(in.getInt(), in.getInt(), in.getLong(), false);
    Masking masking = new Masking(in.getDouble(), in.getInt(), in.getFloat(), in.getLong());
    SecureRound round =
        new SecureRound(model, number, seed, new Masked(counts, masking), largestWeight, 0);
    int phase = in.get();
    if (phase < 0 || phase >= PHASES.length) {
      throw new IllegalArgumentException("phase is " + phase + ", expected 0 to 5");
    }
    round.phase = PHASES[phase];
    round.timeMicros = in.getLong();
    round.deadlineMicros = in.getLong();
    round.failure = StateHeader.getText(in);
    decodeMembers(round, in);
    boolean cohort = StateHeader.getFlag(in);
    if (round.phase != Phase.FAILED && cohort != (round.phase != Phase.KEYS)) {
      throw new IllegalArgumentException("round is at " + round.phase + " with cohort: " + cohort);
    }
    if (cohort) {
      decodeCohort(round, in);
    }
    return round;
  }

  private static void decodeMembers(SecureRound round, ByteBuffer in) {
    int count = count(in, "members", round.settings.counts().target());
    for (int i = 0; i < count; i++) {
      String client = StateHeader.getText(in);
      if (!round.members.isEmpty() && client.compareTo(round.members.lastKey()) <= 0) {
        throw new IllegalArgumentException(
            "members hold " + client + " after " + round.members.lastKey());
      }
      StateHeader.need(in, Long.BYTES + 2 * AgreementKey.BYTES + 1);
      long sequence = in.getLong();
      ByteBuffer sealing = take(in, AgreementKey.BYTES);
      ByteBuffer masking = take(in, AgreementKey.BYTES);
      int signature = in.get();
      if (signature < 0 || signature > LONGEST_SIGNATURE) {
        throw new IllegalArgumentException("signature has " + signature + " bytes");
      }
      round.members.put(
          client, new MaskMember(client, sequence, sealing, masking, take(in, signature)));
    }
  }

  private static void decodeCohort(SecureRound round, ByteBuffer in) {
    // Of each member there is a byte at least, so nothing larger than the bytes is made.
    StateHeader.need(in, round.members.size());
    round.begin(new MaskingCohort(round.cohortRecord()));
    for (int i = 0; i < round.dealt.length; i++) {
      StateHeader.need(in, 1);
      int flags = in.get();
      if (flags < 0 || flags > FLAGS) {
        throw new IllegalArgumentException(
            "member has flags " + flags + ", expected 0 to " + FLAGS);
      }
      round.dealers[i] = (flags & DEALER) != 0;
      round.whole[i] = (flags & WHOLE) != 0;
      round.survivors[i] = (flags & SURVIVOR) != 0;
      round.answered[i] = (flags & ANSWERED) != 0;
      boolean dealt = (flags & DEALT) != 0;
      if (round.dealers[i] && !dealt
          || round.whole[i] && !round.dealers[i]
          || round.survivors[i] && !round.whole[i]
          || round.answered[i] && !round.survivors[i]) {
        throw new IllegalArgumentException(
            "member has flags " + flags + " that do not go together");
      }
      if (dealt) {
        round.dealt[i] = decodeDealt(round, i, in);
      }
      decodeShares(round.shares.get(i), round.dealt.length, in);
    }
    int masks = count(in, "masks", in.remaining() / MASK_BYTES);
    List<LeftMask> decoded = new ArrayList<>();
    for (int i = 0; i < masks; i++) {
      decoded.add(LeftMask.decode(take(in, MASK_BYTES)));
    }
    if (masks > 0 != (round.phase == Phase.OPEN)) {
      throw new IllegalArgumentException("round is at " + round.phase + " with masks: " + masks);
    }
    round.masks = decoded;
  }

  private static DealtShares decodeDealt(SecureRound round, int dealer, ByteBuffer in) {
    int[] group = round.cohortOrNull.group(dealer);
    StateHeader.need(in, DealtShares.DIGEST_BYTES * (1 + 2L * group.length) + 1);
    byte[] seedDigest = bytes(in, DealtShares.DIGEST_BYTES);
    boolean envelopes = StateHeader.getFlag(in);
    if (envelopes && round.phase != Phase.SHARES && round.phase != Phase.FAILED
        || !envelopes && round.phase == Phase.SHARES) {
      throw new IllegalArgumentException(
          "round is at " + round.phase + " with envelopes: " + envelopes);
    }
    byte[][] seedDigests = new byte[group.length][];
    byte[][] keyDigests = new byte[group.length][];
    byte[][] sealed = new byte[envelopes ? group.length : 0][];
    for (int i = 0; i < group.length; i++) {
      seedDigests[i] = bytes(in, DealtShares.DIGEST_BYTES);
      keyDigests[i] = bytes(in, DealtShares.DIGEST_BYTES);
      if (envelopes) {
        sealed[i] = bytes(in, group[i] == dealer ? 0 : ShareEnvelope.SEALED_BYTES);
      }
    }
    return new DealtShares(seedDigest, seedDigests, keyDigests, sealed);
  }

  private static void decodeShares(TreeMap<Integer, byte[]> shares, int members, ByteBuffer in) {
    int count = count(in, "shares", members);
    int before = -1;
    for (int i = 0; i < count; i++) {
      StateHeader.need(in, Integer.BYTES);
      int holder = in.getInt();
      if (holder <= before || holder >= members) {
        throw new IllegalArgumentException("share is held by " + holder + " after " + before);
      }
      before = holder;
      byte[] share = bytes(in, SecretSharing.SHARE_BYTES);
      SecretSharing.requireShare(share);
      shares.put(holder, share);
    }
  }

  private static int count(ByteBuffer in, String what, int most) {
    StateHeader.need(in, Integer.BYTES);
    int count = in.getInt();
    if (count < 0 || count > most) {
      throw new IllegalArgumentException(what + " are " + count + ", expected at most " + most);
    }
    return count;
  }

  private static ByteBuffer take(ByteBuffer in, int count) {
    return ByteBuffer.wrap(bytes(in, count));
  }

  private static byte[] bytes(ByteBuffer in, int count) {
    StateHeader.need(in, count);
    byte[] bytes = new byte[count];
    in.get(bytes);
    return bytes;
  }
}
