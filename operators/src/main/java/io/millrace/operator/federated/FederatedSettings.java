package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import io.millrace.schema.ModelDefinition;
import java.util.List;

/**
 * Settings of a federated model, for both operators alike.
 *
 * @param method how updates become a step of the model
 * @param rounds when a version is made
 * @param robust what stands in for the mean
 * @param admission which updates count at all
 * @param privacy clipping, noise, budget
 * @param exchange what travels and what is kept
 */
public record FederatedSettings(
    Method method,
    Rounds rounds,
    Robust robust,
    Admission admission,
    Privacy privacy,
    Exchange exchange) {

  /** Bound on millisecond settings, some 290 years. */
  private static final long MAXIMUM_MILLIS = Long.MAX_VALUE / 1_000_000;

  /** Numbers of a record, which leave room in a mebibyte for what is around them. */
  private static final int LARGEST_RECORD_BYTES = 983_040;

  /**
   * @throws IllegalArgumentException for parts that do not fit each other
   */
  public FederatedSettings {
    AveragingMethod averaging = method.averaging();
    boolean noisy = privacy.noise() > 0;
    boolean individual = robust.rule() != RobustRule.MEAN || robust.mixing() != PreMixing.NONE;
    if (averaging.remembers() && (individual || privacy.clip() > 0 || noisy)) {
      throw new IllegalArgumentException(
          averaging.id()
              + " sums increments of client memories: expected no robust rule, no clip, no noise");
    }
    if (noisy && individual) {
      throw new IllegalArgumentException(
          "noise is added to a clipped sum, expected rule mean without mixing, got " + robust);
    }
    if (averaging == AveragingMethod.FEDASYNC != rounds.policy() instanceof Immediate) {
      throw new IllegalArgumentException(
          "fedasync and immediate versions go together, got "
              + averaging.id()
              + " and "
              + rounds.policy());
    }
    if (rounds.policy() instanceof Masked masked) {
      if (averaging.remembers() || individual) {
        throw new IllegalArgumentException(
            "masked rounds show sums alone: expected no method that remembers clients, no robust"
                + " rule, got "
                + averaging.id()
                + " and "
                + robust);
      }
      if (privacy.clipQuantile() > 0 || exchange.codecs().size() > 1) {
        throw new IllegalArgumentException(
            "masked updates tell no norm and no errors: expected no clip quantile and one codec,"
                + " got "
                + privacy.clipQuantile()
                + " and "
                + exchange.codecs());
      }
      if (!new MaskedCodec(exchange.codecs().get(0)).isPlain() && noisy) {
        throw new IllegalArgumentException(
            "noise belongs on the grid of the values: expected codec plain under masks, got "
                + exchange.codecs());
      }
      MaskedScale.finest(
          masked.masking().largest(), (long) masked.counts().target() * admission.largestWeight());
    }
    if (method.server().optimiser() == OptimiserName.MKOR) {
      checkFactors(
          averaging.remembers()
              || individual
              || noisy
              || rounds.policy() instanceof Masked
              || rounds.policy() instanceof Immediate,
          method.server());
    }
    if (averaging == AveragingMethod.FEDASYNC
        && (individual || method.server().optimiser() != OptimiserName.SGD)) {
      throw new IllegalArgumentException(
          "fedasync mixes one update in, expected rule mean and optimiser sgd");
    }
  }

  /** What clients send beside the update is averaged bare. */
  private static void checkFactors(boolean unfit, Server server) {
    if (unfit || server.secondDecay() < 0.5 || server.floor() > 1) {
      throw new IllegalArgumentException(
          "mkor averages activations and gradients of fedavg, fedprox, fedbuff or afa-cd: expected"
              + " no memory of clients, no robust rule, no noise, no masks, a second decay of 0.5"
              + " or more and a floor of 1 or less, got "
              + server);
    }
  }

  /** Whether every chunk must know the model's layers before version 0. */
  public boolean needsLayers() {
    return method.server().optimiser() == OptimiserName.MKOR;
  }

  /**
   * @throws IllegalArgumentException for layers that the server's optimiser cannot work on
   */
  public void checkLayers(ModelDefinition definition) {
    long chunks = (definition.getLength() - 1) / definition.getChunkLength() + 1;
    for (int chunk = 0; needsLayers() && chunk < chunks; chunk++) {
      ServerKronecker.layout(definition, chunk);
    }
  }

  /**
   * Numbers of a chunk with which none of its records passes Kafka's mebibyte: a published chunk
   * has the control beside the values, a client's memory 8 bytes a number.
   */
  public int largestChunk() {
    AveragingMethod averaging = method.averaging();
    int published = exchange.elementBytes() + (averaging.controls() ? Double.BYTES : 0);
    return LARGEST_RECORD_BYTES / Math.max(published, averaging.remembers() ? Long.BYTES : 0);
  }

  /**
   * How updates become a step of the model.
   *
   * @param averaging the method
   * @param local what clients do between two rounds
   * @param server what the server does with the aggregate
   * @param clients n, all there are, not only a round's: methods that remember clients take means
   *     over it
   * @param memoryBits binary digits behind the point of what is remembered of a client: increments
   *     reach 2^(51 - bits), sums of them 2^(62 - bits)
   */
  public record Method(
      AveragingMethod averaging, Local local, Server server, int clients, int memoryBits) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Method {
      SettingCheck.range("clients", clients, 1, 1 << 24);
      SettingCheck.range("memory-bits", memoryBits, -64, 100);
    }
  }

  /**
   * What clients do between two rounds.
   *
   * @param steps K, gradient steps
   * @param rate of a step
   * @param proximal mu of FedProx and FedAsync, 0: none
   * @param alpha of SCALLION, above 0 to 1
   * @param momentum of SCAFCOM (beta) and EF21-SGDM, above 0 to 1; 1: none
   * @param errorWeight of EControl, above 0 to 1
   */
  public record Local(
      int steps, double rate, double proximal, double alpha, double momentum, double errorWeight) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Local {
      SettingCheck.range("local.steps", steps, 1, 1_000_000);
      SettingCheck.range("local.rate", rate, 1e-30, 1e30);
      SettingCheck.range("local.proximal", proximal, 0, 1e30);
      SettingCheck.range("local.alpha", alpha, 1e-9, 1);
      SettingCheck.range("local.momentum", momentum, 1e-9, 1);
      SettingCheck.range("local.error-weight", errorWeight, 1e-9, 1);
    }
  }

  /**
   * The server's step.
   *
   * @param optimiser takes the aggregate for the negative of a gradient
   * @param rate of the step; FedAsync's mixing. What clients send as gradients is first multiplied
   *     by their own rate (AFA-CD, AFA-CS) or their rate and steps (SCALLION, SCAFCOM); EF21 and
   *     EControl step by this rate alone
   * @param firstDecay b1; the momentum of MOMENTUM
   * @param secondDecay b2; of MKOR's factors
   * @param floor of the second moment's root; entries of MKOR's inverses stay within 1 / floor
   * @param weightDecay of LION
   */
  public record Server(
      OptimiserName optimiser,
      double rate,
      double firstDecay,
      double secondDecay,
      double floor,
      double weightDecay) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Server {
      SettingCheck.range("server.rate", rate, 1e-30, 1e30);
      SettingCheck.range("server.first-decay", firstDecay, 0, Math.nextDown(1.0));
      SettingCheck.range("server.second-decay", secondDecay, 0, Math.nextDown(1.0));
      SettingCheck.range("server.floor", floor, 1e-30, 1e30);
      SettingCheck.range("server.weight-decay", weightDecay, 0, 1e6);
    }

    /** The plain step of this rate, and published values where they are not used. */
    public static Server plain(double rate) {
      return new Server(OptimiserName.SGD, rate, 0.9, 0.99, 1e-3, 0);
    }
  }

  /**
   * When a version is made.
   *
   * @param policy of what
   * @param staleness how much an update counts that was made on an older version
   * @param largestStaleness versions between an update's base and now beyond which it is refused
   * @param taskMillis event time until a task expires; 0: never
   */
  public record Rounds(Policy policy, Staleness staleness, long largestStaleness, long taskMillis) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Rounds {
      SettingCheck.range("rounds.largest-staleness", largestStaleness, 0, 1L << 40);
      SettingCheck.range("rounds.task-millis", taskMillis, 0, MAXIMUM_MILLIS);
    }

    /** What updates are counted by: of masked rounds their counts. */
    Policy counting() {
      return policy instanceof Masked masked ? masked.counts() : policy;
    }
  }

  /** What makes a version. */
  public sealed interface Policy {}

  /**
   * A round of so many clients.
   *
   * @param target whole updates with which it closes at once
   * @param minimum with which it closes at its deadline; with fewer it fails
   * @param deadlineMillis event time from its begin; 0: never
   * @param carries whether an update that comes too late counts in the next round, with its
   *     staleness; else it is dropped
   */
  public record Synchronous(int target, int minimum, long deadlineMillis, boolean carries)
      implements Policy {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Synchronous {
      SettingCheck.range("rounds.target", target, 1, 1 << 16);
      SettingCheck.range("rounds.minimum", minimum, 1, target);
      SettingCheck.range("rounds.deadline-millis", deadlineMillis, 0, MAXIMUM_MILLIS);
    }
  }

  /**
   * A round of so many clients whose updates only their sum is seen of.
   *
   * @param counts target: keys with which the cohort closes; minimum: members and survivors without
   *     which the round fails; deadline: event time for masked updates to come, from when the last
   *     shares are delivered. Nothing is carried: masks are of one round
   * @param masking who masks with whom, and how
   */
  public record Masked(Synchronous counts, Masking masking) implements Policy {
    /** Bound on masks left in a sum: as many fit a RoundFreeze under 1 MiB. */
    private static final int MOST_LEFT_MASKS = 24_000;

    /**
     * @throws IllegalArgumentException for counts that masks cannot serve
     */
    public Masked {
      SettingCheck.range("rounds.target of masked rounds", counts.target(), 2, 1 << 10);
      SettingCheck.range("rounds.minimum of masked rounds", counts.minimum(), 2, counts.target());
      if (counts.carries()) {
        throw new IllegalArgumentException(
            "rounds.carries is true, expected false in masked rounds");
      }
      long most = 0;
      int degree = masking.neighbours() == 0 ? counts.target() - 1 : masking.neighbours();
      for (int survivors = 1; survivors <= counts.target(); survivors++) {
        long dropped = counts.target() - survivors;
        most = Math.max(most, survivors + dropped * Math.min(degree, survivors));
      }
      SettingCheck.range("masks left at most, fewer with neighbours", most, 1, MOST_LEFT_MASKS);
    }
  }

  /**
   * How updates are masked.
   *
   * @param threshold share of a client's group beyond which its secrets come back, 0.5 to 0.95; 2/3
   *     withstands a third of them in league with the server
   * @param neighbours that each masks with, even; 0: all others
   * @param largest value of an update, as its codec packs it
   * @param phaseMillis event time for keys, shares and reveals each to come
   */
  public record Masking(double threshold, int neighbours, float largest, long phaseMillis) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Masking {
      SettingCheck.range("masking.threshold", threshold, 0.5, 0.95);
      SettingCheck.range("masking.neighbours", neighbours, 0, 1 << 10);
      SettingCheck.range("masking.largest", largest, 1e-30, 1e30);
      SettingCheck.range("masking.phase-millis", phaseMillis, 1, MAXIMUM_MILLIS);
      if (neighbours % 2 != 0) {
        throw new IllegalArgumentException(
            "masking.neighbours is " + neighbours + ", expected an even number");
      }
    }
  }

  /**
   * Every so many updates, whoever sent them.
   *
   * @param size K
   * @param largestCorrection bound both ways of the weight that makes up for frequent clients; 1:
   *     none
   * @param arrivalMemory arrivals over which shares of clients are averaged
   */
  public record Buffered(int size, double largestCorrection, double arrivalMemory)
      implements Policy {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Buffered {
      SettingCheck.range("rounds.size", size, 1, 1 << 16);
      SettingCheck.range("rounds.largest-correction", largestCorrection, 1, 64);
      SettingCheck.range("rounds.arrival-memory", arrivalMemory, 1, 1e12);
    }
  }

  /** Every update. */
  public record Immediate() implements Policy {}

  /**
   * What stands in for the mean.
   *
   * @param mixing means that take the updates' place first
   * @param rule the rule
   * @param faulty f, updates to withstand
   * @param radius of centered clipping
   * @param passes of rules that iterate
   * @param size of a bucket, or dimensions of the flag aggregator's subspace
   */
  public record Robust(
      PreMixing mixing, RobustRule rule, int faulty, double radius, int passes, int size) {
    /** The mean. */
    public static final Robust NONE = new Robust(PreMixing.NONE, RobustRule.MEAN, 0, 10, 3, 2);

    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Robust {
      SettingCheck.range("robust.faulty", faulty, 0, 1 << 15);
      SettingCheck.range("robust.radius", radius, 1e-100, 1e100);
      SettingCheck.range("robust.passes", passes, 1, 100);
      SettingCheck.range("robust.size", size, 1, 1 << 12);
    }

    /** Whether chunks wait for a decision from the Gram matrix summed over all of them. */
    public boolean needsDecision() {
      return rule.fromGram() || mixing == PreMixing.NEAREST_NEIGHBOURS;
    }
  }

  /**
   * Which updates count at all.
   *
   * @param largestNorm length of a whole update
   * @param largestWeight examples that a client may count with; 1: all alike
   * @param signed whether commits must be signed with a key that is known
   */
  public record Admission(double largestNorm, int largestWeight, boolean signed) {
    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Admission {
      SettingCheck.range("admission.largest-norm", largestNorm, 1e-100, 1e150);
      SettingCheck.range("admission.largest-weight", largestWeight, 1, 1 << 28);
    }
  }

  /**
   * Clipping, noise and budget.
   *
   * @param clip length that updates are clipped to; 0: not at all
   * @param noise z, standard deviation over the clip; 0: none
   * @param epsilon budget of a client; 0: no bound
   * @param delta of the loss
   * @param clipQuantile share of updates below a clip that adapts itself; 0: it stays
   */
  public record Privacy(
      double clip, double noise, double epsilon, double delta, double clipQuantile) {
    /** None of it. */
    public static final Privacy NONE = new Privacy(0, 0, 0, 1e-5, 0);

    /**
     * @throws IllegalArgumentException if a value is out of range
     */
    public Privacy {
      SettingCheck.range("privacy.clip", clip, 0, 1e100);
      SettingCheck.range("privacy.noise", noise, 0, 1e6);
      SettingCheck.range("privacy.epsilon", epsilon, 0, 1e6);
      SettingCheck.range("privacy.delta", delta, 1e-300, 0.5);
      SettingCheck.range("privacy.clip-quantile", clipQuantile, 0, Math.nextDown(1.0));
      if ((noise > 0 || clipQuantile > 0) && !(clip > 0)) {
        throw new IllegalArgumentException(
            "privacy.clip is " + clip + ", expected above 0 with noise or a quantile");
      }
      if (epsilon > 0 && !(noise > 0)) {
        throw new IllegalArgumentException(
            "privacy.epsilon is " + epsilon + ", expected 0 without noise");
      }
    }
  }

  /**
   * What travels and what is kept.
   *
   * @param codecs names that {@link UpdateCodecs#named} knows: the first without a plan, all of
   *     them the levels of one
   * @param elementBytes of a published number: 4 or 8
   * @param keptVersions of the model, 1 to 64: what rounds may start from, and what stays on the
   *     models topic
   * @param pendingUpdates held of a model at a time; one more is refused
   * @param pendingBytes of their payloads, of a chunk
   */
  public record Exchange(
      List<String> codecs,
      int elementBytes,
      int keptVersions,
      int pendingUpdates,
      long pendingBytes) {
    /**
     * @throws IllegalArgumentException for an unknown codec, or a value out of range
     */
    public Exchange {
      codecs = List.copyOf(codecs);
      SettingCheck.range("number of codecs", codecs.size(), 1, 100);
      codecs.forEach(UpdateCodecs::named);
      if (elementBytes != Float.BYTES && elementBytes != Double.BYTES) {
        throw new IllegalArgumentException(
            "exchange.element-bytes is " + elementBytes + ", expected 4 or 8");
      }
      SettingCheck.range("exchange.kept-versions", keptVersions, 1, 64);
      SettingCheck.range("exchange.pending-updates", pendingUpdates, 1, 1 << 20);
      SettingCheck.range("exchange.pending-bytes", pendingBytes, 1, 1L << 32);
    }
  }
}
