package io.millrace.client;

import io.millrace.schema.ClientMemory;
import io.millrace.schema.CodecPlan;
import io.millrace.schema.TaskOffer;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * One turn after another: asks for a task, does what it wants, sends. Between turns nothing is held
 * that is not in the client's store, but when an update was sent last: what the aggregator does not
 * know of yet may be under way, and what it has refused will be refused again, so that it is sent
 * again after {@value #FIRST_PATIENCE_SECONDS} s at the earliest, then after twice as many. One
 * thread.
 */
public final class TrainingRound {
  private static final long FIRST_PATIENCE_SECONDS = 5;
  private static final long LONGEST_PATIENCE_SECONDS = 300;

  private final FederatedClient client;
  private final FederationTransport transport;
  private final LongSupplier micros;
  private long sentSequence = -1;
  private long sentNanos;
  private long patienceSeconds;

  /** What a turn came to. */
  public enum Result {
    /** No task within the wait, or none that wants anything: ask again. */
    NO_TASK,
    /**
     * An update was made and sent. In a masked round the others wait for what this client holds of
     * their secrets: go on taking turns.
     */
    TRAINED,
    /** Keys or shares of a masked round were sent, which waits for others: go on taking turns. */
    MASKED,
    /** What was missing of an update was sent again. */
    RESUMED,
    /** A task that another life of this client had begun was given up. */
    ABANDONED
  }

  /**
   * @param micros clock for what people read in requests
   */
  public TrainingRound(FederatedClient client, FederationTransport transport, LongSupplier micros) {
    this.client = client;
    this.transport = transport;
    this.micros = micros;
  }

  /** With the system's clock. */
  public static TrainingRound of(FederatedClient client, FederationTransport transport) {
    return new TrainingRound(client, transport, () -> System.currentTimeMillis() * 1000);
  }

  /**
   * Asks for a task and does it.
   *
   * @param wait for the task, and again for its model
   * @throws IllegalStateException when records cannot be sent or a model does not come whole; the
   *     next turn goes on where this one stopped
   * @throws IllegalArgumentException for a task that this client cannot take on
   */
  public Result run(Duration wait) {
    transport.send(List.of(client.request(micros.getAsLong())));
    long deadline = System.nanoTime() + wait.toNanos();
    Result idle = Result.NO_TASK;
    while (true) {
      if (answer()) {
        idle = Result.MASKED;
      }
      Optional<TaskOffer> agreed = client.masks().agreed();
      if (agreed.isPresent()) {
        return train(agreed.get(), wait);
      }
      long left = Math.max(0, deadline - System.nanoTime());
      Optional<TaskOffer> offer = transport.offer(client, Duration.ofNanos(left));
      if (offer.isEmpty() && client.masks().isDue()) {
        continue;
      }
      if (offer.isEmpty()) {
        return idle;
      }
      switch (client.demand(offer.get())) {
        case TRAIN:
          return train(offer.get(), wait);
        case RESUME:
          if (isUnderWay(offer.get())) {
            break;
          }
          deliver(offer.get(), client.resume(offer.get()));
          return Result.RESUMED;
        case MASK:
          client.masks().begin(offer.get());
          break;
        case ABANDON:
          client.abandon(offer.get());
          return Result.ABANDONED;
        default:
          break;
      }
    }
  }

  /** Sends what a masked round waits for. */
  private boolean answer() {
    List<OutgoingRecord> answers = client.masks().answers();
    if (!answers.isEmpty()) {
      transport.send(answers);
      client.masks().answered();
    }
    return !answers.isEmpty();
  }

  private Result train(TaskOffer offer, Duration wait) {
    ModelVersion model = transport.model(offer, wait);
    List<ClientMemory> memories =
        client.needsMemories(offer) ? transport.memories(client) : List.of();
    Optional<CodecPlan> plan =
        offer.getPlan() < 0 ? Optional.empty() : transport.plan(offer.getPlan());
    deliver(offer, client.train(offer, model, memories, plan));
    return Result.TRAINED;
  }

  private void deliver(TaskOffer offer, List<OutgoingRecord> records) {
    transport.send(records);
    long sequence = offer.getTask().getSequence();
    patienceSeconds =
        sequence == sentSequence
            ? Math.min(2 * patienceSeconds, LONGEST_PATIENCE_SECONDS)
            : FIRST_PATIENCE_SECONDS;
    sentSequence = sequence;
    sentNanos = System.nanoTime();
    client.delivered(sequence);
  }

  private boolean isUnderWay(TaskOffer offer) {
    return offer.getTask().getSequence() == sentSequence
        && System.nanoTime() - sentNanos < TimeUnit.SECONDS.toNanos(patienceSeconds);
  }
}
