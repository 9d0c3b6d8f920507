package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * EControl (Gao, Islamov, Stich, EControl: fast distributed optimization with compression and error
 * control, 2023, arXiv 2311.05645): C(weight e_i + g - h_i) moves h_i, and e_i gathers what h_i
 * still misses, e_i += g - h_i. EF21 with a little of the first error feedback, which quiets noise.
 *
 * <pre>
 * h_i: [length] longs | e_i: [length] doubles
 * </pre>
 *
 * <p>16 bytes a coordinate; h_i can be kept in escrow, e_i not: it starts again from 0. One thread.
 */
public final class ErrorControlClient implements ClientMethod {
  private final double weight;
  private final FixedPointMemory memory;
  private final double[] error;

  /**
   * @param weight of the error, above 0 to 1, of the order of the codec's contraction
   * @param length of the chunk
   * @param bits as the server's {@link GradientMemory}
   */
  public ErrorControlClient(double weight, int length, int bits) {
    SettingCheck.range("weight of the error", weight, 1e-9, 1);
    this.weight = weight;
    this.memory = new FixedPointMemory(length, bits);
    this.error = new double[length];
  }

  /** h_i, for the server's escrow and audit. */
  FixedPointMemory memory() {
    return memory;
  }

  @Override
  public int length() {
    return memory.length();
  }

  /** The error takes in the gradient; {@link #sent} takes out what h_i then holds of it. */
  @Override
  public float[] increment(LocalResult result) {
    float[] increment = new float[length()];
    for (int i = 0; i < increment.length; i++) {
      double gradient = result.meanGradient(i);
      increment[i] = (float) (weight * error[i] + gradient - memory.value(i));
      error[i] += gradient;
    }
    return increment;
  }

  @Override
  public void sent(float[] increment, float[] second) {
    memory.add(increment);
    for (int i = 0; i < error.length; i++) {
      error[i] -= memory.value(i);
    }
  }

  @Override
  public void lost(float[] increment, float[] second) {
    memory.subtract(increment);
    for (int i = 0; i < error.length; i++) {
      error[i] += increment[i];
    }
  }

  @Override
  public int savedBytes() {
    return memory.savedBytes() + Vectors.bytes(error);
  }

  @Override
  public void save(ByteBuffer out) {
    memory.save(out);
    Vectors.put(out, error);
  }

  @Override
  public void load(ByteBuffer in) {
    memory.load(in);
    Vectors.get(in, error);
  }

  @Override
  public void restore(int bits, long[] sums) {
    memory.set(bits, sums);
    Arrays.fill(error, 0);
  }
}
