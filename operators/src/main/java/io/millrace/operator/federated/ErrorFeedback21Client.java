package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.nio.ByteBuffer;

/**
 * EF21 (Richtarik, Sokolov, Fatkhullin, 2021, arXiv 2106.05203) and, with momentum below 1,
 * EF21-SGDM (Fatkhullin, Tyurin, Richtarik, 2023, arXiv 2305.15155): the client sends C(v - h_i),
 * the packed difference between its gradient and what the server believes of it, and h_i follows; v
 * = (1 - momentum) v + momentum g. Without momentum it amplifies noise. Without a lossy codec it is
 * the client of AFA-CS ({@link AnarchicCrossSilo}).
 *
 * <pre>
 * h_i: [length] longs | momentum below 1: byte 1 once started | v: [length] doubles
 * </pre>
 *
 * <p>16 bytes a coordinate, 8 without momentum; h_i can be kept in escrow, v not: it starts again
 * from the next gradient. One thread.
 */
public final class ErrorFeedback21Client implements ClientMethod {
  private final double momentum;
  private final FixedPointMemory memory;
  private final double[] velocity;
  private boolean started;

  /**
   * @param momentum above 0 to 1; 1 is EF21
   * @param length of the chunk
   * @param bits as the server's {@link GradientMemory}
   */
  public ErrorFeedback21Client(double momentum, int length, int bits) {
    SettingCheck.range("momentum", momentum, 1e-9, 1);
    this.momentum = momentum;
    this.memory = new FixedPointMemory(length, bits);
    this.velocity = new double[momentum < 1 ? length : 0];
  }

  /** h_i, for the server's escrow and audit. */
  FixedPointMemory memory() {
    return memory;
  }

  @Override
  public int length() {
    return memory.length();
  }

  /** The first gradient is the velocity's start. */
  @Override
  public float[] increment(LocalResult result) {
    float[] increment = new float[length()];
    double share = started ? momentum : 1;
    started = true;
    for (int i = 0; i < increment.length; i++) {
      double wanted = result.meanGradient(i);
      if (momentum < 1) {
        velocity[i] = (1 - share) * velocity[i] + share * wanted;
        wanted = velocity[i];
      }
      increment[i] = (float) (wanted - memory.value(i));
    }
    return increment;
  }

  @Override
  public void sent(float[] increment, float[] second) {
    memory.add(increment);
  }

  @Override
  public void lost(float[] increment, float[] second) {
    memory.subtract(increment);
  }

  @Override
  public int savedBytes() {
    return memory.savedBytes() + (momentum < 1 ? 1 + Vectors.bytes(velocity) : 0);
  }

  @Override
  public void save(ByteBuffer out) {
    memory.save(out);
    if (momentum < 1) {
      out.put((byte) (started ? 1 : 0));
      Vectors.put(out, velocity);
    }
  }

  @Override
  public void load(ByteBuffer in) {
    memory.load(in);
    if (momentum < 1) {
      started = in.get() != 0;
      Vectors.get(in, velocity);
    }
  }

  @Override
  public void restore(int bits, long[] sums) {
    memory.set(bits, sums);
    started = false;
  }

  @Override
  public boolean wholeInEscrow() {
    return momentum == 1;
  }
}
