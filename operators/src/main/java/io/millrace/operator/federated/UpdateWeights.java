package io.millrace.operator.federated;

import io.millrace.operator.federated.FederatedSettings.Synchronous;

/**
 * Integer weights of updates in a sum, so that the sum is free of order, and what it is divided by:
 *
 * <pre>
 * methods that remember clients   1; divisor: how many there are
 * a robust rule, or mixing        1; divisor: how many there are
 * rounds                          examples, at most the largest weight, and 1 under noise
 * rounds that carry               those times 2^b s(age); divisor of both: the sum of weights
 * buffered                        2^20 s(age) correction; divisor: 2^20 K
 * at once                         2^20 s(age); divisor: 2^20
 * </pre>
 *
 * with b 20, or less so that no weight passes 2^28. Under noise corrections count 1 at most, so that
 * no update weighs more than the noise is for. Stateless.
 */
final class UpdateWeights {
  /** One in weights of fractions. */
  static final int UNIT = 1 << 20;

  private static final int MOST = 1 << 28;

  private final FederatedSettings settings;
  private final boolean uniform;
  private final int largestExamples;
  private final int carriedUnit;

  UpdateWeights(FederatedSettings settings) {
    this.settings = settings;
    FederatedSettings.Robust robust = settings.robust();
    this.uniform =
        settings.method().averaging().remembers()
            || robust.rule() != RobustRule.MEAN
            || robust.mixing() != PreMixing.NONE;
    this.largestExamples =
        settings.privacy().noise() > 0 ? 1 : settings.admission().largestWeight();
    this.carriedUnit = Math.min(UNIT, Integer.highestOneBit(MOST / largestExamples));
  }

  /**
   * Weight of an update.
   *
   * @param age versions since its base
   */
  int weight(WholeUpdate update, long age) {
    if (uniform) {
      return 1;
    }
    double staleness = settings.rounds().staleness().weight(age);
    if (settings.rounds().policy() instanceof Synchronous policy) {
      int examples = Math.min(update.statement().examples(), largestExamples);
      return policy.carries() ? rounded(examples * staleness * carriedUnit) : examples;
    }
    double correction =
        settings.privacy().noise() > 0 ? Math.min(1, update.correction()) : update.correction();
    return rounded(staleness * correction * UNIT);
  }

  /** The most that an update of one example weighs: what noise is scaled by. */
  int unit() {
    if (uniform) {
      return 1;
    }
    return settings.rounds().policy() instanceof Synchronous policy
        ? policy.carries() ? carriedUnit : 1
        : UNIT;
  }

  /**
   * What the sum is divided by.
   *
   * @param totalWeight of the updates
   */
  double divisor(int updates, long totalWeight) {
    if (uniform) {
      return updates;
    }
    return settings.rounds().policy() instanceof Synchronous
        ? totalWeight
        : (double) UNIT * updates;
  }

  private static int rounded(double weight) {
    return (int) Math.max(1, Math.min(MOST, Math.rint(weight)));
  }
}
