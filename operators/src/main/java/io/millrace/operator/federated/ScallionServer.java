package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * The server of SCALLION and SCAFCOM (Huang, Li, Li, Stochastic controlled averaging for federated
 * learning with communication compression, 2023, arXiv 2308.08165): one compressed increment a
 * client does for model and control, x -= rate K (mean of the round's q + c), c += sum of q over
 * all n clients. The c in the step is the one the round began with.
 *
 * <p>24 bytes a coordinate. One thread.
 */
final class ScallionServer {
  private final FixedPointSum round;
  private final FixedPointMemory controls;
  private final int clients;
  private double[] control;

  /**
   * @param scale of the increments, equal weights
   * @param controlBits of the controls' fixed point, as {@link FixedPointMemory}
   * @param clients n, all there are, not only a round's
   */
  ScallionServer(int length, FixedPointScale scale, int controlBits, int clients) {
    SettingCheck.range("clients", clients, 1, 1 << 24);
    this.round = new FixedPointSum(length, scale);
    this.controls = new FixedPointMemory(length, controlBits);
    this.clients = clients;
    this.control = new double[length];
  }

  /** c as the open round's clients get it. */
  double[] control() {
    return control.clone();
  }

  /**
   * Takes a client's increment as unpacked from its payload.
   *
   * @throws IllegalArgumentException for values beyond either fixed point; nothing is taken then
   */
  void accept(float[] increment) {
    round.add(increment, 0, 1);
    try {
      controls.add(increment);
    } catch (IllegalArgumentException refused) {
      round.subtract(increment, 0, 1);
      throw refused;
    }
  }

  /**
   * Closes the round.
   *
   * @param rate the server's times the clients' times their steps K
   */
  void close(double[] model, double rate) {
    round.addTo(model, -rate / round.weight());
    round.clear();
    double[] next = new double[control.length];
    for (int i = 0; i < control.length; i++) {
      model[i] -= rate * control[i];
      next[i] = controls.value(i) / clients;
    }
    control = next;
  }

  /** Whether the clients' controls sum to the server's, integer for integer. */
  boolean audit(Iterable<FixedPointMemory> memories) {
    return controls.sameBits(FixedPointMemory.sum(controls, memories));
  }
}
