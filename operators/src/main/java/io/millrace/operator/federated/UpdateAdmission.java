package io.millrace.operator.federated;

import io.millrace.operator.federated.FederatedSettings.Buffered;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Whether an update counts, once its receipts and its commit are all here: the chunks that came are
 * those of the commit's Merkle root; the length claimed is that of what came, within {@link
 * #NORM_TOLERANCE}; that length passes {@link NormGate}; its base is not too old; and its client's
 * privacy budget affords it. Stateless but for settings.
 */
final class UpdateAdmission {
  /**
   * Relative, of the squared length: what summing other than in the order of chunks, or in float
   * over some hundred numbers at a time, may make a client's figure differ by.
   */
  static final double NORM_TOLERANCE = 1e-4;

  private final FederatedSettings settings;
  private final NormGate gate;
  private final PrivacyBudget budget;

  UpdateAdmission(FederatedSettings settings, PrivacyBudget budget) {
    this.settings = settings;
    this.gate = new NormGate(settings.admission().largestNorm());
    this.budget = budget;
  }

  /** Ends a task that is whole: its update waits for a version from now on, or is rejected. */
  void admitIfWhole(ControlState state, OpenTask task, Consumer<? super FederatedOutput> out) {
    if (!task.isWhole()) {
      return;
    }
    Optional<Refusal> refusal = refusal(state, task);
    if (refusal.isPresent()) {
      UpdateOutcomes.end(state, task, refusal.get().reason(), refusal.get().message(), out);
      return;
    }
    state.remove(task);
    state.touch(ControlState.BUFFER);
    state.whole.add(
        new WholeUpdate(
            task.client,
            task.sequence,
            task.baseVersion,
            task.newestVersion,
            correction(state, task),
            task.squaredNorm(),
            task.largest,
            task.bytes,
            task.statementOrNull));
  }

  /** Ends tasks and updates whose base has become too old. */
  void endStale(ControlState state, Consumer<? super FederatedOutput> out) {
    for (OpenTask task : List.copyOf(state.tasks.values())) {
      Optional<String> stale = stale(state, task.newestVersion, task.baseVersion);
      if (stale.isPresent()) {
        UpdateOutcomes.end(state, task, RejectionReason.STALE, stale.get(), out);
      }
    }
    Iterator<WholeUpdate> waiting = state.whole.iterator();
    while (waiting.hasNext()) {
      WholeUpdate update = waiting.next();
      Optional<String> stale = stale(state, update.newestVersion(), update.baseVersion());
      if (stale.isPresent()) {
        waiting.remove();
        UpdateOutcomes.end(state, update, RejectionReason.STALE, stale.get(), out);
      }
    }
  }

  private record Refusal(RejectionReason reason, String message) {}

  private Optional<Refusal> refusal(ControlState state, OpenTask task) {
    HexFormat hex = HexFormat.of();
    String root = hex.formatHex(task.root());
    String claimedRoot = hex.formatHex(task.statementOrNull.root());
    if (!root.equals(claimedRoot)) {
      return Optional.of(
          new Refusal(
              RejectionReason.ROOT,
              "chunks have root " + root + ", the commit says " + claimedRoot));
    }
    double squaredNorm = task.squaredNorm();
    double claimed = task.statementOrNull.squaredNorm();
    if (!(Math.abs(claimed - squaredNorm)
        <= NORM_TOLERANCE * Math.max(squaredNorm, Float.MIN_NORMAL))) {
      return Optional.of(
          new Refusal(
              RejectionReason.NORM,
              "chunks have squared length " + squaredNorm + ", the commit says " + claimed));
    }
    Optional<String> tooLong = gate.refusal(squaredNorm);
    if (tooLong.isPresent()) {
      return Optional.of(new Refusal(RejectionReason.NORM, tooLong.get()));
    }
    Optional<String> stale = stale(state, task.newestVersion, task.baseVersion);
    if (stale.isPresent()) {
      return Optional.of(new Refusal(RejectionReason.STALE, stale.get()));
    }
    if (!budget.affords(state, task.client)) {
      return Optional.of(
          new Refusal(
              RejectionReason.BUDGET,
              "one more version passes an epsilon of " + settings.privacy().epsilon()));
    }
    return Optional.empty();
  }

  /** Why an update is too old; FedAsync needs its base, which chunks keep for a while only. */
  private Optional<String> stale(ControlState state, long newestVersion, long baseVersion) {
    long staleness = state.staleness(newestVersion);
    long largest = settings.rounds().largestStaleness();
    if (staleness > largest) {
      return Optional.of("base is " + staleness + " versions old, expected at most " + largest);
    }
    if (settings.method().averaging() == AveragingMethod.FEDASYNC
        && !state.lineages.containsKey(baseVersion)) {
      return Optional.of("base version " + baseVersion + " is no longer kept");
    }
    return Optional.empty();
  }

  private double correction(ControlState state, OpenTask task) {
    if (settings.rounds().policy() instanceof Buffered policy) {
      double weight = settings.rounds().staleness().weight(state.staleness(task.newestVersion));
      state.touch(ControlState.CLIENTS);
      return new ArrivalBook(policy).arrived(state, task.client, weight);
    }
    return 1;
  }
}
