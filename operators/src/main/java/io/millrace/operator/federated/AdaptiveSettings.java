package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * Settings of the adaptive server optimisers.
 *
 * @param firstDecay b1, of the mean of updates, 0 to below 1
 * @param secondDecay b2, of the mean of their squares, 0 to below 1
 * @param floor added to the root of the second moment, above 0: the largest step is rate / floor
 *     times the update
 */
record AdaptiveSettings(double firstDecay, double secondDecay, double floor) {
  /** What the paper of FedAdam recommends; Adagrad there has no first moment. */
  static final AdaptiveSettings PUBLISHED = new AdaptiveSettings(0.9, 0.99, 1e-3);

  AdaptiveSettings {
    SettingCheck.range("first decay", firstDecay, 0, Math.nextDown(1.0));
    SettingCheck.range("second decay", secondDecay, 0, Math.nextDown(1.0));
    SettingCheck.range("floor", floor, 1e-100, 1e100);
  }
}
