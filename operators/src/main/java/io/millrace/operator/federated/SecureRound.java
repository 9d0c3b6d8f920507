package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.federated.FederatedSettings.Masked;
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
import java.util.List;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * A round of secure aggregation as its server sees it (Bonawitz and others, 2017, eprint 2017/281;
 * with neighbours: Bell and others, 2020, eprint 2020/704). A state machine that logged records
 * move, so that a replay ends with the same masks:
 *
 * <pre>
 * KEYS     advertise  ── target, or deadline with the minimum ─► MaskCohort
 * SHARES   deal       ── all, or deadline with the minimum ────► MaskDelivery to each dealer
 * UPDATES  whole      ── all dealers', or deadline likewise ───► MaskSurvivors
 * REVEALS  reveal     ── t shares of each secret ──────────────► OPEN: masks are known
 * FAILED   from each of them, at a deadline with too few, or for shares that were wrongly dealt
 * </pre>
 *
 * <p>Which updates are in the sum is decided once, here, before any chunk is summed: the same in
 * all chunks. A refused record changes nothing and is refused by the name of its sender.
 *
 * <p>Bytes for n members with groups of g: n (250 + 146 g) at most. One thread.
 */
final class SecureRound {
  /** What is awaited. */
  enum Phase {
    KEYS,
    SHARES,
    UPDATES,
    REVEALS,
    OPEN,
    FAILED
  }

  private static final long NEVER = Long.MAX_VALUE;

  /** Any scalar: finds keys of small order. */
  private static final AgreementKey PROBE = AgreementKey.of(new byte[AgreementKey.BYTES]);

  final String model;
  final long round;
  final long seed;
  final Masked settings;
  final int largestWeight;
  final TreeMap<String, MaskMember> members = new TreeMap<>();

  Phase phase = Phase.KEYS;
  long timeMicros;
  long deadlineMicros;
  String failure = "";
  MaskingCohort cohortOrNull;
  DealtShares[] dealt = {};
  boolean[] dealers = {};
  boolean[] whole = {};
  boolean[] survivors = {};
  boolean[] answered = {};
  List<TreeMap<Integer, byte[]>> shares = List.of();
  List<LeftMask> masks = List.of();

  /**
   * @param seed of the neighbours' graph
   * @param largestWeight of an update
   * @param timeMicros event time of the newest tick; below 0: none came, phases begin with the
   *     first
   */
  SecureRound(
      String model, long round, long seed, Masked settings, int largestWeight, long timeMicros) {
    this.model = model;
    this.round = round;
    this.seed = seed;
    this.settings = settings;
    this.largestWeight = largestWeight;
    this.timeMicros = timeMicros;
    deadlineMicros = after(phaseMillis());
  }

  Phase phase() {
    return phase;
  }

  /** Event time at which the phase ends with what is there; the largest number: never. */
  long deadlineMicros() {
    return deadlineMicros;
  }

  /** Why the round failed; empty while it has not. */
  String failure() {
    return failure;
  }

  /** Names of the survivors, rising; none before they are decided. */
  List<String> survivors() {
    return IntStream.range(0, survivors.length)
        .filter(i -> survivors[i])
        .mapToObj(i -> cohortOrNull.name(i))
        .toList();
  }

  /** {@code RoundFreeze.totalWeight} of a masked round. */
  long totalWeight() {
    return (long) members.size() * largestWeight;
  }

  /** {@code RoundFreeze.reveals}. */
  List<ByteBuffer> reveals() {
    if (phase != Phase.OPEN) {
      throw new IllegalStateException("masks are not known yet");
    }
    return masks.stream().map(LeftMask::encode).toList();
  }

  /**
   * Takes a client's keys.
   *
   * @throws InvalidInputException for keys that cannot be used, or a client that sent some before
   */
  void advertise(MaskKeys keys, Consumer<? super FederatedOutput> out) {
    UpdateTask task = keys.getTask();
    String client = task.getClient();
    require(task);
    MaskMember before = members.get(client);
    if (before != null) {
      boolean same =
          before.getSealingKey().equals(keys.getSealingKey())
              && before.getMaskingKey().equals(keys.getMaskingKey());
      require(
          false, same ? Reason.DUPLICATE : Reason.INCONSISTENT, client + " has sent keys before");
    }
    requirePhase(Phase.KEYS, client);
    byte[] sealing = CanonicalBytes.array(keys.getSealingKey());
    byte[] masking = CanonicalBytes.array(keys.getMaskingKey());
    byte[] signature = CanonicalBytes.array(keys.getSignature());
    require(signature.length <= 64, Reason.TOO_LARGE, "signature of " + client + " is too long");
    try {
      PROBE.agree(sealing);
      PROBE.agree(masking);
    } catch (IllegalArgumentException e) {
      require(false, Reason.OUT_OF_RANGE, client + ": " + e.getMessage());
    }
    boolean fresh = !keys.getSealingKey().equals(keys.getMaskingKey());
    for (MaskMember member : members.values()) {
      fresh &= !member.getSealingKey().equals(keys.getSealingKey());
      fresh &= !member.getSealingKey().equals(keys.getMaskingKey());
      fresh &= !member.getMaskingKey().equals(keys.getSealingKey());
      fresh &= !member.getMaskingKey().equals(keys.getMaskingKey());
    }
    require(fresh, Reason.INCONSISTENT, client + " has sent a key that is in the round already");
    members.put(
        client,
        new MaskMember(
            client,
            task.getSequence(),
            ByteBuffer.wrap(sealing),
            ByteBuffer.wrap(masking),
            ByteBuffer.wrap(signature)));
    if (members.size() == settings.counts().target()) {
      close(out);
    }
  }

  /**
   * Takes the shares that a client dealt.
   *
   * @throws InvalidInputException for shares of wrong sizes or order, or a client that has dealt
   */
  void deal(MaskShares record, Consumer<? super FederatedOutput> out) {
    int dealer = member(record.getTask());
    String client = cohortOrNull.name(dealer);
    require(dealt[dealer] == null, Reason.DUPLICATE, client + " has dealt shares before");
    requirePhase(Phase.SHARES, client);
    try {
      dealt[dealer] = DealtShares.of(record, cohortOrNull, dealer);
    } catch (IllegalArgumentException e) {
      require(false, Reason.MALFORMED, client + ": " + e.getMessage());
    }
    if (Arrays.stream(dealt).allMatch(one -> one != null)) {
      close(out);
    }
  }

  /**
   * Counts an update all of whose chunks are there.
   *
   * @throws InvalidInputException of a client whose update the round does not await
   */
  void whole(String client, long sequence, Consumer<? super FederatedOutput> out) {
    int place = cohortOrNull == null ? -1 : cohortOrNull.place(client);
    require(
        place >= 0 && cohortOrNull.member(place).getSequence() == sequence,
        Reason.INCONSISTENT,
        client + " has no masked update in round " + round);
    requirePhase(Phase.UPDATES, client);
    require(dealers[place], Reason.INCONSISTENT, client + " has dealt no shares");
    require(!whole[place], Reason.DUPLICATE, client + " is whole already");
    whole[place] = true;
    if (Arrays.equals(whole, dealers)) {
      close(out);
    }
  }

  /** Whether an update counts that is whole now. */
  boolean awaits(String client, long sequence) {
    int place = cohortOrNull == null ? -1 : cohortOrNull.place(client);
    return phase == Phase.UPDATES
        && place >= 0
        && cohortOrNull.member(place).getSequence() == sequence
        && dealers[place]
        && !whole[place];
  }

  /** Names of clients whose updates are whole, rising. */
  List<String> whole() {
    return places(whole).stream().map(cohortOrNull::name).toList();
  }

  /** Takes an update out again that was found contested; too late once survivors are named. */
  void lose(String client) {
    int place = cohortOrNull == null ? -1 : cohortOrNull.place(client);
    if (place >= 0 && phase == Phase.UPDATES) {
      whole[place] = false;
    }
  }

  /**
   * Takes shares that a survivor laid open.
   *
   * @throws InvalidInputException naming whose share is repeated, of the wrong secret, or not the
   *     one that was dealt; or a client that has revealed before, or is no survivor
   */
  void reveal(MaskReveal record, Consumer<? super FederatedOutput> out) {
    int holder = member(record.getTask());
    String client = cohortOrNull.name(holder);
    require(
        answered.length == 0 || !answered[holder],
        Reason.DUPLICATE,
        client + " has revealed shares before");
    requirePhase(Phase.REVEALS, client);
    require(survivors[holder], Reason.INCONSISTENT, client + " is no survivor");
    int before = -1;
    List<Integer> owners = new ArrayList<>();
    for (RevealedShare share : record.getShares()) {
      int owner = cohortOrNull.place(share.getClient());
      require(
          owner > before,
          Reason.INCONSISTENT,
          "share of " + share.getClient() + " from " + client + " is repeated or out of order");
      before = owner;
      requireShare(share, owner, holder);
      owners.add(owner);
    }
    answered[holder] = true;
    for (int i = 0; i < owners.size(); i++) {
      byte[] share = CanonicalBytes.array(record.getShares().get(i).getShare());
      shares.get(owners.get(i)).put(holder, share);
    }
    if (missing().isEmpty()) {
      close(out);
    }
  }

  private void requireShare(RevealedShare share, int owner, int holder) {
    String names = "share of " + share.getClient() + " from " + cohortOrNull.name(holder);
    int index = Arrays.binarySearch(cohortOrNull.group(owner), holder);
    require(index >= 0 && dealers[owner], Reason.INCONSISTENT, names + " was never dealt");
    require(
        share.getOwnSeed() == survivors[owner],
        Reason.INCONSISTENT,
        names
            + (survivors[owner]
                ? " is of the masking key of a survivor"
                : " is of the own seed of a client that dropped out"));
    byte[] bytes = CanonicalBytes.array(share.getShare());
    try {
      SecretSharing.requireShare(bytes);
    } catch (IllegalArgumentException e) {
      require(false, Reason.MALFORMED, names + ": " + e.getMessage());
    }
    byte[] expected =
        survivors[owner] ? dealt[owner].seedDigests()[index] : dealt[owner].keyDigests()[index];
    require(
        Arrays.equals(expected, MaskDigests.ofShare(survivors[owner], holder, bytes)),
        Reason.INCONSISTENT,
        names + " is not the one that was dealt");
  }

  /** Moves event time; the phase ends when its deadline is reached. */
  void tick(long micros, Consumer<? super FederatedOutput> out) {
    boolean first = timeMicros < 0;
    timeMicros = Math.max(timeMicros, micros);
    if (first) {
      deadlineMicros = after(phaseMillis());
    }
    if (timeMicros >= deadlineMicros) {
      close(out);
    }
  }

  private void close(Consumer<? super FederatedOutput> out) {
    switch (phase) {
      case KEYS -> closeKeys(out);
      case SHARES -> closeShares(out);
      case UPDATES -> closeUpdates(out);
      case REVEALS -> closeReveals();
      case OPEN, FAILED -> deadlineMicros = NEVER;
    }
  }

  private void closeKeys(Consumer<? super FederatedOutput> out) {
    if (lacks("clients with keys", members.size())) {
      return;
    }
    MaskCohort record = cohortRecord();
    begin(new MaskingCohort(record));
    move(Phase.SHARES);
    out.accept(new FederatedOutput.Cohort(record));
  }

  /** The cohort of these members: the same whenever it is asked for. */
  MaskCohort cohortRecord() {
    int group =
        new NeighbourGraph(members.size(), settings.masking().neighbours(), seed).groupSize();
    return new MaskCohort(
        model,
        round,
        List.copyOf(members.values()),
        (int) (settings.masking().threshold() * group) + 1,
        settings.masking().neighbours(),
        seed,
        settings.masking().largest(),
        totalWeight(),
        largestWeight);
  }

  void begin(MaskingCohort cohort) {
    cohortOrNull = cohort;
    dealt = new DealtShares[cohort.size()];
    dealers = new boolean[cohort.size()];
    whole = new boolean[cohort.size()];
    survivors = new boolean[cohort.size()];
    answered = new boolean[cohort.size()];
    shares = Arrays.stream(dealt).map(none -> new TreeMap<Integer, byte[]>()).toList();
  }

  private void closeShares(Consumer<? super FederatedOutput> out) {
    boolean[] named = new boolean[dealt.length];
    for (int i = 0; i < dealt.length; i++) {
      named[i] = dealt[i] != null;
    }
    // Whoever has too few dealers around would not go on; without it others may have too few.
    for (boolean changed = true; changed; ) {
      changed = false;
      for (int i = 0; i < named.length; i++) {
        if (named[i] && count(named, i) < cohortOrNull.threshold()) {
          named[i] = false;
          changed = true;
        }
      }
    }
    if (lacks("clients with shares", count(named))) {
      return;
    }
    dealers = named;
    List<Integer> places = places(named);
    for (int holder : places) {
      List<SealedShare> envelopes = new ArrayList<>();
      for (int dealer : cohortOrNull.group(holder)) {
        if (dealer != holder && named[dealer]) {
          int index = Arrays.binarySearch(cohortOrNull.group(dealer), holder);
          envelopes.add(dealt[dealer].envelope(cohortOrNull.name(dealer), index));
        }
      }
      out.accept(
          new FederatedOutput.Delivery(
              new MaskDelivery(model, round, cohortOrNull.name(holder), places, envelopes)));
    }
    for (int i = 0; i < dealt.length; i++) {
      dealt[i] = named[i] ? dealt[i].delivered() : null;
    }
    move(Phase.UPDATES);
  }

  private void closeUpdates(Consumer<? super FederatedOutput> out) {
    if (lacks("whole masked updates", count(whole))) {
      return;
    }
    for (int i = 0; i < dealers.length; i++) {
      if (dealers[i]
          && MaskRecovery.hasSurvivor(cohortOrNull, whole, i)
          && count(whole, i) < cohortOrNull.threshold()) {
        fail(
            "secrets of "
                + cohortOrNull.name(i)
                + " are held by "
                + count(whole, i)
                + " survivors, expected "
                + cohortOrNull.threshold());
        return;
      }
    }
    survivors = whole.clone();
    move(Phase.REVEALS);
    out.accept(new FederatedOutput.Survivors(new MaskSurvivors(model, round, places(survivors))));
  }

  private void closeReveals() {
    List<String> missing = missing();
    if (!missing.isEmpty()) {
      fail("too few shares were revealed of " + String.join(", ", missing));
      return;
    }
    try {
      masks = MaskRecovery.masks(cohortOrNull, dealt, survivors, shares);
    } catch (IllegalArgumentException e) {
      fail(e.getMessage());
      return;
    }
    shares.forEach(TreeMap::clear);
    phase = Phase.OPEN;
    deadlineMicros = NEVER;
  }

  /** Members of whose secret too few shares are known. */
  private List<String> missing() {
    return IntStream.range(0, dealers.length)
        .filter(i -> dealers[i] && MaskRecovery.hasSurvivor(cohortOrNull, survivors, i))
        .filter(i -> shares.get(i).size() < cohortOrNull.threshold())
        .mapToObj(cohortOrNull::name)
        .toList();
  }

  private boolean lacks(String what, int count) {
    int least = settings.counts().minimum();
    if (count < least) {
      fail(what + " are " + count + ", expected at least " + least);
    }
    return count < least;
  }

  /** Gives the round up; its masks are never known then. */
  void fail(String message) {
    failure = message;
    phase = Phase.FAILED;
    deadlineMicros = NEVER;
    shares.forEach(TreeMap::clear);
    masks = List.of();
  }

  private void move(Phase next) {
    phase = next;
    deadlineMicros = after(phaseMillis());
  }

  /** Event time of the phase, 0: without end. */
  private long phaseMillis() {
    return switch (phase) {
      case KEYS, SHARES, REVEALS -> settings.masking().phaseMillis();
      case UPDATES -> settings.counts().deadlineMillis();
      case OPEN, FAILED -> 0;
    };
  }

  private long after(long millis) {
    long micros = 1000 * millis;
    return millis == 0 || timeMicros < 0 || timeMicros > NEVER - micros
        ? NEVER
        : timeMicros + micros;
  }

  private int count(boolean[] named, int member) {
    return (int) Arrays.stream(cohortOrNull.group(member)).filter(i -> named[i]).count();
  }

  private static int count(boolean[] named) {
    return places(named).size();
  }

  private static List<Integer> places(boolean[] named) {
    return IntStream.range(0, named.length).filter(i -> named[i]).boxed().toList();
  }

  private int member(UpdateTask task) {
    require(task);
    int place = cohortOrNull == null ? -1 : cohortOrNull.place(task.getClient());
    require(
        place >= 0 && cohortOrNull.member(place).getSequence() == task.getSequence(),
        Reason.INCONSISTENT,
        task.getClient() + " is not in the cohort of round " + round + " with this task");
    return place;
  }

  private void require(UpdateTask task) {
    require(
        task.getModel().equals(model) && task.getRound() == round,
        Reason.ENDED,
        task.getClient() + " has a task of round " + task.getRound() + ", open is " + round);
  }

  private void requirePhase(Phase expected, String client) {
    require(
        phase == expected,
        phase.compareTo(expected) > 0 ? Reason.LATE : Reason.INCONSISTENT,
        client + " sent what belongs to " + expected + ", the round is at " + phase);
  }

  private static void require(boolean holds, Reason reason, String message) {
    if (!holds) {
      throw new InvalidInputException(reason, message);
    }
  }
}
