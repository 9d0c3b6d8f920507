package io.millrace.operator.federated;

import java.util.Locale;

/** Rules by name. */
public enum RobustRule {
  /** Not robust: the weighted mean. */
  MEAN(false, false),
  /** {@link CoordinateMedian}. */
  MEDIAN(false, false),
  /** {@link TrimmedMean}. */
  TRIMMED_MEAN(false, false),
  /** {@link MeanAroundMedian}. */
  MEAN_AROUND_MEDIAN(false, false),
  /** {@link Phocas}. */
  PHOCAS(false, false),
  /** {@link Krum} of one. */
  KRUM(true, false),
  /** {@link Krum} of n - f. */
  MULTI_KRUM(true, false),
  /** {@link GeometricMedian} from the coordinate median. */
  GEOMETRIC_MEDIAN(true, true),
  /** {@link CenteredClipping} around the previous aggregate. */
  CENTERED_CLIPPING(true, true),
  /** {@link NearestNeighbourAveraging} around the previous aggregate. */
  NEAREST_NEIGHBOUR_AVERAGING(true, true),
  /** {@link FlagAggregator}. */
  FLAG(true, false);

  private final boolean fromGram;
  private final boolean reference;

  RobustRule(boolean fromGram, boolean reference) {
    this.fromGram = fromGram;
    this.reference = reference;
  }

  /** Name in settings, for example trimmed-mean. */
  public String id() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** Whether it needs inner products over all chunks, and weights are all it yields. */
  public boolean fromGram() {
    return fromGram;
  }

  /** Whether the Gram matrix has a last row that is no update. */
  public boolean hasReference() {
    return reference;
  }
}
