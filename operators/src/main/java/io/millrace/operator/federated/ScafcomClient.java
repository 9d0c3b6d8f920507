package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * A client of SCAFCOM (Huang, Li, Li, 2023, arXiv 2308.08165): SCALLION with a local momentum in
 * place of alpha, v = (1 - beta) v + beta gbar and q = C(v - c_i), so that a biased, contractive C
 * such as top-k will do. The stable rate shrinks with beta.
 *
 * <p>16 bytes a coordinate of the model between rounds; the control can be kept in escrow, the
 * momentum not. One thread.
 */
final class ScafcomClient {
  private final LocalSteps local;
  private final double beta;
  private final UpdateCodec codec;
  private final FixedPointMemory control;
  private final double[] momentum;

  /**
   * @param beta above 0 to 1
   * @param codec contractive
   * @param controlBits as the server's
   */
  ScafcomClient(LocalSteps local, double beta, UpdateCodec codec, int length, int controlBits) {
    SettingCheck.range("beta", beta, 1e-9, 1);
    this.local = local;
    this.beta = beta;
    this.codec = codec;
    this.control = new FixedPointMemory(length, controlBits);
    this.momentum = new double[length];
  }

  /** c_i, for the server's escrow and audit. */
  FixedPointMemory control() {
    return control;
  }

  /** One round, as {@link ScallionClient#round}. */
  byte[] round(Gradient gradient, double[] x, double[] serverControl, long seed) {
    double[] mean = ScallionClient.meanGradient(local, gradient, x, serverControl, control);
    float[] increment = new float[x.length];
    for (int i = 0; i < x.length; i++) {
      momentum[i] = (1 - beta) * momentum[i] + beta * mean[i];
      increment[i] = (float) (momentum[i] - control.value(i));
    }
    byte[] payload = codec.encode(increment, seed);
    control.add(codec.decode(payload, x.length, seed));
    return payload;
  }
}
