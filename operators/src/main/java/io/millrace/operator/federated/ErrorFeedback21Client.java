package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * EF21 (Richtarik, Sokolov, Fatkhullin, 2021, arXiv 2106.05203) and, with momentum below 1,
 * EF21-SGDM (Fatkhullin, Tyurin, Richtarik, 2023, arXiv 2305.15155): the client sends C(v - h_i),
 * the packed difference between its gradient and what the server believes of it, and h_i follows; v
 * = (1 - momentum) v + momentum g. Without momentum it amplifies noise.
 *
 * <p>16 bytes a coordinate; h_i can be kept in escrow. One thread.
 */
final class ErrorFeedback21Client {
  private final double momentum;
  private final UpdateCodec codec;
  private final FixedPointMemory memory;
  private final double[] velocity;
  private boolean started;

  /**
   * @param momentum above 0 to 1; 1 is EF21
   * @param codec contractive
   * @param bits as the server's {@link GradientMemory}
   */
  ErrorFeedback21Client(double momentum, UpdateCodec codec, int length, int bits) {
    SettingCheck.range("momentum", momentum, 1e-9, 1);
    this.momentum = momentum;
    this.codec = codec;
    this.memory = new FixedPointMemory(length, bits);
    this.velocity = new double[length];
  }

  /** h_i, for the server's escrow and audit. */
  FixedPointMemory memory() {
    return memory;
  }

  /**
   * Packs a gradient. The first one is the velocity's start.
   *
   * @return the payload to send
   */
  byte[] compress(double[] gradient, long seed) {
    float[] increment = new float[gradient.length];
    double share = started ? momentum : 1;
    started = true;
    for (int i = 0; i < gradient.length; i++) {
      velocity[i] = (1 - share) * velocity[i] + share * gradient[i];
      increment[i] = (float) (velocity[i] - memory.value(i));
    }
    byte[] payload = codec.encode(increment, seed);
    memory.add(codec.decode(payload, gradient.length, seed));
    return payload;
  }
}
