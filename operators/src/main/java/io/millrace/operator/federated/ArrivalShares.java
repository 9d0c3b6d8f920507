package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.util.Arrays;

/**
 * Each client's share of what arrives, as a moving average over the stream: what tells an
 * asynchronous server by how much fast clients are heard too often. Arrivals count by their
 * staleness weight, since that is how loud they are heard. All shares start equal.
 *
 * <p>16 bytes a client, O(1) an arrival. One thread.
 */
final class ArrivalShares {
  private final double decay;
  private final double[] weights;
  private final long[] updated;
  private double total = 1;
  private long arrivals;

  /**
   * @param memory arrivals over which to average, many times the clients
   */
  ArrivalShares(int clients, double memory) {
    SettingCheck.range("clients", clients, 1, 1 << 24);
    SettingCheck.range("memory of arrivals", memory, 1, 1e12);
    this.decay = 1 - 1 / memory;
    this.weights = new double[clients];
    this.updated = new long[clients];
    Arrays.fill(weights, 1.0 / clients);
  }

  /**
   * Counts an arrival.
   *
   * @param weight of its staleness, above 0 to 1
   */
  void arrived(int client, double weight) {
    SettingCheck.range("staleness weight", weight, Double.MIN_NORMAL, 1);
    double before = weight(client);
    arrivals++;
    weights[client] = decay * before + (1 - decay) * weight;
    updated[client] = arrivals;
    total = decay * total + (1 - decay) * weight;
  }

  /** Share of a client; all shares sum to 1. */
  double share(int client) {
    return weight(client) / total;
  }

  /**
   * Weight that makes up for the share: 1 / (clients share), within a bound both ways.
   *
   * @param bound at least 1
   */
  double correction(int client, double bound) {
    double correction = 1 / (weights.length * share(client));
    return Math.max(1 / bound, Math.min(bound, correction));
  }

  private double weight(int client) {
    return weights[client] * StrictMath.pow(decay, arrivals - updated[client]);
  }
}
