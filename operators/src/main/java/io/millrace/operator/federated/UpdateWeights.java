package io.millrace.operator.federated;

import io.millrace.operator.federated.FederatedSettings.Synchronous;
import io.millrace.schema.Contribution;
import io.millrace.schema.RoundFreeze;
import java.util.List;

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
 * with b 20, or less so that no weight passes 2^28. Under noise corrections count 1 at most, so
 * that no update weighs more than the noise is for. Stateless.
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
   * @param examples that its client says it has trained on
   * @param correction for the arrivals of its client, 1: none
   * @param age versions since its base
   */
  int weight(int examples, double correction, long age) {
    if (uniform) {
      return 1;
    }
    double staleness = settings.rounds().staleness().weight(age);
    if (settings.rounds().counting() instanceof Synchronous policy) {
      int counted = Math.min(examples, largestExamples);
      return policy.carries() ? rounded(counted * staleness * carriedUnit) : counted;
    }
    double bounded = settings.privacy().noise() > 0 ? Math.min(1, correction) : correction;
    return rounded(staleness * bounded * UNIT);
  }

  /**
   * Fills in what a sum is made of: the updates, and what follows from them alone, the bounds that
   * set its fixed point and the divisor.
   *
   * @param freeze modified
   */
  void fill(RoundFreeze freeze, List<Contribution> contributions) {
    double largest = 0;
    long totalWeight = 0;
    for (Contribution contribution : contributions) {
      largest = Math.max(largest, contribution.getLargest() * contribution.getFactor());
      totalWeight += contribution.getWeight();
    }
    freeze.setContributions(contributions);
    freeze.setLargest(bound(largest));
    freeze.setTotalWeight(totalWeight);
    freeze.setDivisor(divisor(contributions.size(), totalWeight));
  }

  /** The most that an update of one example weighs: what noise is scaled by. */
  int unit() {
    if (uniform) {
      return 1;
    }
    return settings.rounds().counting() instanceof Synchronous policy
        ? policy.carries() ? carriedUnit : 1
        : UNIT;
  }

  private double divisor(int updates, long totalWeight) {
    if (uniform) {
      return updates;
    }
    return settings.rounds().counting() instanceof Synchronous
        ? totalWeight
        : (double) UNIT * updates;
  }

  /** The next float but one: no product rounded to float is beyond it. */
  private static float bound(double largest) {
    float bound = Math.nextUp(Math.nextUp((float) Math.min(largest, Float.MAX_VALUE)));
    return Math.min(Float.MAX_VALUE, Math.max(Float.MIN_NORMAL, bound));
  }

  private static int rounded(double weight) {
    return (int) Math.max(1, Math.min(MOST, Math.rint(weight)));
  }
}
