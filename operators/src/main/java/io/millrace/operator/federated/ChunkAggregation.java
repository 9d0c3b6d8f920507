package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.operator.Operator;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ChunkDone;
import io.millrace.schema.ChunkReceipt;
import io.millrace.schema.ClientMemory;
import io.millrace.schema.Contribution;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.RoundDecision;
import io.millrace.schema.RoundFreeze;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UnreadableRecordException;
import io.millrace.schema.UpdateChunk;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * Aggregation where one chunk of a model lies, keyed MODEL/CHUNK. Updates are checked, kept as they
 * came and acknowledged; the control's freeze names those that make the next version, so that all
 * chunks take the same ones, whatever came in what order. Nothing but the log of this topic and the
 * settings bears on a version: a replay makes the same bytes.
 *
 * <pre>
 * definition    -> nothing; sent before version 0 where the optimiser works on layers
 * version 0     -> ModelChunk, ChunkDone
 * UpdateChunk   -> ChunkReceipt; with another digest under the same task, a contested one
 * RoundFreeze   -> ChunkGram where a rule needs one, else the version
 * RoundDecision -> the version
 * the version   -> ModelChunk, ClientMemory in methods that remember, ChunkDone; and the version
 *                  that is kept no longer is removed
 * </pre>
 *
 * <p>A freeze whose updates have not all come waits for them. A step whose result cannot be
 * published as finite numbers is not taken: the version equals its parent in this chunk. A freeze
 * of no updates, which only a rebuild has, makes a version like its parent and changes nothing
 * else.
 *
 * <p>After a roll-back the optimiser begins anew, and so does a rule's reference: they hold the
 * steps that were taken back. What is remembered of clients stays: both sides count its increments,
 * and no client counts one back; it estimates gradients, and the next rounds correct it.
 *
 * <p>O(c) an update, O(n c) a version, and what a rule or codec takes. State: {@link ChunkState}.
 */
public final class ChunkAggregation
    implements Operator<FederatedInput, ChunkState, FederatedOutput> {
  private static final int MOST_FREEZES = 1024;
  private static final int MOST_CONTRIBUTIONS = 1 << 16;

  /** Of a value of D: what optimisers make of it stays finite. */
  private static final double LARGEST_STEP = 1e100;

  private final FederatedSettings settings;
  private final ChunkReports reports;
  private final UpdateIntake intake;
  private final ChunkSums sums;
  private final ChunkRule rule;
  private final ChunkMethod method;

  /**
   * @param authority the aggregator's, on this thread alone
   */
  public ChunkAggregation(FederatedSettings settings, Authority authority) {
    this.settings = settings;
    this.reports = new ChunkReports(authority);
    this.intake = new UpdateIntake(settings, authority);
    this.sums = new ChunkSums(authority.noise());
    this.rule = new ChunkRule(settings.robust());
    this.method = ChunkMethods.of(settings.method());
  }

  @Override
  public ChunkState createState(String key) {
    return new ChunkState(key);
  }

  /** 0: no chunk has a time, only the control has. */
  @Override
  public long eventTimeMillis(FederatedInput input) {
    return 0;
  }

  @Override
  public void accept(
      ChunkState state,
      FederatedInput input,
      long eventTimeMillis,
      Models models,
      Consumer<? super FederatedOutput> out) {
    if (input instanceof FederatedInput.Update update) {
      accept(state, update.chunk(), out);
    } else if (input instanceof FederatedInput.Authorised authorised) {
      accept(state, authorised.record(), out);
    } else {
      throw refuse(
          Reason.WRONG_SCHEMA,
          input.getClass().getSimpleName() + " on the updates topic, expected update or command");
    }
  }

  private void accept(ChunkState state, UpdateChunk chunk, Consumer<? super FederatedOutput> out) {
    byte[] digest = intake.identify(state, chunk);
    long sequence = chunk.getTask().getSequence();
    PendingUpdate held = state.pending.get(sequence);
    if (held == null) {
      UpdateIntake.Accepted accepted = intake.open(state, chunk, digest);
      checkAwaited(state, accepted.update());
      state.putPending(accepted.update());
      out.accept(receipt(state, accepted.update(), accepted.squaredNorm(), new byte[0]));
      advance(state, out);
      return;
    }
    if (Arrays.equals(held.digest(), digest) || state.contested.containsKey(sequence)) {
      throw refuse(Reason.DUPLICATE, "update " + sequence + " has this chunk already");
    }
    state.contest(sequence, digest);
    double squaredNorm = 0;
    if (!MaskedCodec.isMasked(held.codec())) {
      float[] values = held.values(state.length());
      squaredNorm = NormGate.squaredNorm(values, 0, values.length);
    }
    out.accept(receipt(state, held, squaredNorm, digest));
  }

  private FederatedOutput receipt(
      ChunkState state, PendingUpdate update, double squaredNorm, byte[] contestedDigest) {
    return reports.report(
        new ChunkReceipt(
            FederatedKeys.modelOf(state.key),
            FederatedKeys.chunkOf(state.key),
            update.source().client(),
            update.source().sequence(),
            ByteBuffer.wrap(update.digest()),
            squaredNorm,
            update.largest(),
            update.bytes(),
            ByteBuffer.wrap(contestedDigest)));
  }

  private void accept(
      ChunkState state, AuthorisedRecord record, Consumer<? super FederatedOutput> out) {
    byte[] framed = reports.authority().open(state.key, record);
    try {
      String name = SingleObject.recordName(framed);
      switch (name) {
        case "ModelDefinition" -> define(state, reports.definitions.decode(framed));
        case "ModelChunk" -> start(state, reports.models.decode(framed), out);
        case "RoundFreeze" -> freeze(state, reports.freezes.decode(framed), out);
        case "RoundDecision" -> decide(state, reports.decisions.decode(framed), out);
        default ->
            throw refuse(
                Reason.WRONG_SCHEMA,
                "command is a "
                    + name
                    + ", expected ModelDefinition, ModelChunk, RoundFreeze or RoundDecision");
      }
    } catch (UnreadableRecordException e) {
      throw refuse(Reason.MALFORMED, "command: " + e.getMessage());
    }
  }

  /** Tells a chunk which layers lie in it, where the optimiser works on layers. */
  private void define(ChunkState state, ModelDefinition definition) {
    byte[] schemaHash = CanonicalBytes.array(definition.getSchemaHash());
    if (settings.method().server().optimiser() != OptimiserName.MKOR) {
      throw refuse(Reason.WRONG_SCHEMA, "definition on the updates topic, only mkor asks for it");
    }
    if (!definition.getModel().equals(FederatedKeys.modelOf(state.key))
        || !Arrays.equals(schemaHash, Digests.of(definition))
        || state.isStarted() && !Arrays.equals(schemaHash, state.schemaHash)) {
      throw refuse(Reason.INCONSISTENT, "definition is not that of the model at " + state.key);
    }
    if (state.optimiserId.equals(OptimiserName.MKOR.id())) {
      throw refuse(Reason.DUPLICATE, "definition has come before");
    }
    double[] layout;
    try {
      layout = ServerKronecker.layout(definition, FederatedKeys.chunkOf(state.key));
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw refuse(Reason.INCONSISTENT, "definition: " + e.getMessage());
    }
    state.optimiserId = OptimiserName.MKOR.id();
    state.optimiserMemory =
        new ServerKronecker(settings.method().server(), layout).memory().toArray(new double[0][]);
    state.optimiserOrNull = null;
    state.optimiserRevision++;
  }

  private void start(ChunkState state, ModelChunk chunk, Consumer<? super FederatedOutput> out) {
    double[] values = ChunkVersions.start(state.key, state.isStarted(), chunk);
    if (!ChunkVersions.fits(values, ChunkVersions.largest(settings.exchange().elementBytes()))) {
      throw refuse(Reason.OUT_OF_RANGE, "version 0 has numbers beyond those to be published");
    }
    boolean defined = state.optimiserId.equals(OptimiserName.MKOR.id());
    if (settings.method().server().optimiser() == OptimiserName.MKOR
        && !(defined && ServerKronecker.fits(state.optimiserMemory[0], values.length))) {
      throw refuse(Reason.UNKNOWN_MODEL, "mkor needs the model's definition before version 0");
    }
    state.chunkCount = chunk.getChunkCount();
    state.schemaHash = CanonicalBytes.array(chunk.getSchemaHash());
    state.putVersion(0, values);
    state.revision++;
    publish(state, out);
  }

  private void freeze(ChunkState state, RoundFreeze freeze, Consumer<? super FederatedOutput> out) {
    if (freeze.getContributions().isEmpty() && !freeze.getDropped().isEmpty()) {
      forget(state, freeze);
      return;
    }
    check(state, freeze);
    // What is on the queue must not change with the record that it came in.
    state.freezes.add(freeze);
    freeze.getDropped().forEach(state::finish);
    state.revision++;
    advance(state, out);
  }

  /** Of a freeze without updates: what failed rounds and expired tasks leave makes room. */
  private static void forget(ChunkState state, RoundFreeze freeze) {
    if (!state.isStarted() || !freeze.getModel().equals(FederatedKeys.modelOf(state.key))) {
      throw refuse(Reason.UNKNOWN_MODEL, "freeze of a model without version 0 at " + state.key);
    }
    TreeSet<Long> used = new TreeSet<>();
    for (RoundFreeze queued : state.freezes) {
      queued.getContributions().forEach(part -> used.add(part.getSequence()));
    }
    for (long dropped : freeze.getDropped()) {
      if (dropped < 0 || used.contains(dropped)) {
        throw refuse(Reason.INCONSISTENT, "update " + dropped + " is dropped and used");
      }
    }
    freeze.getDropped().forEach(state::finish);
    state.revision++;
  }

  private void check(ChunkState state, RoundFreeze freeze) {
    if (!state.isStarted() || !freeze.getModel().equals(FederatedKeys.modelOf(state.key))) {
      throw refuse(Reason.UNKNOWN_MODEL, "freeze of a model without version 0 at " + state.key);
    }
    if (freeze.getVersion() != state.nextVersion()) {
      throw refuse(
          freeze.getVersion() < state.nextVersion() ? Reason.DUPLICATE : Reason.GAP,
          "freeze is of version " + freeze.getVersion() + ", expected " + state.nextVersion());
    }
    if (freeze.getParent() < 0
        || freeze.getParent() >= freeze.getVersion()
        || freeze.getParent() <= state.newestVersion()
            && !state.versions.containsKey(freeze.getParent())
        || freeze.getParent() <= freeze.getVersion() - 1 - settings.exchange().keptVersions()) {
      throw refuse(
          Reason.UNKNOWN_MODEL,
          "parent of version " + freeze.getVersion() + " is " + freeze.getParent() + ", not kept");
    }
    boolean empty = freeze.getContributions().isEmpty();
    if (freeze.getNeedsDecision() != (settings.robust().needsDecision() && !empty)
        || freeze.getNoise() > 0 && rule.isActive()) {
      throw refuse(
          Reason.INCONSISTENT,
          "freeze asks for a decision or noise otherwise than rule " + settings.robust());
    }
    if (freeze.getContributions().size() > MOST_CONTRIBUTIONS
        || state.freezes.size() >= MOST_FREEZES) {
      throw refuse(
          Reason.MALFORMED,
          "freeze has "
              + freeze.getContributions().size()
              + " updates after "
              + state.freezes.size()
              + " freezes");
    }
    checkNumbers(freeze);
    checkMasks(freeze);
    checkUpdates(state, freeze);
  }

  private static void checkNumbers(RoundFreeze freeze) {
    boolean fits =
        freeze.getLargest() >= 0
            && freeze.getLargest() <= Float.MAX_VALUE
            && freeze.getTotalWeight() > 0 == !freeze.getContributions().isEmpty()
            && freeze.getTotalWeight() < 1L << 51
            && Math.abs(freeze.getDivisor()) >= 1e-100
            && Math.abs(freeze.getDivisor()) <= 1e100
            && Math.abs(freeze.getRate()) <= 1e100
            && freeze.getNoise() >= 0
            && freeze.getNoise() <= 1e30;
    long weights = 0;
    for (Contribution contribution : freeze.getContributions()) {
      fits &= contribution.getWeight() >= 1 && contribution.getWeight() <= 1 << 28;
      fits &= Math.abs(contribution.getFactor()) <= 1e30;
      weights += contribution.getWeight();
    }
    if (!fits || weights > freeze.getTotalWeight()) {
      throw refuse(
          Reason.OUT_OF_RANGE,
          "freeze of version "
              + freeze.getVersion()
              + " has numbers out of range: "
              + weights
              + " weights of "
              + freeze.getTotalWeight()
              + ", divisor "
              + freeze.getDivisor()
              + ", rate "
              + freeze.getRate()
              + ", largest "
              + freeze.getLargest());
    }
  }

  private void checkMasks(RoundFreeze freeze) {
    if (freeze.getContributions().isEmpty() && freeze.getReveals().isEmpty()) {
      return;
    }
    if (!(settings.rounds().policy() instanceof FederatedSettings.Masked)) {
      if (!freeze.getReveals().isEmpty()) {
        throw refuse(Reason.INCONSISTENT, "freeze has masks, the settings ask for none");
      }
      return;
    }
    try {
      MaskedSum.checkMasks(freeze);
    } catch (IllegalArgumentException e) {
      throw refuse(Reason.INCONSISTENT, "masked freeze: " + e.getMessage());
    }
  }

  private void checkUpdates(ChunkState state, RoundFreeze freeze) {
    TreeSet<Long> sequences = new TreeSet<>();
    for (RoundFreeze queued : state.freezes) {
      queued.getContributions().forEach(part -> sequences.add(part.getSequence()));
    }
    for (Contribution part : freeze.getContributions()) {
      long sequence = part.getSequence();
      if (sequence < 0 || !sequences.add(sequence) || state.done.contains(sequence)) {
        throw refuse(Reason.INCONSISTENT, "update " + sequence + " is in a version already");
      }
      PendingUpdate update = state.pending.get(sequence);
      if (update != null) {
        checkUpdate(freeze, part, update);
      }
    }
    for (long dropped : freeze.getDropped()) {
      if (dropped < 0 || sequences.contains(dropped)) {
        throw refuse(Reason.INCONSISTENT, "update " + dropped + " is dropped and used");
      }
    }
  }

  /** Passes an update that no freeze waits for, or that fits the one that does. */
  private void checkAwaited(ChunkState state, PendingUpdate update) {
    for (RoundFreeze freeze : state.freezes) {
      for (Contribution part : freeze.getContributions()) {
        if (part.getSequence() == update.source().sequence()) {
          checkUpdate(freeze, part, update);
        }
      }
    }
  }

  private void checkUpdate(RoundFreeze freeze, Contribution part, PendingUpdate update) {
    float largest = (float) (update.largest() * Math.abs(part.getFactor()));
    if (!update.source().client().equals(part.getClient())
        || !(update.largest() <= part.getLargest())
        || !(largest <= freeze.getLargest())) {
      throw refuse(
          Reason.INCONSISTENT,
          "update "
              + part.getSequence()
              + " of "
              + update.source().client()
              + " reaches "
              + largest
              + ", the freeze says "
              + part.getClient()
              + " and "
              + freeze.getLargest());
    }
    if (part.getFactor() != 1 && settings.method().averaging().remembers()) {
      throw refuse(Reason.INCONSISTENT, "increments of a memory cannot be scaled");
    }
  }

  private void decide(
      ChunkState state, RoundDecision decision, Consumer<? super FederatedOutput> out) {
    RoundFreeze freeze = state.freezes.peek();
    if (freeze == null
        || !state.deciding
        || decision.getVersion() != freeze.getVersion()
        || !decision.getModel().equals(freeze.getModel())) {
      throw refuse(
          Reason.DUPLICATE,
          "decision is for version " + decision.getVersion() + ", none is awaited for it");
    }
    rule.check(decision, freeze.getContributions().size());
    state.deciding = false;
    make(state, freeze, decision, out);
    advance(state, out);
  }

  /** Makes versions as far as their updates are there. */
  private void advance(ChunkState state, Consumer<? super FederatedOutput> out) {
    while (!state.deciding && isReady(state)) {
      RoundFreeze freeze = state.freezes.element();
      if (freeze.getParent() != state.newestVersion()) {
        state.forgetSteps();
      }
      if (freeze.getNeedsDecision()) {
        state.deciding = true;
        state.revision++;
        out.accept(reports.report(rule.gram(state, new ChunkRound(state, freeze))));
      } else {
        make(state, freeze, null, out);
      }
    }
  }

  private static boolean isReady(ChunkState state) {
    boolean ready = !state.freezes.isEmpty();
    if (ready) {
      for (Contribution contribution : state.freezes.element().getContributions()) {
        ready &= state.pending.containsKey(contribution.getSequence());
      }
    }
    return ready;
  }

  private void make(
      ChunkState state,
      RoundFreeze freeze,
      RoundDecision decisionOrNull,
      Consumer<? super FederatedOutput> out) {
    double[] parent = state.versions.get(freeze.getParent());
    if (freeze.getContributions().isEmpty()) {
      state.putVersion(freeze.getVersion(), parent.clone());
      state.freezes.remove();
      state.revision++;
      publish(state, out);
      return;
    }
    ChunkRound round = new ChunkRound(state, freeze);
    double[] mean = mean(state, round, decisionOrNull);
    double[] update = method.update(state, round, parent, mean);
    double[] model = parent.clone();
    boolean fits = ChunkVersions.fits(update, LARGEST_STEP);
    if (fits) {
      ServerOptimiser optimiser = ServerOptimisers.of(settings.method().server(), state);
      observe(optimiser, state, round);
      optimiser.step(model, update, freeze.getRate());
      state.optimiserRevision++;
      fits = ChunkVersions.fits(model, ChunkVersions.largest(settings.exchange().elementBytes()));
    }
    state.putVersion(freeze.getVersion(), fits ? model : parent.clone());
    state.freezes.remove();
    state.revision++;
    publish(state, out);
    for (int i = 0; i < round.size(); i++) {
      state.finish(round.contribution(i).getSequence());
    }
    remembered(state, round, out);
  }

  private static void observe(ServerOptimiser optimiser, ChunkState state, ChunkRound round) {
    if (optimiser instanceof ServerKronecker kronecker) {
      int numbers = ServerKronecker.vectors(ServerKronecker.layout(state));
      if (numbers > 0) {
        kronecker.observe(ChunkSums.vectors(round, numbers));
      }
    }
  }

  private double[] mean(ChunkState state, ChunkRound round, RoundDecision decisionOrNull) {
    if (!rule.isActive()) {
      return method.needsMean() ? sums.mean(round) : new double[0];
    }
    double[] aggregate = rule.aggregate(state, round, decisionOrNull);
    if (rule.remembersAggregate()) {
      state.aggregate = Vectors.floats(aggregate);
      state.optimiserRevision++;
    }
    return aggregate;
  }

  private void publish(ChunkState state, Consumer<? super FederatedOutput> out) {
    long version = state.newestVersion();
    ModelChunk chunk =
        ChunkVersions.chunk(
            state, version, method.control(state), settings.exchange().elementBytes());
    out.accept(new FederatedOutput.Model(chunk));
    while (state.versions.size() > settings.exchange().keptVersions()) {
      long oldest = state.versions.firstKey();
      state.removeVersion(oldest);
      out.accept(new FederatedOutput.RemovedModel(chunk.getModel(), oldest, chunk.getChunk()));
    }
    out.accept(
        reports.report(
            new ChunkDone(chunk.getModel(), version, chunk.getChunk(), chunk.getDigest())));
  }

  private void remembered(
      ChunkState state, ChunkRound round, Consumer<? super FederatedOutput> out) {
    if (!settings.method().averaging().remembers()) {
      return;
    }
    TreeSet<String> clients = new TreeSet<>();
    for (int i = 0; i < round.size(); i++) {
      clients.add(round.update(i).source().client());
    }
    for (String client : clients) {
      ChunkState.ClientMemoryEntry entry = state.memories.get(client);
      long[] values = entry.memory.sums();
      ByteBuffer bytes =
          ByteBuffer.allocate(values.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asLongBuffer().put(values);
      out.accept(
          new FederatedOutput.Memory(
              new ClientMemory(
                  round.freeze().getModel(),
                  client,
                  round.chunk(),
                  entry.version,
                  entry.sequence,
                  entry.memory.bits(),
                  bytes.order(ByteOrder.BIG_ENDIAN))));
    }
  }

  private static InvalidInputException refuse(Reason reason, String message) {
    return new InvalidInputException(reason, message);
  }
}
