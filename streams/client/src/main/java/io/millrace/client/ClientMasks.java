package io.millrace.client;

import io.millrace.client.OutgoingRecord.Channel;
import io.millrace.schema.MaskCohort;
import io.millrace.schema.MaskDelivery;
import io.millrace.schema.MaskSurvivors;
import io.millrace.schema.TaskOffer;
import java.security.SecureRandom;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * A client's part in masked rounds, from record to record (Bonawitz and others, 2017): of a task it
 * sends keys, of the cohort shares, of the delivery the masked update, of the survivors what they
 * hold of others' secrets.
 *
 * <p>Each step follows from an answer to the one before, so that records come in their order, but
 * perhaps more than once. What is taken is saved before it is answered. What cannot be taken is
 * left, and {@link #refusal} says why: the client stays silent, and the round goes on without it.
 *
 * <p>One thread, that of its {@link FederatedClient}.
 */
public final class ClientMasks {
  private static final int SECRET_BYTES = 32;

  private final ClientSettings settings;
  private final Supplier<ClientState> kept;
  private final Consumer<Optional<MaskState>> keeper;
  private final SecureRandom random = new SecureRandom();
  private Optional<MaskedTask> task;
  private int sent = -1;
  private String refusal = "";

  /**
   * @param kept the client's state, as it is saved
   * @param keeper saves another in its masks' place
   * @throws IllegalArgumentException for a state whose records do not follow each other
   */
  ClientMasks(
      ClientSettings settings, Supplier<ClientState> kept, Consumer<Optional<MaskState>> keeper) {
    this.settings = settings;
    this.kept = kept;
    this.keeper = keeper;
    this.task = restored();
  }

  private Optional<MaskedTask> restored() {
    return kept.get()
        .masks()
        .map(
            masks ->
                new MaskedTask(settings, masks, masks.sequence() <= kept.get().lastSequence()));
  }

  /** Whether a masked round is open here. */
  public boolean isOpen() {
    return task.isPresent();
  }

  /** Takes a task on: its keys are due. The round before it, if any, is given up. */
  public void begin(TaskOffer offer) {
    if (!isOf(offer.getTask().getSequence())) {
      byte[] secret = new byte[SECRET_BYTES];
      random.nextBytes(secret);
      keep(Optional.of(MaskState.of(offer, secret)));
      task = restored();
      sent = -1;
      refusal = "";
    }
  }

  /** Takes who masks with whom. */
  public void accept(MaskCohort record) {
    if (isMine(record.getModel(), record.getRound())) {
      take(open -> open.take(record));
    }
  }

  /** Takes shares of the others. */
  public void accept(MaskDelivery record) {
    if (isMine(record.getModel(), record.getRound())
        && record.getClient().equals(settings.client())
        && task.orElseThrow().state().cohort().isPresent()) {
      take(open -> open.take(record));
    }
  }

  /** Takes whose updates are in the sum. */
  public void accept(MaskSurvivors record) {
    if (isMine(record.getModel(), record.getRound()) && isMade()) {
      take(open -> open.take(record));
    }
  }

  private boolean isMine(String model, long round) {
    return model.equals(settings.model())
        && task.map(open -> open.state().round() == round).orElse(false);
  }

  private void take(Consumer<MaskedTask> step) {
    MaskedTask open = task.orElseThrow();
    int before = open.state().taken();
    try {
      step.accept(open);
    } catch (IllegalArgumentException e) {
      refusal = e.getMessage();
    }
    if (open.state().taken() != before) {
      keep(Optional.of(open.state()));
    }
  }

  /**
   * What the round waits for and this life has not sent; then to be told with {@link #answered}.
   */
  public List<OutgoingRecord> answers() {
    if (task.isEmpty() || sent == task.get().state().taken()) {
      return List.of();
    }
    return task.get().answer().stream()
        .map(value -> new OutgoingRecord(Channel.CONTROL, settings.model(), -1, value))
        .toList();
  }

  /** Says that what was to be sent lies in the log. */
  public void answered() {
    task.ifPresent(open -> sent = open.state().taken());
  }

  /** The task whose masks are agreed and whose update is to be made. */
  public Optional<TaskOffer> agreed() {
    return task.filter(open -> open.isAgreed() && !isMade()).map(open -> open.state().offer());
  }

  /** Whether there is something to send or to train. */
  public boolean isDue() {
    return agreed().isPresent() || !answers().isEmpty();
  }

  /** Why the newest record of the round was not taken; empty: none was refused. */
  public String refusal() {
    return refusal;
  }

  /** The masks of a task that are agreed. */
  Optional<MaskedTask> of(TaskOffer offer) {
    long sequence = offer.getTask().getSequence();
    return task.filter(open -> open.isAgreed() && open.state().sequence() == sequence);
  }

  boolean isOf(long sequence) {
    return task.map(open -> open.state().sequence() == sequence).orElse(false);
  }

  /** Forgets the round: its fate is known. */
  void end() {
    keep(Optional.empty());
    task = Optional.empty();
  }

  private boolean isMade() {
    return task.map(open -> open.state().sequence() <= kept.get().lastSequence()).orElse(false);
  }

  /** What is not saved was not taken: as after a crash. */
  private void keep(Optional<MaskState> state) {
    try {
      keeper.accept(state);
    } catch (RuntimeException e) {
      task = restored();
      throw e;
    }
  }
}
