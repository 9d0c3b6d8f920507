package io.millrace.operator.federated;

import io.millrace.operator.federated.FederatedSettings.Buffered;
import io.millrace.operator.federated.FederatedSettings.Masked;
import io.millrace.schema.Contribution;
import io.millrace.schema.RoundFreeze;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;

/**
 * Freezes as they would have been had a client never sent anything: rounds end when they ended,
 * with what all others sent. From each freeze its updates are taken, and all that the control makes
 * of the updates together is made anew from those that are left: weights, divisor, and the bounds
 * that set the fixed point. So a replay of the log makes the same bits as a federation that it was
 * no part of.
 *
 * <p>A version of that client alone is like its parent, and does not age what others sent; the
 * minimum of a round is not asked for again. What was refused as stale, or for want of room, stays
 * refused. The settings count as they are now: who wants means over one client less sets {@code
 * method.clients} so.
 *
 * <p>Rules that decide from all updates together leave nothing to be taken out of their decisions:
 * robust rules, a clip that adapts itself, corrections for frequent clients, and masks.
 *
 * <p>One thread; freezes of one chunk come in order.
 */
public final class WithoutClient implements UnaryOperator<RoundFreeze> {
  private final String model;
  private final String client;
  private final FederatedSettings settings;
  private final UpdateWeights weights;
  private final Set<Long> taken = new HashSet<>();

  /** Sequences in versions that would not have been made. */
  private final TreeMap<Long, List<Long>> skipped = new TreeMap<>();

  /**
   * @throws IllegalArgumentException for settings under which a version has more of a client than
   *     its summand
   */
  public WithoutClient(FederatedSettings settings, String model, String client) {
    requireSums(settings);
    this.settings = settings;
    this.weights = new UpdateWeights(settings);
    this.model = model;
    this.client = client;
  }

  /** Updates that were taken out. */
  public int taken() {
    return taken.size();
  }

  /** Versions that are like their parents, since they were made of that client alone. */
  public Set<Long> skipped() {
    return new TreeSet<>(skipped.keySet());
  }

  /**
   * The freeze without the client; the same record: it bears no trace of it.
   *
   * @param freeze with updates, not modified
   * @throws IllegalStateException for a version of that client alone under noise
   */
  @Override
  public RoundFreeze apply(RoundFreeze freeze) {
    if (!freeze.getModel().equals(model)) {
      return freeze;
    }
    List<Contribution> left = new ArrayList<>();
    List<Long> dropped = new ArrayList<>(freeze.getDropped());
    for (long made = freeze.getVersion() - 1; skipped.containsKey(made); made--) {
      dropped.addAll(skipped.get(made));
    }
    for (Contribution part : freeze.getContributions()) {
      if (part.getClient().equals(client)) {
        taken.add(part.getSequence());
        dropped.add(part.getSequence());
      } else {
        left.add(younger(part, freeze.getVersion()));
      }
    }
    if (left.equals(freeze.getContributions()) && dropped.equals(freeze.getDropped())) {
      return freeze;
    }
    if (left.isEmpty()) {
      skip(freeze);
      return of(freeze, List.of());
    }
    RoundFreeze without = of(freeze, dropped);
    weights.fill(without, left);
    return without;
  }

  /** As it would be with the versions not made that would not have been. */
  private Contribution younger(Contribution part, long version) {
    int notMade = skipped.subMap(version - part.getStaleness(), version).size();
    if (notMade == 0) {
      return part;
    }
    long staleness = part.getStaleness() - notMade;
    return new Contribution(
        part.getClient(),
        part.getSequence(),
        weights.weight(part.getExamples(), 1, staleness),
        part.getFactor(),
        part.getRoot(),
        part.getLargest(),
        part.getExamples(),
        staleness);
  }

  /** Likewise, of no updates yet. */
  private static RoundFreeze of(RoundFreeze freeze, List<Long> dropped) {
    return new RoundFreeze(
        freeze.getModel(),
        freeze.getRound(),
        freeze.getVersion(),
        freeze.getParent(),
        List.of(),
        dropped,
        0f,
        0L,
        1.0,
        freeze.getRate(),
        freeze.getSeed(),
        freeze.getNoise(),
        freeze.getNeedsDecision(),
        freeze.getReveals());
  }

  private void skip(RoundFreeze freeze) {
    if (settings.privacy().noise() > 0) {
      throw new IllegalStateException(
          model
              + " version "
              + freeze.getVersion()
              + " would not have been made without "
              + client
              + ", and noise is drawn by the number of a version: those after it had another");
    }
    List<Long> sequences = new ArrayList<>(freeze.getDropped());
    freeze.getContributions().forEach(part -> sequences.add(part.getSequence()));
    skipped.put(freeze.getVersion(), sequences);
  }

  private static void requireSums(FederatedSettings settings) {
    FederatedSettings.Robust robust = settings.robust();
    String reason = "";
    if (robust.rule() != RobustRule.MEAN || robust.mixing() != PreMixing.NONE) {
      reason =
          "robust.rule is "
              + robust.rule().id()
              + " with mixing "
              + robust.mixing().id()
              + ", expected mean with none";
    } else if (settings.rounds().policy() instanceof Masked) {
      reason = "rounds are masked, expected updates that can be told apart";
    } else if (settings.privacy().clipQuantile() > 0) {
      reason =
          "privacy.clip-quantile is "
              + settings.privacy().clipQuantile()
              + ", expected 0, a clip that stays";
    } else if (settings.rounds().policy() instanceof Buffered buffered
        && buffered.largestCorrection() > 1) {
      reason =
          "rounds.largest-correction is "
              + buffered.largestCorrection()
              + ", expected 1, weights that no other client moves";
    }
    if (!reason.isEmpty()) {
      throw new IllegalArgumentException(reason + ": no client can be taken out of a version");
    }
  }
}
