package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.util.List;

/**
 * Lion (Chen et al., Symbolic discovery of optimization algorithms, 2023, arXiv 2302.06675): u =
 * sign(b1 m + (1 - b1) D); x += rate (u - decay x); m = b2 m + (1 - b2) D. With decay above 0 it
 * solves the problem within the box |x| up to 1 / decay (Chen, Liu, Liang, Liu, 2023, arXiv
 * 2310.05898). Steps are of one size: the rate has to fall for x to settle. 8 bytes a coordinate.
 */
final class ServerLion implements ServerOptimiser {
  private final double firstDecay;
  private final double secondDecay;
  private final double weightDecay;
  private final double[] mean;

  /**
   * @param firstDecay b1, published 0.9
   * @param secondDecay b2, published 0.99
   * @param weightDecay 0 for none
   */
  ServerLion(int length, double firstDecay, double secondDecay, double weightDecay) {
    SettingCheck.range("first decay", firstDecay, 0, Math.nextDown(1.0));
    SettingCheck.range("second decay", secondDecay, 0, Math.nextDown(1.0));
    SettingCheck.range("weight decay", weightDecay, 0, 1e6);
    this.firstDecay = firstDecay;
    this.secondDecay = secondDecay;
    this.weightDecay = weightDecay;
    this.mean = new double[length];
  }

  @Override
  public void step(double[] model, double[] update, double rate) {
    for (int i = 0; i < mean.length; i++) {
      double sign = Math.signum(firstDecay * mean[i] + (1 - firstDecay) * update[i]);
      model[i] += rate * (sign - weightDecay * model[i]);
      mean[i] = secondDecay * mean[i] + (1 - secondDecay) * update[i];
    }
  }

  @Override
  public List<double[]> memory() {
    return List.of(mean);
  }
}
