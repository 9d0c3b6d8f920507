package io.millrace.operator.federated;

import java.util.Arrays;
import java.util.List;

/**
 * FedYogi (Reddi et al., Adaptive federated optimization, 2020, arXiv 2003.00295): m = b1 m + (1 -
 * b1) D; v -= (1 - b2) D^2 sign(v - D^2); x += rate m / (sqrt(v) + floor). The second moment starts
 * at the square of the floor; no bias correction.
 *
 * <p>16 bytes a coordinate.
 */
final class ServerYogi implements ServerOptimiser {
  private final AdaptiveSettings settings;
  private final double[] mean;
  private final double[] square;

  ServerYogi(int length, AdaptiveSettings settings) {
    this.settings = settings;
    this.mean = new double[length];
    this.square = new double[length];
    Arrays.fill(square, settings.floor() * settings.floor());
  }

  @Override
  public void step(double[] model, double[] update, double rate) {
    double beta1 = settings.firstDecay();
    double beta2 = settings.secondDecay();
    for (int i = 0; i < mean.length; i++) {
      double squared = update[i] * update[i];
      mean[i] = beta1 * mean[i] + (1 - beta1) * update[i];
      square[i] -= (1 - beta2) * squared * Math.signum(square[i] - squared);
      model[i] += rate * mean[i] / (Math.sqrt(square[i]) + settings.floor());
    }
  }

  @Override
  public List<double[]> memory() {
    return List.of(mean, square);
  }
}
