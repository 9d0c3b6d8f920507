package io.millrace.operator.federated;

import java.util.Locale;

/** Means of updates that take their place before a rule, by name. */
public enum PreMixing {
  /** The updates themselves. */
  NONE,
  /** {@link Bucketing}, from the round's seed. */
  BUCKETING,
  /** {@link NearestNeighbourMixing}. */
  NEAREST_NEIGHBOURS;

  /** Name in settings, for example nearest-neighbours. */
  public String id() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
