package io.millrace.operator.federated;

import io.millrace.operator.federated.OpenVersion.Part;
import io.millrace.schema.Contribution;
import io.millrace.schema.ModelPointer;
import io.millrace.schema.Rejection;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Publishes a version when all its chunks are done: its digests, the updates in it and those not,
 * and its lineage, a hash chain over all versions it comes from; then the pointer to it. A
 * roll-back sets the pointer to an older version that chunks still keep: everything made on the
 * versions after it is stale, and the next version has it as parent. Privacy that was given away
 * stays given away. Stateless but for settings.
 */
final class VersionMaking {
  static final String PUBLISHED = "PUBLISHED";
  static final String ROLLED_BACK = "ROLLED_BACK";

  private final FederatedSettings settings;
  private final PrivacyBudget budget;
  private final UpdateAdmission admission;
  private final CodecPlanning planning;
  private final String rule;
  private final byte[] settingsHash;

  VersionMaking(
      FederatedSettings settings,
      PrivacyBudget budget,
      UpdateAdmission admission,
      String ruleName) {
    this.settings = settings;
    this.budget = budget;
    this.admission = admission;
    this.planning = new CodecPlanning(settings);
    this.rule =
        settings.method().averaging().id()
            + "/"
            + ruleName
            + "/"
            + settings.method().server().optimiser().id();
    this.settingsHash = SettingsDigest.of(settings);
  }

  /** Publishes version 0 once its chunks are all there and the model is known. */
  void publishFirstIfWhole(ControlState state, Consumer<? super FederatedOutput> out) {
    if (state.version >= 0 || state.chunks == 0 || state.firstDigests.size() < state.chunks) {
      return;
    }
    OpenVersion.Order order = new OpenVersion.Order(-1, 0, -1, 0, state.now(), state.now());
    OpenVersion first = new OpenVersion(order, List.of(), 0);
    first.done.putAll(state.firstDigests);
    state.firstDigests.clear();
    publish(state, first, out);
    state.openedMicros = state.now();
  }

  /** Publishes the open version once its chunks are all there. */
  void publishIfWhole(ControlState state, Consumer<? super FederatedOutput> out) {
    OpenVersion open = state.openOrNull;
    if (open == null || open.done.size() < state.chunks) {
      return;
    }
    publish(state, open, out);
    for (Part part : open.parts) {
      UpdateOutcomes.say(state, part, UpdateOutcomes.INCLUDED, "", out);
    }
    state.openOrNull = null;
    if (ControlPolicy.of(settings.rounds()).inRounds()) {
      state.openedMicros = state.now();
    }
    planning.planIfDue(state, out);
    admission.endStale(state, out);
    if (state.rollback >= 0) {
      long version = state.rollback;
      state.rollback = -1;
      rollBack(state, version, out);
    }
  }

  /**
   * Sets the pointer to an older version.
   *
   * @param version known
   */
  void rollBack(ControlState state, long version, Consumer<? super FederatedOutput> out) {
    String message = "version " + state.pointer + " was rolled back to version " + version;
    for (OpenTask task : List.copyOf(state.tasks.values())) {
      UpdateOutcomes.end(state, task, RejectionReason.STALE, message, out);
    }
    List<WholeUpdate> updates = List.copyOf(state.whole);
    state.whole.clear();
    for (WholeUpdate update : updates) {
      UpdateOutcomes.end(state, update, RejectionReason.STALE, message, out);
    }
    state.pointer = version;
    RoundFreezing.nextRound(state);
    point(state, ROLLED_BACK, out);
  }

  private void publish(
      ControlState state, OpenVersion open, Consumer<? super FederatedOutput> out) {
    List<ByteBuffer> digests = new ArrayList<>();
    open.done.values().forEach(digest -> digests.add(ByteBuffer.wrap(digest)));
    List<Contribution> contributions = new ArrayList<>();
    open.parts.forEach(part -> contributions.add(part.contribution()));
    List<Rejection> rejected = new ArrayList<>(open.rejected);
    SortedMap<String, Double> measures = new TreeMap<>(open.measures);
    VersionCommit commit = new VersionCommit();
    commit.setModel(state.key);
    commit.setVersion(open.version);
    commit.setParent(open.parent);
    commit.setRound(open.round);
    commit.setChunkDigests(digests);
    commit.setContributions(contributions);
    commit.setRejected(rejected);
    commit.setRule(rule);
    commit.setSettingsHash(ByteBuffer.wrap(settingsHash.clone()));
    commit.setEpsilon(budget.worst(state));
    commit.setDelta(budget.delta());
    commit.setMeasures(measures);
    commit.setOpenedMicros(open.openedMicros);
    commit.setTimeMicros(open.frozenMicros);
    byte[] parent = state.lineages.getOrDefault(open.parent, new byte[0]);
    byte[] lineage = Digests.lineage(commit, ByteBuffer.wrap(parent));
    commit.setLineage(ByteBuffer.wrap(lineage.clone()));
    out.accept(new FederatedOutput.Version(commit));
    state.version = open.version;
    state.pointer = open.version;
    state.lineages.put(open.version, lineage);
    state.lineages.headMap(open.version - settings.exchange().keptVersions(), true).clear();
    state.touch(ControlState.VERSIONS);
    point(state, PUBLISHED, out);
  }

  private static void point(
      ControlState state, String cause, Consumer<? super FederatedOutput> out) {
    out.accept(new FederatedOutput.Pointer(new ModelPointer(state.key, state.pointer, cause)));
  }
}
