package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * The server of EF21, EF21-SGDM and EControl, and half of AFA-CS: h, the mean of what all clients'
 * memories hold, moved by their increments; x -= rate h. An absent client's memory stays in h, and
 * an increment lost or counted twice would stay for ever: {@link #audit} finds it.
 *
 * <p>8 bytes a coordinate. One thread.
 */
final class GradientMemory {
  private final FixedPointMemory total;
  private final int clients;

  /**
   * @param bits of the fixed point, as {@link FixedPointMemory}
   * @param clients n, that the mean is taken over
   */
  GradientMemory(int length, int bits, int clients) {
    SettingCheck.range("clients", clients, 1, 1 << 24);
    this.total = new FixedPointMemory(length, bits);
    this.clients = clients;
  }

  /**
   * Takes an increment.
   *
   * @throws IllegalArgumentException as {@link FixedPointMemory#add}; nothing is taken then
   */
  void accept(float[] increment) {
    total.add(increment);
  }

  /** x -= rate h. */
  void step(double[] model, double rate) {
    for (int i = 0; i < model.length; i++) {
      model[i] -= rate * mean(i);
    }
  }

  /** Coordinate i of h. */
  double mean(int i) {
    return total.value(i) / clients;
  }

  /**
   * Whether the clients' memories sum to the server's, integer for integer.
   *
   * @param memories of all clients, in any order
   */
  boolean audit(Iterable<FixedPointMemory> memories) {
    return total.sameBits(FixedPointMemory.sum(total, memories));
  }
}
