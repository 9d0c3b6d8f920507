package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.util.List;

/**
 * Server momentum, FedAvgM (Hsu, Qi, Brown, 2019, arXiv 1909.06335): m = momentum m + D; x += rate
 * m. With momentum 0 the plain server step. 8 bytes a coordinate.
 */
final class ServerMomentum implements ServerOptimiser {
  private final double momentum;
  private final double[] velocity;

  ServerMomentum(int length, double momentum) {
    SettingCheck.range("momentum", momentum, 0, 1);
    this.momentum = momentum;
    this.velocity = new double[length];
  }

  @Override
  public void step(double[] model, double[] update, double rate) {
    for (int i = 0; i < velocity.length; i++) {
      velocity[i] = momentum * velocity[i] + update[i];
      model[i] += rate * velocity[i];
    }
  }

  @Override
  public List<double[]> memory() {
    return List.of(velocity);
  }
}
