package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.federated.FederatedSettings.Masked;
import io.millrace.operator.federated.SecureRound.Phase;
import io.millrace.schema.MaskKeys;
import io.millrace.schema.MaskReveal;
import io.millrace.schema.MaskShares;
import io.millrace.schema.UpdateTask;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.Consumer;

/**
 * Secure aggregation within {@link RoundControl}: each masked round has a {@link SecureRound}, from
 * the first keys that come for it. The control finds updates whole as ever; this tells the secure
 * round, and when the masks are known, which updates the freeze may have. Stateless but for
 * settings and authority: one thread.
 */
final class MaskedRounds {
  private final FederatedSettings settings;
  private final Authority authority;

  MaskedRounds(FederatedSettings settings, Authority authority) {
    this.settings = settings;
    this.authority = authority;
  }

  /**
   * Takes a client's keys for the open round.
   *
   * @throws InvalidInputException with the reason; nothing is changed then
   */
  void keys(ControlState state, MaskKeys keys, Consumer<? super FederatedOutput> out) {
    UpdateTask task = keys.getTask();
    require(state, task, MaskDigests.signed(keys), keys.getSignature());
    OpenTask open = state.tasks.get(task.getSequence());
    if (open == null || !open.client.equals(task.getClient())) {
      throw new InvalidInputException(
          Reason.LATE, "task " + task.getSequence() + " of " + task.getClient() + " is not open");
    }
    SecureRound round = state.secureOrNull;
    if (round == null) {
      round =
          new SecureRound(
              state.key,
              state.round,
              TaskOffers.seed(state, state.round),
              (Masked) settings.rounds().policy(),
              settings.privacy().noise() > 0 ? 1 : settings.admission().largestWeight(),
              state.timeMicros);
    }
    round.advertise(keys, out);
    state.secureOrNull = round;
  }

  /** Takes shares that a client dealt; throws likewise. */
  void shares(ControlState state, MaskShares shares, Consumer<? super FederatedOutput> out) {
    require(state, shares.getTask(), MaskDigests.signed(shares), shares.getSignature());
    open(state, shares.getTask()).deal(shares, out);
  }

  /** Takes shares that a client lays open; throws likewise. */
  void reveal(ControlState state, MaskReveal reveal, Consumer<? super FederatedOutput> out) {
    require(state, reveal.getTask(), MaskDigests.signed(reveal), reveal.getSignature());
    open(state, reveal.getTask()).reveal(reveal, out);
  }

  /** Event time has moved. */
  void tick(ControlState state, Consumer<? super FederatedOutput> out) {
    if (state.secureOrNull != null) {
      state.secureOrNull.tick(state.timeMicros, out);
    }
  }

  /**
   * Tells the secure round which updates are whole, and the state which are in its sum.
   *
   * @return where the secure round then is; KEYS when there is none
   */
  Phase settle(ControlState state, Consumer<? super FederatedOutput> out) {
    SecureRound round = state.secureOrNull;
    if (round == null) {
      return Phase.KEYS;
    }
    state.touch(ControlState.SECURE);
    if (round.phase() == Phase.UPDATES) {
      for (String client : round.whole()) {
        if (!state.hasWhole(client)) {
          round.lose(client);
        }
      }
      for (WholeUpdate update : List.copyOf(state.whole)) {
        if (round.awaits(update.client(), update.sequence())) {
          round.whole(update.client(), update.sequence(), out);
        }
      }
    }
    if (round.phase() == Phase.REVEALS || round.phase() == Phase.OPEN) {
      for (String client : round.survivors()) {
        if (!state.hasWhole(client)) {
          round.fail("update of " + client + " was lost after survivors were named");
        }
      }
    }
    if (round.phase() == Phase.OPEN) {
      endOthers(state, round.survivors(), out);
    }
    return round.phase();
  }

  private static void endOthers(
      ControlState state, List<String> survivors, Consumer<? super FederatedOutput> out) {
    for (WholeUpdate update : List.copyOf(state.whole)) {
      if (!survivors.contains(update.client())) {
        state.whole.remove(update);
        UpdateOutcomes.end(
            state,
            update,
            RejectionReason.LATE,
            update.client() + " is not among the survivors of round " + state.round,
            out);
      }
    }
  }

  private static SecureRound open(ControlState state, UpdateTask task) {
    if (state.secureOrNull == null) {
      throw new InvalidInputException(
          Reason.ENDED, "no masked round is open for " + task.getClient());
    }
    return state.secureOrNull;
  }

  private void require(ControlState state, UpdateTask task, byte[] signed, ByteBuffer signature) {
    if (!(settings.rounds().policy() instanceof Masked)) {
      throw new InvalidInputException(
          Reason.WRONG_SCHEMA, "record is of masked rounds, the settings ask for none");
    }
    if (!task.getModel().equals(state.key)) {
      throw new InvalidInputException(
          Reason.BAD_KEY, "record is of model " + task.getModel() + ", key is " + state.key);
    }
    authority.require(task);
    if (settings.admission().signed()) {
      ClientEntry entry = state.clients.get(task.getClient());
      ByteBuffer key = ByteBuffer.wrap(entry == null ? new byte[0] : entry.publicKey);
      if (!ClientSignatures.verify(key, signed, signature)) {
        throw new InvalidInputException(
            Reason.UNAUTHORISED, "record is not signed with the key of " + task.getClient());
      }
    }
  }
}
