package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * Gradient steps on a client between two rounds: y -= rate (g(y) + shift + proximal (y - x)), from
 * y = x. No shift and no proximal term is FedAvg's client (McMahan, Moore, Ramage, Hampson, Arcas,
 * 2016, arXiv 1602.05629), a proximal term FedProx's (Li et al., 2018, arXiv 1812.06127), a shift
 * that of SCAFFOLD and its kin.
 *
 * @param steps 1 or more
 * @param rate above 0
 * @param proximal mu, 0 for none
 */
public record LocalSteps(int steps, double rate, double proximal) {
  public LocalSteps {
    SettingCheck.range("local steps", steps, 1, 1_000_000);
    SettingCheck.range("local rate", rate, 1e-30, 1e30);
    SettingCheck.range("proximal weight", proximal, 0, 1e30);
  }

  /**
   * Trains.
   *
   * @param x the model, not modified
   * @param shift added to every gradient, [x.length]
   * @return y after the last step
   */
  public double[] run(Gradient gradient, double[] x, double[] shift) {
    double[] y = x.clone();
    double[] g = new double[x.length];
    for (int step = 0; step < steps; step++) {
      gradient.at(y, g);
      for (int i = 0; i < y.length; i++) {
        y[i] -= rate * (g[i] + shift[i] + proximal * (y[i] - x[i]));
      }
    }
    return y;
  }

  /** Trains without a shift and returns y - x, the update to send. */
  float[] update(Gradient gradient, double[] x) {
    return Vectors.difference(run(gradient, x, new double[x.length]), x);
  }
}
