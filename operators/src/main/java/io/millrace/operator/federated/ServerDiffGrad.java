package io.millrace.operator.federated;

import java.util.List;

/**
 * diffGrad (Dubey et al., diffGrad: an optimization method for convolutional neural networks, 2019,
 * arXiv 1909.11015): Adam with bias correction, its step times xi = 1 / (1 + exp(-|D_prev - D|)),
 * which is a half where updates repeat themselves. 24 bytes a coordinate, and an exponential of
 * {@link StrictMath} a step.
 */
final class ServerDiffGrad implements ServerOptimiser {
  private final AdaptiveSettings settings;
  private final double[] mean;
  private final double[] square;
  private final double[] previous;

  /** Of both decays, to the number of steps. */
  private final double[] powers = {1, 1};

  ServerDiffGrad(int length, AdaptiveSettings settings) {
    this.settings = settings;
    this.mean = new double[length];
    this.square = new double[length];
    this.previous = new double[length];
  }

  @Override
  public void step(double[] model, double[] update, double rate) {
    double beta1 = settings.firstDecay();
    double beta2 = settings.secondDecay();
    powers[0] *= beta1;
    powers[1] *= beta2;
    for (int i = 0; i < mean.length; i++) {
      mean[i] = beta1 * mean[i] + (1 - beta1) * update[i];
      square[i] = beta2 * square[i] + (1 - beta2) * update[i] * update[i];
      double friction = 1 / (1 + StrictMath.exp(-Math.abs(previous[i] - update[i])));
      double size = Math.sqrt(square[i] / (1 - powers[1])) + settings.floor();
      model[i] += rate * friction * (mean[i] / (1 - powers[0])) / size;
      previous[i] = update[i];
    }
  }

  @Override
  public List<double[]> memory() {
    return List.of(mean, square, previous, powers);
  }
}
