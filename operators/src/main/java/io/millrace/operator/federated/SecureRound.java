package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.federated.FederatedSettings.Masked;
import io.millrace.schema.MaskCohort;
import io.millrace.schema.MaskKeys;
import io.millrace.schema.MaskMember;
import io.millrace.schema.MaskReveal;
import io.millrace.schema.MaskShares;
import io.millrace.schema.RevealedShare;
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
    MaskChecks.keys(keys, members.values());
    members.put(
        client,
        new MaskMember(
            client,
            task.getSequence(),
            copy(keys.getSealingKey()),
            copy(keys.getMaskingKey()),
            copy(keys.getSignature())));
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
    return MaskPhaseEnds.places(whole).stream().map(cohortOrNull::name).toList();
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
      MaskChecks.revealed(this, share, owner, holder);
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
      case KEYS -> MaskPhaseEnds.keys(this, out);
      case SHARES -> MaskPhaseEnds.shares(this, out);
      case UPDATES -> MaskPhaseEnds.updates(this, out);
      case REVEALS -> MaskPhaseEnds.reveals(this);
      case OPEN, FAILED -> deadlineMicros = NEVER;
    }
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

  /** Members of whose secret too few shares are known. */
  List<String> missing() {
    return IntStream.range(0, dealers.length)
        .filter(i -> dealers[i] && MaskRecovery.hasSurvivor(cohortOrNull, survivors, i))
        .filter(i -> shares.get(i).size() < cohortOrNull.threshold())
        .mapToObj(cohortOrNull::name)
        .toList();
  }

  /** Gives the round up; its masks are never known then. */
  void fail(String message) {
    failure = message;
    phase = Phase.FAILED;
    deadlineMicros = NEVER;
    shares.forEach(TreeMap::clear);
    masks = List.of();
  }

  /** Begins a phase. */
  void move(Phase next) {
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

  private static ByteBuffer copy(ByteBuffer bytes) {
    return ByteBuffer.wrap(CanonicalBytes.array(bytes));
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

  static void require(boolean holds, Reason reason, String message) {
    if (!holds) {
      throw new InvalidInputException(reason, message);
    }
  }
}
