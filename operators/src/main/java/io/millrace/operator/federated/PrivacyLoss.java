package io.millrace.operator.federated;

/**
 * The privacy loss of one sampled Gaussian release, as a distribution function. Neighbouring data
 * differ in one client: with it, noise is around the mixture P = (1 - q) N(0, z^2) + q N(1, z^2),
 * without it around Q = N(0, z^2). The loss is log P/Q of a draw from P when the client is taken
 * out, log Q/P of a draw from Q when it is put in. Stateless.
 *
 * @param removed which of the two
 */
record PrivacyLoss(GaussianMechanism mechanism, boolean removed) {

  /** Probability of a loss up to x. */
  double below(double x) {
    return removed ? removedBelow(x) : addedBelow(x);
  }

  private double removedBelow(double loss) {
    double q = mechanism.sampling();
    double z = mechanism.noise();
    double draw = draw(loss);
    if (draw == Double.NEGATIVE_INFINITY) {
      return 0;
    }
    return (1 - q) * NormalDistribution.below(draw / z)
        + q * NormalDistribution.below((draw - 1) / z);
  }

  private double addedBelow(double loss) {
    double draw = draw(-loss);
    return NormalDistribution.below(-draw / mechanism.noise());
  }

  /**
   * The x at which log(P/Q) is this: log(1 - q + q exp((2 x - 1) / (2 z^2))), which rises with x.
   */
  private double draw(double logRatio) {
    double q = mechanism.sampling();
    double excess = StrictMath.expm1(logRatio) + q; // e^l - (1 - q)
    if (excess <= 0) {
      return Double.NEGATIVE_INFINITY;
    }
    double z = mechanism.noise();
    return z * z * StrictMath.log(excess / q) + 0.5;
  }
}
