package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * EControl (Gao, Islamov, Stich, EControl: fast distributed optimization with compression and error
 * control, 2023, arXiv 2311.05645): C(weight e_i + g - h_i) moves h_i, and e_i gathers what h_i
 * still misses, e_i += g - h_i. EF21 with a little of the first error feedback, which quiets noise.
 *
 * <p>16 bytes a coordinate; h_i can be kept in escrow, e_i not. One thread.
 */
final class ErrorControlClient {
  private final double weight;
  private final UpdateCodec codec;
  private final FixedPointMemory memory;
  private final double[] error;

  /**
   * @param weight of the error, above 0 to 1, of the order of the codec's contraction
   * @param codec contractive
   * @param bits as the server's {@link GradientMemory}
   */
  ErrorControlClient(double weight, UpdateCodec codec, int length, int bits) {
    SettingCheck.range("weight of the error", weight, 1e-9, 1);
    this.weight = weight;
    this.codec = codec;
    this.memory = new FixedPointMemory(length, bits);
    this.error = new double[length];
  }

  /** h_i, for the server's escrow and audit. */
  FixedPointMemory memory() {
    return memory;
  }

  /**
   * Packs a gradient.
   *
   * @return the payload to send
   */
  byte[] compress(double[] gradient, long seed) {
    float[] increment = new float[gradient.length];
    for (int i = 0; i < gradient.length; i++) {
      increment[i] = (float) (weight * error[i] + gradient[i] - memory.value(i));
    }
    byte[] payload = codec.encode(increment, seed);
    memory.add(codec.decode(payload, gradient.length, seed));
    for (int i = 0; i < gradient.length; i++) {
      error[i] += gradient[i] - memory.value(i);
    }
    return payload;
  }
}
