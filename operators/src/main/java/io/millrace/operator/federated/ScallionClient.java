package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * A client of SCALLION (Huang, Li, Li, 2023, arXiv 2308.08165): SCAFFOLD's steps, and one increment
 * q = C(alpha (gbar - c_i)) with gbar = (x - y) / (K rate) + c_i - c. C must be unbiased; alpha is
 * at most about 1 / (4 (1 + omega)) for a codec of variance omega. Without compression and with
 * alpha 1 it is SCAFFOLD.
 *
 * <p>8 bytes a coordinate of the model between rounds. One thread.
 */
final class ScallionClient {
  private final LocalSteps local;
  private final double alpha;
  private final UpdateCodec codec;
  private final FixedPointMemory control;

  /**
   * @param alpha above 0 to 1
   * @param codec unbiased
   * @param controlBits as the server's
   */
  ScallionClient(LocalSteps local, double alpha, UpdateCodec codec, int length, int controlBits) {
    SettingCheck.range("alpha", alpha, 1e-9, 1);
    this.local = local;
    this.alpha = alpha;
    this.codec = codec;
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
   * @param seed of the codec
   * @return the payload to send
   */
  byte[] round(Gradient gradient, double[] x, double[] serverControl, long seed) {
    double[] mean = meanGradient(local, gradient, x, serverControl, control);
    float[] increment = new float[x.length];
    for (int i = 0; i < x.length; i++) {
      increment[i] = (float) (alpha * (mean[i] - control.value(i)));
    }
    byte[] payload = codec.encode(increment, seed);
    control.add(codec.decode(payload, x.length, seed));
    return payload;
  }

  /** gbar: the mean of the gradients along the corrected local steps. */
  static double[] meanGradient(
      LocalSteps local,
      Gradient gradient,
      double[] x,
      double[] serverControl,
      FixedPointMemory control) {
    double[] shift = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      shift[i] = serverControl[i] - control.value(i);
    }
    double[] y = local.run(gradient, x, shift);
    double[] mean = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      mean[i] = (x[i] - y[i]) / (local.steps() * local.rate()) - shift[i];
    }
    return mean;
  }
}
