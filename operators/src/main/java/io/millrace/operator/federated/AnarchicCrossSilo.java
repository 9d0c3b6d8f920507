package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * AFA-CS, anarchic federated averaging across silos (Yang, Zhang, Khanduri, Liu, Anarchic federated
 * learning, 2021, arXiv 2108.09875): the server remembers every client's last mean gradient, and
 * every m returns x -= rate times the mean over all clients' memories: who comes often counts no
 * more than who comes seldom.
 *
 * <p>Unlike the paper, a return is the difference from the client's last one: floats carry the
 * small difference without losing its digits, and the server needs only the sum. The client's
 * memory ({@link FixedPointMemory} of the same scale) can be kept in escrow from the same returns.
 *
 * <p>8 bytes a coordinate, and as much for each client's memory. One thread.
 */
final class AnarchicCrossSilo {
  private final GradientMemory memory;
  private final int returns;
  private int held;

  /**
   * @param bits of the memory's fixed point, as {@link FixedPointMemory}
   * @param clients n, that the mean is taken over
   * @param returns m, that make a version
   */
  AnarchicCrossSilo(int length, int bits, int clients, int returns) {
    SettingCheck.range("returns of a version", returns, 1, 1 << 20);
    this.memory = new GradientMemory(length, bits, clients);
    this.returns = returns;
  }

  /**
   * Takes a return, and moves the model if it was the m-th.
   *
   * @param rate the server's times the clients'
   * @return whether the model was moved
   * @throws IllegalArgumentException as {@link FixedPointMemory#add}; nothing is taken then
   */
  boolean accept(float[] increment, double[] model, double rate) {
    memory.accept(increment);
    held++;
    if (held < returns) {
      return false;
    }
    held = 0;
    memory.step(model, rate);
    return true;
  }
}
