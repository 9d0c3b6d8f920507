package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.operator.Operator;
import io.millrace.schema.ChunkDone;
import io.millrace.schema.ChunkGram;
import io.millrace.schema.ChunkReceipt;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.ClientKey;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.ModelPointer;
import io.millrace.schema.RoundPhase;
import io.millrace.schema.RoundStatus;
import io.millrace.schema.RoundTick;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import org.apache.avro.specific.SpecificRecord;

/**
 * Decides about a federated model, from kilobytes: who gets a task, when an update is whole, when a
 * version is made of which updates, what a robust rule makes of their inner products, when a
 * version is whole, and what it cost its clients in privacy. The numbers themselves stay where
 * {@link ChunkAggregation} holds them. Every task given gets one last word: INCLUDED or a {@link
 * RejectionReason}.
 *
 * <p>Time is that of the newest {@code RoundTick}, of this model and of no other, and deadlines are
 * looked at when one comes: no input has an event time, and no engine's timer can close a round. A
 * tick that is not newer than the newest is counted and passed over: every process that runs the
 * pipeline may send them. What else comes twice is refused as DUPLICATE, what comes after its task
 * ended as LATE, and changes nothing.
 *
 * <p>Cost: a receipt or a commit O(1) and one status; an update that is whole P hashes; a version P
 * commands of some 70 bytes an update, and O(n^2 log n) for a rule on n updates. State: see {@link
 * ControlState}. One thread.
 */
public final class RoundControl implements Operator<FederatedInput, ControlState, FederatedOutput> {
  private final FederatedSettings settings;
  private final ControlPolicy policy;
  private final ControlCheck check;
  private final TaskOffers offers;
  private final UpdateAdmission admission;
  private final RoundFreezing freezing;
  private final RuleDecision decision;
  private final VersionMaking making;
  private final MaskedRounds masked;

  /**
   * @throws IllegalArgumentException for rounds too small for the robust rule
   */
  public RoundControl(FederatedSettings settings, Authority authority) {
    this.settings = settings;
    this.policy = ControlPolicy.of(settings.rounds());
    PrivacyBudget budget = new PrivacyBudget(settings.privacy(), policy.minimum());
    this.check = new ControlCheck(settings, authority);
    this.offers = new TaskOffers(settings, authority, budget);
    this.admission = new UpdateAdmission(settings, budget);
    this.freezing = new RoundFreezing(settings, authority, budget);
    this.decision = new RuleDecision(settings, authority);
    this.masked = new MaskedRounds(settings, authority);
    this.making = new VersionMaking(settings, budget, admission, decision.name());
  }

  @Override
  public ControlState createState(String key) {
    ControlState state = new ControlState(key);
    state.clip = settings.privacy().clip();
    return state;
  }

  /** Nothing here has an event time, see above. */
  @Override
  public long eventTimeMillis(FederatedInput input) {
    return 0;
  }

  @Override
  public void accept(
      ControlState state,
      FederatedInput input,
      long eventTimeMillis,
      Models models,
      Consumer<? super FederatedOutput> out) {
    RoundStatus before = status(state);
    if (input instanceof FederatedInput.Request request) {
      check.request(state, request.request());
      offers.request(state, request.request().getClient(), out);
    } else if (input instanceof FederatedInput.Commit commit) {
      commit(state, commit.commit(), out);
    } else if (input instanceof FederatedInput.Authorised authorised) {
      accept(state, check.open(state, authorised.record()), out);
    } else if (input instanceof FederatedInput.Keys keys) {
      masked.keys(state, keys.keys(), out);
    } else if (input instanceof FederatedInput.Shares shares) {
      masked.shares(state, shares.shares(), out);
    } else if (input instanceof FederatedInput.Reveal reveal) {
      masked.reveal(state, reveal.reveal(), out);
    } else {
      throw new InvalidInputException(
          Reason.WRONG_SCHEMA, "record is an UpdateChunk, expected it on the updates topic");
    }
    state.touch(ControlState.HEAD);
    settle(state, out);
    RoundStatus after = status(state);
    before.setTimeMicros(after.getTimeMicros());
    before.setOlderTicks(after.getOlderTicks());
    if (!after.equals(before)) {
      out.accept(new FederatedOutput.Status(after));
    }
  }

  private void accept(
      ControlState state, SpecificRecord record, Consumer<? super FederatedOutput> out) {
    if (record instanceof ChunkReceipt receipt) {
      receipt(state, receipt, out);
    } else if (record instanceof RoundTick tick) {
      tick(state, tick, out);
    } else if (record instanceof ChunkGram gram) {
      double[] triangle = check.gram(state, gram);
      state.openOrNull.addGram(gram.getChunk(), triangle);
      state.touch(ControlState.VERSIONS);
      decision.decideIfComplete(state, out);
    } else if (record instanceof ChunkDone done) {
      done(state, done, out);
    } else if (record instanceof ModelDefinition definition) {
      define(state, definition, out);
    } else if (record instanceof ClientKey key) {
      key(state, key, out);
    } else if (record instanceof ModelPointer pointer) {
      check.pointer(state, pointer);
      if (state.openOrNull == null) {
        making.rollBack(state, pointer.getVersion(), out);
      } else {
        state.rollback = pointer.getVersion();
      }
    }
  }

  /** What follows from the state alone. */
  private void settle(ControlState state, Consumer<? super FederatedOutput> out) {
    switch (masked.settle(state, out)) {
      case OPEN -> freezing.freezeMasked(state, out);
      case FAILED -> {
        freezing.failMasked(state, out);
        failed(state, out);
      }
      default -> freezing.freezeAtTarget(state, out);
    }
    freezing.forgetMuch(state, out);
    offers.offerWaiting(state, out);
  }

  private void define(
      ControlState state, ModelDefinition definition, Consumer<? super FederatedOutput> out) {
    check.definition(state, definition);
    state.length = definition.getLength();
    state.chunkLength = definition.getChunkLength();
    state.chunks = (int) ((state.length + state.chunkLength - 1) / state.chunkLength);
    state.schemaHash = CanonicalBytes.array(definition.getSchemaHash());
    making.publishFirstIfWhole(state, out);
  }

  private void key(ControlState state, ClientKey key, Consumer<? super FederatedOutput> out) {
    check.key(state, key);
    String client = key.getClient();
    state.client(client).publicKey = CanonicalBytes.array(key.getPublicKey());
    if (key.getPublicKey().hasRemaining() || !settings.admission().signed()) {
      return;
    }
    String message = "key of " + client + " was withdrawn";
    Long sequence = state.taskOf.get(client);
    if (sequence != null) {
      OpenTask task = state.tasks.get(sequence);
      UpdateOutcomes.end(state, task, RejectionReason.SIGNATURE, message, out);
    }
    for (WholeUpdate update : List.copyOf(state.whole)) {
      if (update.client().equals(client)) {
        state.whole.remove(update);
        UpdateOutcomes.end(state, update, RejectionReason.SIGNATURE, message, out);
      }
    }
    state.waiting.remove(client);
    state.touch(ControlState.BUFFER);
  }

  private void tick(ControlState state, RoundTick tick, Consumer<? super FederatedOutput> out) {
    check.tick(state, tick);
    if (tick.getTimeMicros() <= state.timeMicros) {
      state.olderTicks++;
      return;
    }
    state.timeMicros = tick.getTimeMicros();
    if (state.deadlineMicros >= 0 && state.deadlineMicros <= state.timeMicros) {
      if (freezing.closeAtDeadline(state, out)) {
        failed(state, out);
      }
    }
    masked.tick(state, out);
    for (OpenTask task : new ArrayList<>(state.tasks.values())) {
      if (task.expiresMicros <= state.timeMicros) {
        UpdateOutcomes.endLate(state, task, "task expired", out);
      }
    }
    offers.arm(state);
  }

  private void failed(ControlState state, Consumer<? super FederatedOutput> out) {
    RoundStatus failed = status(state);
    failed.setPhase(RoundPhase.FAILED);
    out.accept(new FederatedOutput.Status(failed));
    RoundFreezing.nextRound(state);
  }

  private void receipt(
      ControlState state, ChunkReceipt receipt, Consumer<? super FederatedOutput> out) {
    check.receipt(state, receipt);
    OpenTask task = state.tasks.get(receipt.getSequence());
    byte[] digest = CanonicalBytes.array(receipt.getDigest());
    boolean contested = receipt.getContestedDigest().hasRemaining();
    if (task == null) {
      lateReceipt(state, receipt, out);
      return;
    }
    requireSame(task.client, receipt.getClient());
    boolean known = task.hasArrived(receipt.getChunk());
    if (known && !contested && Arrays.equals(digest, task.digest(receipt.getChunk()))) {
      throw duplicate(receipt);
    }
    if (known || contested) {
      byte[] other =
          contested
              ? CanonicalBytes.array(receipt.getContestedDigest())
              : task.digest(receipt.getChunk());
      // so that what is held of it is forgotten even when this was the first receipt
      state.dropped.add(task.sequence);
      UpdateOutcomes.end(
          state, task, RejectionReason.EQUIVOCATION, contest(receipt, digest, other), out);
      return;
    }
    task.arrive(
        receipt.getChunk(),
        digest,
        receipt.getSquaredNorm(),
        receipt.getLargest(),
        receipt.getBytes());
    state.touch(ControlState.TASKS);
    admission.admitIfWhole(state, task, out);
  }

  /** Of a task that has ended: an update that waits is lost if contested, others are forgotten. */
  private static void lateReceipt(
      ControlState state, ChunkReceipt receipt, Consumer<? super FederatedOutput> out) {
    long sequence = receipt.getSequence();
    for (WholeUpdate update : state.whole) {
      if (update.sequence() == sequence) {
        requireSame(update.client(), receipt.getClient());
        if (!receipt.getContestedDigest().hasRemaining()) {
          throw duplicate(receipt);
        }
        state.whole.remove(update);
        UpdateOutcomes.end(
            state,
            update,
            RejectionReason.EQUIVOCATION,
            contest(
                receipt,
                CanonicalBytes.array(receipt.getDigest()),
                CanonicalBytes.array(receipt.getContestedDigest())),
            out);
        return;
      }
    }
    boolean making = false;
    if (state.openOrNull != null) {
      for (OpenVersion.Part part : state.openOrNull.parts) {
        making |= part.contribution().getSequence() == sequence;
      }
    }
    if (making || state.dropped.contains(sequence)) {
      throw duplicate(receipt);
    }
    state.dropped.add(sequence);
    state.touch(ControlState.BUFFER);
  }

  private void commit(
      ControlState state, ClientCommit commit, Consumer<? super FederatedOutput> out) {
    CommitStatement statement = check.commit(state, commit);
    OpenTask task = state.tasks.get(commit.getTask().getSequence());
    task.statementOrNull = statement;
    state.touch(ControlState.TASKS);
    admission.admitIfWhole(state, task, out);
  }

  private void done(ControlState state, ChunkDone done, Consumer<? super FederatedOutput> out) {
    check.done(state, done);
    byte[] digest = CanonicalBytes.array(done.getDigest());
    state.touch(ControlState.VERSIONS);
    if (state.openOrNull == null) {
      state.firstDigests.put(done.getChunk(), digest);
      making.publishFirstIfWhole(state, out);
    } else {
      state.openOrNull.done.put(done.getChunk(), digest);
      making.publishIfWhole(state, out);
    }
  }

  private RoundStatus status(ControlState state) {
    OpenVersion open = state.openOrNull;
    RoundPhase phase =
        open == null
            ? state.version < 0 ? RoundPhase.STARTING : RoundPhase.OPEN
            : open.isDeciding() ? RoundPhase.DECIDING : RoundPhase.PUBLISHING;
    return new RoundStatus(
        state.key,
        open == null ? state.round : open.round,
        state.version,
        phase,
        state.tasks.size(),
        open == null ? state.whole.size() : open.parts.size(),
        policy.minimum(),
        policy.target(),
        state.deadlineMicros,
        state.now(),
        state.olderTicks);
  }

  private static void requireSame(String client, String named) {
    if (!client.equals(named)) {
      throw new InvalidInputException(
          Reason.INCONSISTENT, "receipt names client " + named + ", the task is " + client + "'s");
    }
  }

  private static InvalidInputException duplicate(ChunkReceipt receipt) {
    return new InvalidInputException(
        Reason.DUPLICATE,
        "receipt of chunk "
            + receipt.getChunk()
            + " of task "
            + receipt.getSequence()
            + " is here already, or its task has ended");
  }

  private static String contest(ChunkReceipt receipt, byte[] digest, byte[] other) {
    HexFormat hex = HexFormat.of();
    return "chunk "
        + receipt.getChunk()
        + " came as "
        + hex.formatHex(digest)
        + " and as "
        + hex.formatHex(other)
        + ", expected one";
  }
}
