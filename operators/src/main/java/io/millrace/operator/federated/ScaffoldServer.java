package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * The server of SCAFFOLD (Karimireddy et al., 2019, arXiv 1910.06378): the model moves by the mean
 * of the clients' steps, the server's control c by the sum of their controls' increments over all n
 * clients. One round of one chunk at a time; c lives on.
 *
 * <p>16 bytes a coordinate. One thread.
 */
final class ScaffoldServer {
  private final FixedPointSum steps;
  private final FixedPointMemory controls;
  private final int clients;

  /**
   * @param scale of the steps, equal weights
   * @param controlBits of the controls' fixed point, as {@link FixedPointMemory}
   * @param clients n, all there are, not only a round's
   */
  ScaffoldServer(int length, FixedPointScale scale, int controlBits, int clients) {
    SettingCheck.range("clients", clients, 1, 1 << 24);
    this.steps = new FixedPointSum(length, scale);
    this.controls = new FixedPointMemory(length, controlBits);
    this.clients = clients;
  }

  /** c as the next round's clients get it. */
  double[] control() {
    double[] control = new double[controls.length()];
    for (int i = 0; i < control.length; i++) {
      control[i] = controls.value(i) / clients;
    }
    return control;
  }

  /**
   * Takes a client's round. Its control moves c for the rounds after this one, since clients got c
   * at the round's start.
   *
   * @throws IllegalArgumentException for values beyond either fixed point; nothing is taken then
   */
  void accept(ScaffoldClient.Update update) {
    steps.add(update.step(), 0, 1);
    try {
      controls.add(update.control());
    } catch (IllegalArgumentException refused) {
      steps.subtract(update.step(), 0, 1);
      throw refused;
    }
  }

  /** x += rate times the mean step; then open for the next round. */
  void close(double[] model, double rate) {
    steps.addTo(model, rate / steps.weight());
    steps.clear();
  }

  /** Whether the clients' controls sum to the server's, integer for integer. */
  boolean audit(Iterable<FixedPointMemory> memories) {
    return controls.sameBits(FixedPointMemory.sum(controls, memories));
  }
}
