package io.millrace.operator.federated;

/**
 * A client of SCAFFOLD (Karimireddy et al., 2019, arXiv 1910.06378): local steps along g - c_i + c,
 * then c_i' = c_i - c + (x - y) / (K rate). Sends both increments as floats, and moves its own
 * control by what it sent, so that the server's stays the sum of the clients'.
 *
 * <p>8 bytes a coordinate of the model between rounds. One thread.
 */
final class ScaffoldClient {
  private final LocalSteps local;
  private final FixedPointMemory control;

  /**
   * What a client sends.
   *
   * @param step y - x
   * @param control c_i' - c_i
   */
  record Update(float[] step, float[] control) {}

  /**
   * @param controlBits as the server's
   */
  ScaffoldClient(LocalSteps local, int length, int controlBits) {
    this.local = local;
    this.control = new FixedPointMemory(length, controlBits);
  }

  /** c_i, for the server's escrow and audit. */
  FixedPointMemory control() {
    return control;
  }

  /**
   * One round.
   *
   * @param x the model
   * @param serverControl c
   */
  Update round(Gradient gradient, double[] x, double[] serverControl) {
    double[] shift = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      shift[i] = serverControl[i] - control.value(i);
    }
    double[] y = local.run(gradient, x, shift);
    float[] increment = new float[x.length];
    for (int i = 0; i < x.length; i++) {
      double mean = (x[i] - y[i]) / (local.steps() * local.rate());
      increment[i] = (float) (mean - serverControl[i]);
    }
    control.add(increment);
    return new Update(Vectors.difference(y, x), increment);
  }
}
