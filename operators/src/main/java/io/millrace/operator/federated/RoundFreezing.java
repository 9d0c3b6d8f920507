package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import io.millrace.operator.federated.FederatedSettings.Masked;
import io.millrace.operator.federated.OpenVersion.Part;
import io.millrace.schema.Contribution;
import io.millrace.schema.RoundFreeze;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Closes rounds: takes whole updates, oldest first, weighs and clips them, charges their clients'
 * privacy, and commands every chunk to make a version of them, one version at a time. A round whose
 * deadline finds too few fails. Stateless but for settings.
 */
final class RoundFreezing {
  /** Most sequences that one freeze tells to forget. */
  private static final int MOST_DROPPED = 4096;

  /** Counter of the noise on the count of updates within the clip: no chunk has it. */
  private static final int CLIP_COUNTER = -1;

  private static final double CLIP_RATE = 0.2;
  private static final double SMALLEST_CLIP = 1e-30;

  /** Largest deviation that chunks add noise of. */
  private static final double LARGEST_NOISE = 1e30;

  private static final int MOST_MEASURES = 64;

  private final FederatedSettings settings;
  private final ControlPolicy policy;
  private final UpdateWeights weights;
  private final PrivacyBudget budget;
  private final ChunkCommands commands;
  private final CounterNoise noise;

  RoundFreezing(FederatedSettings settings, Authority authority, PrivacyBudget budget) {
    this.settings = settings;
    this.policy = ControlPolicy.of(settings.rounds());
    this.weights = new UpdateWeights(settings);
    this.budget = budget;
    this.commands = new ChunkCommands(authority);
    this.noise = authority.noise();
    double largestClip =
        settings.privacy().clipQuantile() > 0
            ? Math.max(settings.privacy().clip(), settings.admission().largestNorm())
            : settings.privacy().clip();
    SettingCheck.range(
        "privacy.noise x largest clip x weight",
        settings.privacy().noise() * largestClip * weights.unit(),
        0,
        LARGEST_NOISE);
  }

  /** Makes a version when the target is reached and none is being made. */
  void freezeAtTarget(ControlState state, Consumer<? super FederatedOutput> out) {
    if (state.version >= 0
        && !(settings.rounds().policy() instanceof Masked)
        && state.openOrNull == null
        && state.whole.size() >= policy.target()) {
      freeze(state, "at its target", out);
    }
  }

  /** Makes a version of the survivors of a masked round, who alone are whole. */
  void freezeMasked(ControlState state, Consumer<? super FederatedOutput> out) {
    freeze(state, "with its masks known", out);
  }

  /** Closes a masked round that failed. */
  void failMasked(ControlState state, Consumer<? super FederatedOutput> out) {
    String message = "round " + state.round + " failed: " + state.secureOrNull.failure();
    endTasks(state, message, out);
    List<WholeUpdate> lost = List.copyOf(state.whole);
    state.whole.clear();
    for (WholeUpdate update : lost) {
      UpdateOutcomes.end(state, update, RejectionReason.QUORUM, message, out);
    }
  }

  /**
   * Closes the round whose deadline has passed.
   *
   * @return whether it failed
   */
  boolean closeAtDeadline(ControlState state, Consumer<? super FederatedOutput> out) {
    if (state.whole.size() >= policy.minimum()) {
      freeze(state, "at its deadline", out);
      return false;
    }
    int got = state.whole.size();
    endTasks(state, "round " + state.round + " failed", out);
    if (!policy.carries()) {
      List<WholeUpdate> lost = List.copyOf(state.whole);
      state.whole.clear();
      for (WholeUpdate update : lost) {
        UpdateOutcomes.end(
            state,
            update,
            RejectionReason.QUORUM,
            "round " + state.round + " had " + got + " updates, expected " + policy.minimum(),
            out);
      }
    } else {
      for (WholeUpdate update : state.whole) {
        UpdateOutcomes.say(state, update, UpdateOutcomes.CARRIED, "round failed", out);
      }
    }
    return true;
  }

  /** Begins the next round; the version being made, if any, is no part of it. */
  static void nextRound(ControlState state) {
    state.round++;
    state.secureOrNull = null;
    state.touch(ControlState.SECURE);
    state.offered = false;
    state.deadlineMicros = -1;
    state.openedMicros = state.now();
  }

  private void freeze(ControlState state, String cause, Consumer<? super FederatedOutput> out) {
    if (policy.inRounds()) {
      endTasks(state, "round " + state.round + " closed " + cause, out);
    }
    int count = Math.min(policy.target(), state.whole.size());
    List<WholeUpdate> chosen = new ArrayList<>(state.whole.subList(0, count));
    state.whole.subList(0, count).clear();
    chosen.sort(Comparator.comparing(WholeUpdate::client).thenComparingLong(WholeUpdate::sequence));
    RoundFreeze freeze = freeze(state, chosen);
    OpenVersion open = open(state, freeze, chosen);
    state.openOrNull = open;
    state.touch(ControlState.VERSIONS, ControlState.BUFFER);
    if (budget.isPrivate()) {
      for (WholeUpdate update : chosen) {
        budget.charge(state, update.client(), count, out);
      }
    }
    adaptClip(state, chosen);
    commands.send(state, RoundFreeze.class, freeze, out);
    nextRound(state);
  }

  private RoundFreeze freeze(ControlState state, List<WholeUpdate> chosen) {
    List<Contribution> contributions = new ArrayList<>();
    for (WholeUpdate update : chosen) {
      double factor =
          state.clip > 0 && state.secureOrNull == null
              ? AdaptiveClip.factor(state.clip, update.squaredNorm())
              : 1;
      int examples = update.statement().examples();
      long staleness = state.staleness(update.newestVersion());
      contributions.add(
          new Contribution(
              update.client(),
              update.sequence(),
              weights.weight(examples, update.correction(), staleness),
              factor,
              ByteBuffer.wrap(update.statement().root()),
              update.largest(),
              examples,
              staleness));
    }
    RoundFreeze freeze = empty(state);
    weights.fill(freeze, contributions);
    freeze.setNoise(settings.privacy().noise() * state.clip * weights.unit());
    freeze.setNeedsDecision(settings.robust().needsDecision());
    if (state.secureOrNull != null) {
      Masked masked = (Masked) settings.rounds().policy();
      freeze.setLargest(masked.masking().largest());
      freeze.setTotalWeight(state.secureOrNull.totalWeight());
      freeze.setReveals(state.secureOrNull.reveals());
    }
    return freeze;
  }

  /** Of no updates: what is to be forgotten. */
  private RoundFreeze empty(ControlState state) {
    List<Long> dropped = new ArrayList<>();
    while (dropped.size() < MOST_DROPPED && !state.dropped.isEmpty()) {
      dropped.add(state.dropped.pollFirst());
    }
    state.touch(ControlState.BUFFER);
    RoundFreeze freeze = new RoundFreeze();
    freeze.setModel(state.key);
    freeze.setRound(state.round);
    freeze.setVersion(state.version + 1);
    freeze.setParent(state.pointer);
    freeze.setContributions(List.of());
    freeze.setDropped(dropped);
    freeze.setLargest(0f);
    freeze.setTotalWeight(0L);
    freeze.setDivisor(1.0);
    freeze.setRate(settings.method().server().rate());
    freeze.setSeed(TaskOffers.seed(state, state.round));
    freeze.setNoise(0.0);
    freeze.setNeedsDecision(false);
    freeze.setReveals(List.of());
    return freeze;
  }

  /**
   * Has chunks forget what no version will use, before it takes the room of what one may: when that
   * is a quarter of all they hold.
   */
  void forgetMuch(ControlState state, Consumer<? super FederatedOutput> out) {
    if (state.dropped.size() > settings.exchange().pendingUpdates() / 4) {
      commands.send(state, RoundFreeze.class, empty(state), out);
    }
  }

  private OpenVersion open(ControlState state, RoundFreeze freeze, List<WholeUpdate> chosen) {
    List<Part> parts = new ArrayList<>();
    for (int i = 0; i < chosen.size(); i++) {
      parts.add(new Part(freeze.getContributions().get(i), chosen.get(i).bytes()));
    }
    OpenVersion.Order order =
        new OpenVersion.Order(
            state.round,
            freeze.getVersion(),
            freeze.getParent(),
            freeze.getSeed(),
            Math.max(0, state.openedMicros),
            state.now());
    boolean reference = settings.robust().rule().hasReference();
    int rows = freeze.getNeedsDecision() ? chosen.size() + (reference ? 1 : 0) : 0;
    OpenVersion open = new OpenVersion(order, parts, rows);
    open.rejected.addAll(RecordSizes.newest(state.rejected, settings, chosen.size(), state.chunks));
    state.rejected.clear();
    open.measures.putAll(means(chosen));
    CodecPlanning.count(state, chosen);
    return open;
  }

  /** Means of measures, weighted by examples: the first names of all, in order. */
  private static Map<String, Double> means(List<WholeUpdate> chosen) {
    TreeMap<String, double[]> sums = new TreeMap<>();
    for (WholeUpdate update : chosen) {
      double examples = update.statement().examples();
      update
          .statement()
          .measures()
          .forEach(
              (name, value) -> {
                double[] sum = sums.computeIfAbsent(name, unknown -> new double[2]);
                sum[0] += examples * value;
                sum[1] += examples;
              });
    }
    TreeMap<String, Double> means = new TreeMap<>();
    sums.forEach(
        (name, sum) -> {
          if (means.size() < MOST_MEASURES) {
            means.put(name, sum[0] / sum[1]);
          }
        });
    return means;
  }

  private void endTasks(ControlState state, String when, Consumer<? super FederatedOutput> out) {
    for (OpenTask task : List.copyOf(state.tasks.values())) {
      if (!policy.carries()) {
        UpdateOutcomes.endLate(state, task, when, out);
      } else if (task.hasBegun()) {
        UpdateOutcomes.say(
            state, task, UpdateOutcomes.CARRIED, when + ": " + task.progress() + " had come", out);
      }
    }
  }

  private void adaptClip(ControlState state, List<WholeUpdate> chosen) {
    if (settings.privacy().clipQuantile() == 0) {
      return;
    }
    double bound = state.clip;
    long within =
        chosen.stream().filter(update -> Math.sqrt(update.squaredNorm()) <= bound).count();
    double deviation = budget.isPrivate() ? PrivacyBudget.COUNT_NOISE * chosen.size() : 0;
    double drawn =
        deviation > 0
            ? noise.chunk(state.key, state.version + 1, CLIP_COUNTER, 1, deviation)[0]
            : 0;
    double next =
        new AdaptiveClip(settings.privacy().clipQuantile(), CLIP_RATE)
            .next(bound, within, chosen.size(), drawn);
    // updates of zeros would carry it to 0, and beyond the gate none can be
    state.clip = Math.max(SMALLEST_CLIP, Math.min(settings.admission().largestNorm(), next));
  }
}
