package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * AFA-CD, anarchic federated averaging across devices (Yang, Zhang, Khanduri, Liu, Anarchic
 * federated learning, 2021, arXiv 2108.09875): clients come when they like after as many steps as
 * they like and send the mean of their gradients; every m returns, x -= rate times the mean of the
 * returns. Settles where the frequent clients want it.
 *
 * <p>8 bytes a coordinate. One thread.
 */
final class AnarchicCrossDevice {
  private final FixedPointSum sum;

  /**
   * @param largest value of a mean gradient
   * @param returns m, that make a version
   */
  AnarchicCrossDevice(int length, float largest, int returns) {
    SettingCheck.range("returns of a version", returns, 1, 1 << 20);
    sum = new FixedPointSum(length, FixedPointScale.finest(largest, 1, returns));
  }

  /**
   * Takes a return, and moves the model if it was the m-th.
   *
   * @param rate the server's times the clients'
   * @return whether the model was moved
   * @throws IllegalArgumentException as {@link FixedPointSum#add}; nothing is taken then
   */
  boolean accept(float[] meanGradient, double[] model, double rate) {
    sum.add(meanGradient, 0, 1);
    if (sum.weight() < sum.scale().totalWeight()) {
      return false;
    }
    sum.addTo(model, -rate / sum.weight());
    sum.clear();
    return true;
  }
}
