package io.millrace.operator.federated;

import io.millrace.schema.Contribution;
import io.millrace.schema.Rejection;
import io.millrace.schema.UpdateOutcome;
import java.util.function.Consumer;

/** Ends updates and says what became of them: one last word for every task given. Stateless. */
final class UpdateOutcomes {
  static final String INCLUDED = "INCLUDED";
  static final String CARRIED = "CARRIED";
  private static final int LONGEST_MESSAGE = 300;

  private UpdateOutcomes() {}

  /** Ends a task without an update. */
  static void end(
      ControlState state,
      OpenTask task,
      RejectionReason reason,
      String message,
      Consumer<? super FederatedOutput> out) {
    state.remove(task);
    if (task.received() > 0) {
      state.dropped.add(task.sequence);
    }
    reject(state, new Rejection(task.client, task.sequence, reason.name(), brief(message)));
    say(state, task, reason.name(), message, out);
  }

  /** Ends a task whose time has passed: by what had come of it. */
  static void endLate(
      ControlState state, OpenTask task, String when, Consumer<? super FederatedOutput> out) {
    RejectionReason reason = task.hasBegun() ? RejectionReason.INCOMPLETE : RejectionReason.LATE;
    end(state, task, reason, when + ": " + task.progress() + " had come", out);
  }

  /** Ends an update that was whole; to be taken out of the buffer by the caller. */
  static void end(
      ControlState state,
      WholeUpdate update,
      RejectionReason reason,
      String message,
      Consumer<? super FederatedOutput> out) {
    state.dropped.add(update.sequence());
    reject(state, new Rejection(update.client(), update.sequence(), reason.name(), brief(message)));
    say(state, update, reason.name(), message, out);
  }

  static void say(
      ControlState state,
      OpenTask task,
      String outcome,
      String message,
      Consumer<? super FederatedOutput> out) {
    long staleness = state.staleness(task.newestVersion);
    say(
        state,
        new Subject(task.client, task.sequence, staleness, task.bytes),
        outcome,
        message,
        out);
  }

  static void say(
      ControlState state,
      WholeUpdate update,
      String outcome,
      String message,
      Consumer<? super FederatedOutput> out) {
    long staleness = state.staleness(update.newestVersion());
    Subject subject = new Subject(update.client(), update.sequence(), staleness, update.bytes());
    say(state, subject, outcome, message, out);
  }

  /** Of an update in an open version. */
  static void say(
      ControlState state,
      OpenVersion.Part part,
      String outcome,
      String message,
      Consumer<? super FederatedOutput> out) {
    Contribution contribution = part.contribution();
    Subject subject =
        new Subject(
            contribution.getClient(),
            contribution.getSequence(),
            contribution.getStaleness(),
            part.bytes());
    say(state, subject, outcome, message, out);
  }

  private record Subject(String client, long sequence, long staleness, long bytes) {}

  private static void say(
      ControlState state,
      Subject subject,
      String outcome,
      String message,
      Consumer<? super FederatedOutput> out) {
    long round = state.openOrNull == null ? state.round : state.openOrNull.round;
    out.accept(
        new FederatedOutput.Outcome(
            new UpdateOutcome(
                state.key,
                subject.client(),
                subject.sequence(),
                round,
                outcome,
                subject.staleness(),
                brief(message),
                subject.bytes(),
                state.now())));
  }

  private static void reject(ControlState state, Rejection rejection) {
    if (state.rejected.size() == ControlState.MOST_REJECTIONS) {
      state.rejected.remove(0);
    }
    state.rejected.add(rejection);
    state.touch(ControlState.BUFFER);
  }

  static String brief(String message) {
    return message.length() > LONGEST_MESSAGE ? message.substring(0, LONGEST_MESSAGE) : message;
  }
}
