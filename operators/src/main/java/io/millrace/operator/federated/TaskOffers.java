package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.federated.OpenTask.TaskTerms;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.UpdateTask;
import java.nio.ByteBuffer;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Gives tasks to clients that ask, one at a time: who asks again gets the same, with the chunks
 * that are missing, which is what makes an upload resumable. Who asks when none can be given waits
 * and gets one as soon as one can. Stateless but for settings.
 */
final class TaskOffers {
  /** Expiry of a task that never expires: the end of event time. */
  static final long NEVER = 253_402_300_799_999_999L;

  private static final int MOST_WAITING = 1 << 16;

  private final FederatedSettings settings;
  private final ControlPolicy policy;
  private final Authority authority;
  private final PrivacyBudget budget;
  private final Map<String, Double> parameters;
  private final String codec;

  /** That a plan chooses between; empty: there is nothing to choose. */
  private final List<String> levels;

  private final boolean sharesSeed;

  TaskOffers(FederatedSettings settings, Authority authority, PrivacyBudget budget) {
    // Packed updates of one seed add up; where none do, what codecs lose must average out.
    this.sharesSeed =
        !settings.method().averaging().remembers()
            && settings.exchange().codecs().stream()
                .anyMatch(codec -> UpdateCodecs.linear(codec).isPresent());
    this.settings = settings;
    this.policy = ControlPolicy.of(settings.rounds());
    this.authority = authority;
    this.budget = budget;
    this.parameters = TaskParameters.of(settings).toMap();
    if (settings.needsLayers()) {
      parameters.put(TaskParameters.LAYER_MEANS, 1.0);
    }
    List<String> codecs = settings.exchange().codecs();
    this.levels = codecs.size() > 1 ? codecs : List.of();
    this.codec =
        settings.rounds().policy() instanceof FederatedSettings.Masked
            ? new MaskedCodec(settings.exchange().codecs().get(0)).name()
            : settings.exchange().codecs().get(0);
  }

  /**
   * Answers a request.
   *
   * @throws InvalidInputException when too many wait; nothing is changed then
   */
  void request(ControlState state, String client, Consumer<? super FederatedOutput> out) {
    Long known = state.taskOf.get(client);
    if (known != null) {
      offer(state, state.tasks.get(known), out);
    } else if (!budget.affords(state, client)) {
      budget.account(state, client, out);
    } else if (mayOffer(state) && mayServe(state, client)) {
      offerNew(state, client, out);
    } else if (state.waiting.size() < MOST_WAITING || state.waiting.contains(client)) {
      state.waiting.add(client);
      state.touch(ControlState.BUFFER);
    } else {
      throw new InvalidInputException(
          Reason.OUT_OF_RANGE, state.waiting.size() + " clients wait for a task already");
    }
  }

  /** Gives tasks to those who wait, in the order of their names. */
  void offerWaiting(ControlState state, Consumer<? super FederatedOutput> out) {
    Iterator<String> waiting = state.waiting.iterator();
    while (waiting.hasNext() && mayOffer(state)) {
      String client = waiting.next();
      if (!mayServe(state, client)) {
        continue;
      }
      waiting.remove();
      state.touch(ControlState.BUFFER);
      if (budget.affords(state, client)) {
        offerNew(state, client, out);
      } else {
        budget.account(state, client, out);
      }
    }
  }

  private boolean mayOffer(ControlState state) {
    int held = state.tasks.size() + state.whole.size() + state.dropped.size();
    int making = state.openOrNull == null ? 0 : state.openOrNull.parts.size();
    return state.version >= 0
        && !(policy.inRounds() && state.openOrNull != null)
        && held + making < settings.exchange().pendingUpdates();
  }

  /** One update a version from a client in rounds, and where each costs privacy. */
  private boolean mayServe(ControlState state, String client) {
    return !((policy.inRounds() || budget.isPrivate()) && state.hasWhole(client));
  }

  private void offerNew(ControlState state, String client, Consumer<? super FederatedOutput> out) {
    state.offered = true;
    arm(state);
    TaskTerms terms =
        new TaskTerms(
            client,
            state.nextSequence++,
            state.round,
            state.pointer,
            state.version,
            sharesSeed ? seed(state, state.round) : seed(state, ~state.nextSequence),
            expiry(state));
    OpenTask task = new OpenTask(terms, state.chunks);
    state.add(task);
    offer(state, task, out);
  }

  /** Sets the deadline of a round with tasks, once it is known what time it is. */
  void arm(ControlState state) {
    if (policy.deadlineMicros() > 0
        && state.offered
        && state.deadlineMicros < 0
        && state.timeMicros >= 0) {
      state.deadlineMicros = Math.min(NEVER, state.timeMicros + policy.deadlineMicros());
    }
  }

  private long expiry(ControlState state) {
    if (state.timeMicros < 0) {
      return NEVER;
    }
    long expiry = NEVER;
    if (policy.taskMicros() > 0) {
      expiry = Math.min(expiry, state.timeMicros + policy.taskMicros());
    }
    if (!policy.carries() && state.deadlineMicros >= 0) {
      expiry = Math.min(expiry, state.deadlineMicros);
    }
    return expiry;
  }

  /** The seed of a round: public, and another for every model and round. */
  static long seed(ControlState state, long round) {
    return SeededBits.seed(ByteBuffer.wrap(state.schemaHash).getLong(), round);
  }

  private void offer(ControlState state, OpenTask task, Consumer<? super FederatedOutput> out) {
    UpdateTask vouched =
        authority.vouch(
            new UpdateTask(
                state.key,
                task.client,
                task.sequence,
                task.round,
                task.baseVersion,
                task.seed,
                task.expiresMicros,
                ByteBuffer.allocate(0)));
    out.accept(
        new FederatedOutput.Task(
            new TaskOffer(
                vouched,
                state.chunks,
                ByteBuffer.wrap(state.schemaHash.clone()),
                codec,
                state.plan,
                levels,
                settings.method().averaging().id(),
                parameters,
                task.missing())));
  }
}
