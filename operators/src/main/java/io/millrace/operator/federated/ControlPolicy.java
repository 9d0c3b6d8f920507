package io.millrace.operator.federated;

import io.millrace.operator.federated.FederatedSettings.Buffered;
import io.millrace.operator.federated.FederatedSettings.Synchronous;

/**
 * When a version is made, in numbers. Stateless.
 *
 * @param target whole updates that make one at once
 * @param minimum that make one when the deadline has passed
 * @param deadlineMicros from the first task of a round; 0: none
 * @param inRounds whether a client has one update a version, made on the version before it
 * @param carries whether updates that come too late are kept for the next
 * @param taskMicros until a task expires; 0: never
 */
record ControlPolicy(
    int target,
    int minimum,
    long deadlineMicros,
    boolean inRounds,
    boolean carries,
    long taskMicros) {

  static ControlPolicy of(FederatedSettings.Rounds rounds) {
    long taskMicros = 1000 * rounds.taskMillis();
    if (rounds.policy() instanceof Synchronous policy) {
      return new ControlPolicy(
          policy.target(),
          policy.minimum(),
          1000 * policy.deadlineMillis(),
          true,
          policy.carries(),
          taskMicros);
    }
    int size = rounds.policy() instanceof Buffered policy ? policy.size() : 1;
    return new ControlPolicy(size, size, 0, false, true, taskMicros);
  }
}
