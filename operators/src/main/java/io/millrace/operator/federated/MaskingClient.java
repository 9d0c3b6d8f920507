package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import io.millrace.schema.MaskCohort;
import io.millrace.schema.MaskDelivery;
import io.millrace.schema.MaskKeys;
import io.millrace.schema.MaskMember;
import io.millrace.schema.MaskReveal;
import io.millrace.schema.MaskShares;
import io.millrace.schema.MaskSurvivors;
import io.millrace.schema.RevealedShare;
import io.millrace.schema.SealedShare;
import io.millrace.schema.UpdateTask;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * A client's part in secure aggregation for one round: Bonawitz, Ivanov, Kreuter, Marcedone,
 * McMahan, Patel, Ramage, Segal, Seth: Practical secure aggregation for privacy-preserving machine
 * learning (2017, eprint 2017/281). The server finds the sum of the survivors' updates and nothing
 * else, as long as fewer than t of a client's group help it, and 2 t is more than the group and
 * those who help it together: else it could name two sets of survivors.
 *
 * <pre>
 * keys() ── MaskKeys ─►  MaskCohort ── join ── MaskShares ─►  MaskDelivery ── receive
 *        ── mask, chunk by chunk ─►  MaskSurvivors ── reveal ── MaskReveal ─►
 * </pre>
 *
 * Added to the paper: digests of the shares, by which the server refuses a bad one by name; masks
 * by chunk, so that no vector is in one place. In what comes from the server everything is checked,
 * and a refused record changes nothing. Of one client the own seed or the masking key is revealed,
 * never both; one set of survivors is answered a round, and no chunk is masked twice with different
 * numbers.
 *
 * <p>All that it draws follows from one secret. Made anew of the same secret and given the records
 * that it took, it is what it was: a client that keeps both survives a crash at any point, and who
 * loses them drops out of the round, which the others survive. Never may one secret serve after its
 * records were lost: two histories of one client lay its update open.
 *
 * <p>Signatures are the caller's: the records come with empty ones, {@link MaskDigests} says what
 * is signed. With k neighbours 2 k agreements (0.1 ms each) and for each number k + 1 masks of 4
 * bytes. One thread.
 */
public final class MaskingClient {
  private final UpdateTask task;
  private final int leastMembers;
  private final DerivedBytes random;
  private final AgreementKey sealing;
  private final AgreementKey masking;
  private final byte[] ownSeed = new byte[MaskStream.SEED_BYTES];

  private MaskingCohort cohortOrNull;
  private int own;
  private MaskShares sharesOrNull;
  private Map<Integer, ShareEnvelope> held = new TreeMap<>();
  private boolean[] dealers = new boolean[0];
  private ChunkMasks masksOrNull;
  private List<Integer> answered = List.of();
  private MaskReveal revealOrNull;

  /**
   * @param task as it was given; kept
   * @param leastMembers that a cohort must have, and survivors, for this client to go on, 2 or more
   * @param secret that keys, the own seed and shares follow from, [32], uniform, of this task
   *     alone, never sent; copied
   */
  public MaskingClient(UpdateTask task, int leastMembers, byte[] secret) {
    SettingCheck.range("least members", leastMembers, 2, MaskingCohort.MOST_MEMBERS);
    this.task = task;
    this.leastMembers = leastMembers;
    random = new DerivedBytes(secret, Digests.vouched(task));
    byte[] drawn = new byte[AgreementKey.BYTES];
    random.fill(drawn);
    sealing = AgreementKey.of(drawn);
    random.fill(drawn);
    masking = AgreementKey.of(drawn);
    random.fill(ownSeed);
  }

  /** The first record to send, the same each time. */
  public MaskKeys keys() {
    return new MaskKeys(
        task,
        ByteBuffer.wrap(sealing.publicKey()),
        ByteBuffer.wrap(masking.publicKey()),
        ByteBuffer.allocate(0));
  }

  /**
   * Joins a cohort. The same one again gives the same shares.
   *
   * @param known whether a member's signature is that of the client it names; always true where the
   *     server is trusted to hand keys on
   * @throws IllegalArgumentException for a cohort that is not ours, or not safe; or another one
   */
  public MaskShares join(MaskCohort cohort, Predicate<MaskMember> known) {
    if (!cohort.getModel().equals(task.getModel()) || cohort.getRound() != task.getRound()) {
      throw new IllegalArgumentException(
          "cohort is of "
              + cohort.getModel()
              + ", round "
              + cohort.getRound()
              + ", expected "
              + task.getModel()
              + ", round "
              + task.getRound());
    }
    if (sharesOrNull != null) {
      if (!cohortOrNull.isOf(cohort)) {
        throw new IllegalArgumentException("a second cohort was named in a round");
      }
      return sharesOrNull;
    }
    MaskingCohort joined = new MaskingCohort(cohort);
    SettingCheck.range(
        "members of a cohort", joined.size(), leastMembers, MaskingCohort.MOST_MEMBERS);
    int place = joined.place(task.getClient());
    if (place < 0 || !isOwn(joined.member(place))) {
      throw new IllegalArgumentException(
          "cohort does not hold " + task.getClient() + " with its task and keys");
    }
    for (int i = 0; i < joined.size(); i++) {
      if (i != place && !known.test(joined.member(i))) {
        throw new IllegalArgumentException("keys of " + joined.name(i) + " are not signed by it");
      }
    }
    MaskShares shares = deal(joined, place);
    cohortOrNull = joined;
    own = place;
    sharesOrNull = shares;
    return shares;
  }

  private boolean isOwn(MaskMember member) {
    MaskKeys keys = keys();
    return member.getSequence() == task.getSequence()
        && member.getSealingKey().equals(keys.getSealingKey())
        && member.getMaskingKey().equals(keys.getMaskingKey());
  }

  private MaskShares deal(MaskingCohort cohort, int place) {
    int[] group = cohort.group(place);
    int[] places = Arrays.stream(group).map(member -> member + 1).toArray();
    byte[][] seedShares = SecretSharing.deal(ownSeed, cohort.threshold(), places, random);
    byte[][] keyShares = SecretSharing.deal(masking.scalar(), cohort.threshold(), places, random);
    List<SealedShare> shares = new ArrayList<>();
    Map<Integer, ShareEnvelope> kept = new TreeMap<>();
    for (int i = 0; i < group.length; i++) {
      ShareEnvelope envelope = new ShareEnvelope(seedShares[i], keyShares[i]);
      byte[] sealed = {};
      if (group[i] == place) {
        kept.put(place, envelope);
      } else {
        sealed = envelope.seal(cohort.envelopeKey(sealing, place, place, group[i]));
      }
      shares.add(
          new SealedShare(
              cohort.name(group[i]),
              ByteBuffer.wrap(sealed),
              ByteBuffer.wrap(MaskDigests.ofShare(true, group[i], seedShares[i])),
              ByteBuffer.wrap(MaskDigests.ofShare(false, group[i], keyShares[i]))));
    }
    held = kept;
    return new MaskShares(
        task, ByteBuffer.wrap(MaskDigests.ofSeed(ownSeed)), shares, ByteBuffer.allocate(0));
  }

  /**
   * Takes the shares of the others and agrees on the masks. The same delivery again changes
   * nothing.
   *
   * @return names of dealers whose shares do not open or are not what their digests say: they stay,
   *     and others must bring their secrets back
   * @throws IllegalArgumentException for a delivery that is not ours, with too few dealers, or
   *     another one than before
   */
  public List<String> receive(MaskDelivery delivery) {
    MaskingCohort cohort = joined();
    if (!delivery.getModel().equals(task.getModel())
        || delivery.getRound() != task.getRound()
        || !delivery.getClient().equals(task.getClient())) {
      throw new IllegalArgumentException(
          "delivery is for " + delivery.getClient() + ", round " + delivery.getRound());
    }
    boolean[] named = places("dealers", delivery.getDealers(), cohort.size());
    if (dealers.length > 0) {
      if (!Arrays.equals(named, dealers)) {
        throw new IllegalArgumentException("other dealers were named in a round");
      }
      return List.of();
    }
    requireGroup("dealers", named);
    List<String> bad = new ArrayList<>();
    Map<Integer, ShareEnvelope> opened = new TreeMap<>(held);
    TreeMap<Integer, byte[]> seeds = new TreeMap<>();
    Map<String, SealedShare> byDealer = new HashMap<>();
    delivery.getShares().forEach(share -> byDealer.put(share.getClient(), share));
    for (int dealer : cohort.group(own)) {
      if (dealer != own && named[dealer]) {
        seeds.put(dealer, cohort.pairSeed(masking, own, dealer));
        Optional<ShareEnvelope> envelope = open(byDealer.get(cohort.name(dealer)), dealer);
        envelope.ifPresentOrElse(
            share -> opened.put(dealer, share), () -> bad.add(cohort.name(dealer)));
      }
    }
    held = opened;
    masksOrNull = new ChunkMasks(cohort, own, ownSeed, seeds);
    dealers = named;
    return bad;
  }

  private Optional<ShareEnvelope> open(SealedShare shareOrNull, int dealer) {
    if (shareOrNull == null) {
      return Optional.empty();
    }
    byte[] key = joined().envelopeKey(sealing, own, dealer, own);
    return ShareEnvelope.open(key, CanonicalBytes.array(shareOrNull.getSealed()))
        .filter(
            share ->
                ByteBuffer.wrap(MaskDigests.ofShare(true, own, share.seedShare()))
                        .equals(shareOrNull.getSeedDigest())
                    && ByteBuffer.wrap(MaskDigests.ofShare(false, own, share.keyShare()))
                        .equals(shareOrNull.getKeyDigest()));
  }

  /**
   * A chunk of the update as it may travel: the payload of a {@link MaskedCodec}.
   *
   * @param values of the chunk as the codec below the masks packs them; not modified
   * @param weight that they count with, 1 to the cohort's largest
   * @return [4 x values.length]
   * @throws IllegalArgumentException for a value beyond the cohort's largest or not finite; or
   *     other values than before for the same chunk, since their difference would be laid open
   */
  public byte[] mask(int chunk, float[] values, int weight) {
    return agreed().mask(chunk, values, weight);
  }

  /** Says that the update is made, in an earlier life perhaps: no other chunk will be masked. */
  public void made() {
    agreed().made();
  }

  private ChunkMasks agreed() {
    if (masksOrNull == null) {
      throw new IllegalStateException("masks are not agreed yet");
    }
    return masksOrNull;
  }

  /**
   * What the server may know: of survivors a share of the own seed, of those who dropped out one of
   * the masking key. The same survivors again get the same answer.
   *
   * @throws IllegalArgumentException for survivors without this client, too few of them, such that
   *     never dealt, or others than before
   */
  public MaskReveal reveal(MaskSurvivors survivors) {
    MaskingCohort cohort = joined();
    if (!survivors.getModel().equals(task.getModel()) || survivors.getRound() != task.getRound()) {
      throw new IllegalArgumentException("survivors are of round " + survivors.getRound());
    }
    if (revealOrNull != null) {
      if (!answered.equals(survivors.getSurvivors())) {
        throw new IllegalArgumentException("other survivors were named in a round");
      }
      return revealOrNull;
    }
    boolean[] alive = places("survivors", survivors.getSurvivors(), cohort.size());
    requireGroup("survivors", alive);
    for (int i = 0; i < alive.length; i++) {
      if (alive[i] && !dealers[i]) {
        throw new IllegalArgumentException(
            "survivors hold " + cohort.name(i) + ", who dealt no shares");
      }
    }
    if (!agreed().isUsed()) {
      throw new IllegalArgumentException(
          "survivors hold " + task.getClient() + ", who sent nothing");
    }
    List<RevealedShare> shares = new ArrayList<>();
    held.forEach(
        (dealer, share) ->
            shares.add(
                new RevealedShare(
                    cohort.name(dealer),
                    alive[dealer],
                    ByteBuffer.wrap(alive[dealer] ? share.seedShare() : share.keyShare()))));
    answered = List.copyOf(survivors.getSurvivors());
    revealOrNull = new MaskReveal(task, shares, ByteBuffer.allocate(0));
    return revealOrNull;
  }

  private MaskingCohort joined() {
    if (cohortOrNull == null) {
      throw new IllegalStateException("no cohort was joined yet");
    }
    return cohortOrNull;
  }

  /** Enough of them at all, enough in the own group, and this client among them. */
  private void requireGroup(String what, boolean[] named) {
    int all = 0;
    int group = 0;
    for (boolean one : named) {
      all += one ? 1 : 0;
    }
    for (int member : joined().group(own)) {
      group += named[member] ? 1 : 0;
    }
    if (named.length == 0 || !named[own] || all < leastMembers || group < joined().threshold()) {
      throw new IllegalArgumentException(
          what
              + " are "
              + all
              + ", of the group "
              + group
              + ", expected "
              + task.getClient()
              + " among them, "
              + leastMembers
              + " and "
              + joined().threshold());
    }
  }

  private static boolean[] places(String what, List<Integer> places, int members) {
    boolean[] named = new boolean[members];
    int before = -1;
    for (int place : places) {
      if (place <= before || place >= members) {
        throw new IllegalArgumentException(
            what + " hold " + place + " after " + before + ", expected rising below " + members);
      }
      named[place] = true;
      before = place;
    }
    return named;
  }
}
