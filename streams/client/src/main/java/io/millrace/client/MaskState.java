package io.millrace.client;

import io.millrace.schema.MaskCohort;
import io.millrace.schema.MaskDelivery;
import io.millrace.schema.MaskSurvivors;
import io.millrace.schema.TaskOffer;
import java.util.Optional;

/**
 * What a client keeps of a masked round: all that it needs to go on after a crash. The secret is
 * drawn anew for every round, and kept nowhere else: a client that has lost it does not take part
 * in the rest of the round, for with other records under the same secret its update could be laid
 * open.
 *
 * @param offer of the task
 * @param secret [32], that keys, masks and shares follow from; not to be modified
 * @param cohort that was joined
 * @param delivery that was taken
 * @param survivors that are answered
 */
record MaskState(
    TaskOffer offer,
    byte[] secret,
    Optional<MaskCohort> cohort,
    Optional<MaskDelivery> delivery,
    Optional<MaskSurvivors> survivors) {

  static MaskState of(TaskOffer offer, byte[] secret) {
    return new MaskState(offer, secret, Optional.empty(), Optional.empty(), Optional.empty());
  }

  MaskState with(MaskCohort joined) {
    return new MaskState(offer, secret, Optional.of(joined), delivery, survivors);
  }

  MaskState with(MaskDelivery taken) {
    return new MaskState(offer, secret, cohort, Optional.of(taken), survivors);
  }

  MaskState with(MaskSurvivors answered) {
    return new MaskState(offer, secret, cohort, delivery, Optional.of(answered));
  }

  /** Number of its task. */
  long sequence() {
    return offer.getTask().getSequence();
  }

  /** Number of its round. */
  long round() {
    return offer.getTask().getRound();
  }

  /** How many records of the round were taken. */
  int taken() {
    return (cohort.isPresent() ? 1 : 0)
        + (delivery.isPresent() ? 1 : 0)
        + (survivors.isPresent() ? 1 : 0);
  }
}
