package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.nio.ByteBuffer;

/**
 * A client of SCALLION (Huang, Li, Li, 2023, arXiv 2308.08165): SCAFFOLD's steps, and one increment
 * q = C(alpha (gbar - c_i)) with gbar = (x - y) / (K rate) + c_i - c. C must be unbiased; alpha is
 * at most about 1 / (4 (1 + omega)) for a codec of variance omega. Without compression and with
 * alpha 1 it is SCAFFOLD.
 *
 * <pre>
 * c_i: [length] longs
 * </pre>
 *
 * <p>8 bytes a coordinate of the model between rounds, that can be kept in escrow. One thread.
 */
public final class ScallionClient implements ClientMethod {
  private final double alpha;
  private final FixedPointMemory control;

  /**
   * @param alpha above 0 to 1
   * @param length of the chunk
   * @param controlBits as the server's
   */
  public ScallionClient(double alpha, int length, int controlBits) {
    SettingCheck.range("alpha", alpha, 1e-9, 1);
    this.alpha = alpha;
    this.control = new FixedPointMemory(length, controlBits);
  }

  /** c_i, for the server's escrow and audit. */
  FixedPointMemory control() {
    return control;
  }

  @Override
  public int length() {
    return control.length();
  }

  @Override
  public void shift(double[] serverControl, double[] out, int offset) {
    shift(control, serverControl, out, offset);
  }

  @Override
  public float[] increment(LocalResult result) {
    float[] increment = new float[length()];
    for (int i = 0; i < increment.length; i++) {
      increment[i] = (float) (alpha * (meanGradient(control, result, i) - control.value(i)));
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
    return control.savedBytes();
  }

  @Override
  public void save(ByteBuffer out) {
    control.save(out);
  }

  @Override
  public void load(ByteBuffer in) {
    control.load(in);
  }

  @Override
  public void restore(int bits, long[] sums) {
    control.set(bits, sums);
  }

  @Override
  public boolean wholeInEscrow() {
    return true;
  }

  /** out += c - c_i. */
  static void shift(FixedPointMemory control, double[] serverControl, double[] out, int offset) {
    for (int i = 0; i < control.length(); i++) {
      double server = serverControl.length == 0 ? 0 : serverControl[i];
      out[offset + i] += server - control.value(i);
    }
  }

  /** gbar: the mean of the gradients along the corrected local steps, correction taken off. */
  static double meanGradient(FixedPointMemory control, LocalResult result, int i) {
    return result.meanGradient(i) - (result.control(i) - control.value(i));
  }
}
