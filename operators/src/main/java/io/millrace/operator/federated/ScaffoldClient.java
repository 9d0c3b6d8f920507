package io.millrace.operator.federated;

import java.nio.ByteBuffer;

/**
 * A client of SCAFFOLD (Karimireddy et al., 2019, arXiv 1910.06378): local steps along g - c_i + c,
 * then c_i' = c_i - c + (x - y) / (K rate). Sends both increments as floats, and moves its own
 * control by what it sent, so that the server's stays the sum of the clients'.
 *
 * <pre>
 * c_i: [length] longs
 * </pre>
 *
 * <p>8 bytes a coordinate of the model between rounds, that can be kept in escrow. One thread.
 */
public final class ScaffoldClient implements ClientMethod {
  private final FixedPointMemory control;

  /**
   * What a client sends.
   *
   * @param step y - x
   * @param control c_i' - c_i
   */
  record Update(float[] step, float[] control) {}

  /**
   * @param length of the chunk
   * @param controlBits as the server's
   */
  public ScaffoldClient(int length, int controlBits) {
    this.control = new FixedPointMemory(length, controlBits);
  }

  @Override
  public boolean isTwofold() {
    return true;
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
    ScallionClient.shift(control, serverControl, out, offset);
  }

  @Override
  public float[] increment(LocalResult result) {
    return Vectors.difference(result.end(), result.start());
  }

  @Override
  public float[] second(LocalResult result) {
    float[] increment = new float[length()];
    for (int i = 0; i < increment.length; i++) {
      increment[i] = (float) (result.meanGradient(i) - result.control(i));
    }
    return increment;
  }

  @Override
  public void sent(float[] increment, float[] second) {
    control.add(second);
  }

  @Override
  public void lost(float[] increment, float[] second) {
    control.subtract(second);
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
}
