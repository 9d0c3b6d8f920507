package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.nio.ByteBuffer;

/**
 * A client of SCAFCOM (Huang, Li, Li, 2023, arXiv 2308.08165): SCALLION with a local momentum in
 * place of alpha, v = (1 - beta) v + beta gbar and q = C(v - c_i), so that a biased, contractive C
 * such as top-k will do. The stable rate shrinks with beta.
 *
 * <pre>
 * c_i: [length] longs | v: [length] doubles
 * </pre>
 *
 * <p>16 bytes a coordinate of the model between rounds; the control can be kept in escrow, the
 * momentum not: it starts again from the control. One thread.
 */
public final class ScafcomClient implements ClientMethod {
  private final double beta;
  private final FixedPointMemory control;
  private final double[] momentum;

  /**
   * @param beta above 0 to 1
   * @param length of the chunk
   * @param controlBits as the server's
   */
  public ScafcomClient(double beta, int length, int controlBits) {
    SettingCheck.range("beta", beta, 1e-9, 1);
    this.beta = beta;
    this.control = new FixedPointMemory(length, controlBits);
    this.momentum = new double[length];
  }

  /** c_i, for the server's escrow and audit. */
  FixedPointMemory control() {
    return control;
  }

  @Override
  public int length() {
    return momentum.length;
  }

  @Override
  public void shift(double[] serverControl, double[] out, int offset) {
    ScallionClient.shift(control, serverControl, out, offset);
  }

  @Override
  public float[] increment(LocalResult result) {
    float[] increment = new float[momentum.length];
    for (int i = 0; i < momentum.length; i++) {
      double mean = ScallionClient.meanGradient(control, result, i);
      momentum[i] = (1 - beta) * momentum[i] + beta * mean;
      increment[i] = (float) (momentum[i] - control.value(i));
    }
    return increment;
  }

  @Override
  public void sent(float[] increment, float[] second) {
    control.add(increment);
  }

  @Override
  public void lost(float[] increment, float[] second) {
    control.subtract(increment);
  }

  @Override
  public int savedBytes() {
    return control.savedBytes() + Vectors.bytes(momentum);
  }

  @Override
  public void save(ByteBuffer out) {
    control.save(out);
    Vectors.put(out, momentum);
  }

  @Override
  public void load(ByteBuffer in) {
    control.load(in);
    Vectors.get(in, momentum);
  }

  @Override
  public void restore(int bits, long[] sums) {
    control.set(bits, sums);
    for (int i = 0; i < momentum.length; i++) {
      momentum[i] = control.value(i);
    }
  }
}
