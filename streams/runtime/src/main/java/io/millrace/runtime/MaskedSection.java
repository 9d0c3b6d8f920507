package io.millrace.runtime;

import io.millrace.operator.federated.FederatedSettings.Masked;
import io.millrace.operator.federated.FederatedSettings.Masking;
import io.millrace.operator.federated.FederatedSettings.Synchronous;

/** Reads what masked rounds are made of: section {@code rounds} with policy masked. */
final class MaskedSection {
  private static final int MOST_CLIENTS = 1 << 10;

  /** Two thirds withstand a third of a group in league with the aggregator. */
  private static final double THRESHOLD = 2.0 / 3;

  private MaskedSection() {}

  /**
   * The policy.
   *
   * @throws ConfigurationException for values that are impossible, or do not fit each other
   */
  static Masked read(Settings rounds, long maximumMillis) {
    int target = rounds.integer("target", 10, 2, MOST_CLIENTS);
    Masking masking = masking(rounds.section("masking"), maximumMillis);
    // with fewer, the secrets of those who dropped out would never come back
    int usual = Math.min(target, (int) (masking.threshold() * target) + 1);
    Synchronous counts =
        new Synchronous(
            target,
            rounds.integer("minimum", usual, 2, target),
            rounds.wholeNumber("deadline-millis", 600_000, 0, maximumMillis),
            false);
    if (!rounds.choice("stragglers", "drop", "drop", "carry").equals("drop")) {
      throw rounds.refuse("stragglers", "carry", "drop, since masks are of one round");
    }
    try {
      return new Masked(counts, masking);
    } catch (IllegalArgumentException e) {
      throw rounds.refuse("target", e.getMessage(), "fewer clients, or fewer neighbours of each");
    }
  }

  private static Masking masking(Settings section, long maximumMillis) {
    double threshold = section.number("threshold", THRESHOLD, 0.5, 0.95);
    int neighbours = section.integer("neighbours", 0, 0, MOST_CLIENTS);
    float largest = (float) section.number("largest", 1, 1e-30, 1e30);
    long phaseMillis = section.wholeNumber("phase-millis", 60_000, 1, maximumMillis);
    if (neighbours % 2 != 0) {
      throw section.refuse("neighbours", Integer.toString(neighbours), "an even number");
    }
    return new Masking(threshold, neighbours, largest, phaseMillis);
  }
}
