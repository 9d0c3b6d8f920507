package io.millrace.operator.federated;

import java.util.Arrays;

/**
 * The linear algebra of a {@link MixingMethod}, for one number of one node: m variables v, the
 * first of which is the parameter x.
 *
 * <pre>
 * between events   dv = G v dt                                   flow
 * gradient g       r = g + a'v,           v = v - b r            residual a, step b
 * spike (i, j)     p = c'(v_i - v_j),     v_i = v_i - d p,
 *                                         v_j = v_j + d p        readout c, mixing d
 *
 * plain            x; no flow, g moves x by rate, d = 1/2
 * momentum         x, x~; dx = eta (x~ - x) dt = -dx~, g moves both by rate,
 *                  d = 1/2, sqrt(chi1 / chi2) / 2, eta = 1 / (2 sqrt(chi1 chi2))
 * dadao            x, x~, y, y~, z, z~; nu = mu / 2, s = sqrt(nu / L)
 *                  dx = s/8 (x~ - x) dt = -dx~        r = g - nu x - y~
 *                  dy = s/4 (y~ - y) dt               x  = x  - r / (4 L)
 *                  dy~ = -(nu x~ + y + z) / (2 s) dt  x~ = x~ - r / (4 sqrt(nu L))
 *                  dz = s/4 (z~ - z) dt               y~ = y~ + (1 + s/4) r
 *                  dz~ = s/8 (z - z~) dt              p = y_i + z_i - y_j - z_j
 *                                                     z  by p / 2, z~ by 2 chi1 / s p
 * </pre>
 *
 * <p>DADAO: Nabli, Oyallon, Decoupled accelerated decentralized asynchronous optimization (2023,
 * arXiv 2208.00779), with the constants of the authors' program; squared distances to the minimum
 * fall like exp(-t s / 8) where chi1 chi2 is at most 1/2. A2CiD2: Nabli, Belilovsky, Oyallon (2023,
 * arXiv 2306.08289). chi1 and chi2 are those of the Laplacian weighted by spikes a unit of time.
 * Immutable.
 */
final class MixingDynamics {
  /** Variables of the richest method. */
  static final int MOST_VARIABLES = 6;

  private static final int TERMS = 16;

  final int variables;
  final double[] residual;
  final double[] step;
  final double[] readout;
  final double[] mixing;
  private final double[] generator;

  private MixingDynamics(int variables) {
    this.variables = variables;
    this.residual = new double[variables];
    this.step = new double[variables];
    this.readout = new double[variables];
    this.mixing = new double[variables];
    this.generator = new double[variables * variables];
  }

  static MixingDynamics of(MixingSettings settings) {
    double perEdge = settings.spikes() / settings.graph().edges().size();
    MixingGraph.Constants graph = settings.graph().constants();
    double chi1 = graph.connectivity() / perEdge;
    double chi2 = graph.resistance() / perEdge;
    return switch (settings.method()) {
      case PLAIN -> plain(settings.step().rate());
      case MOMENTUM -> momentum(settings.step().rate(), chi1, chi2);
      case DADAO -> dadao(settings.step(), chi1);
    };
  }

  private static MixingDynamics plain(double rate) {
    MixingDynamics plain = new MixingDynamics(1);
    plain.step[0] = rate;
    plain.readout[0] = 1;
    plain.mixing[0] = 0.5;
    return plain;
  }

  private static MixingDynamics momentum(double rate, double chi1, double chi2) {
    MixingDynamics momentum = new MixingDynamics(2);
    Arrays.fill(momentum.step, rate);
    momentum.readout[0] = 1;
    momentum.mixing[0] = 0.5;
    momentum.mixing[1] = Math.sqrt(chi1 / chi2) / 2;
    momentum.exchange(0, 1, 1 / (2 * Math.sqrt(chi1 * chi2)));
    return momentum;
  }

  private static MixingDynamics dadao(MixingSettings.Step known, double chi1) {
    double nu = known.convexity() / 2;
    double smoothness = known.smoothness();
    double s = Math.sqrt(nu / smoothness);
    MixingDynamics dadao = new MixingDynamics(6);
    dadao.exchange(0, 1, s / 8);
    dadao.flow(2, 2, -s / 4);
    dadao.flow(2, 3, s / 4);
    dadao.flow(3, 1, -nu / (2 * s));
    dadao.flow(3, 2, -1 / (2 * s));
    dadao.flow(3, 4, -1 / (2 * s));
    dadao.flow(4, 4, -s / 4);
    dadao.flow(4, 5, s / 4);
    dadao.flow(5, 4, s / 8);
    dadao.flow(5, 5, -s / 8);
    dadao.residual[0] = -nu;
    dadao.residual[3] = -1;
    dadao.step[0] = 1 / (4 * smoothness);
    dadao.step[1] = 1 / (4 * Math.sqrt(nu * smoothness));
    dadao.step[3] = -(1 + s / 4);
    dadao.readout[2] = 1;
    dadao.readout[4] = 1;
    dadao.mixing[4] = 0.5;
    dadao.mixing[5] = 2 * chi1 / s;
    return dadao;
  }

  private void exchange(int i, int j, double rate) {
    flow(i, i, -rate);
    flow(i, j, rate);
    flow(j, i, rate);
    flow(j, j, -rate);
  }

  private void flow(int into, int from, double rate) {
    generator[into * variables + from] = rate;
  }

  /** Whether anything moves between events. */
  boolean flows() {
    return variables > 1;
  }

  /**
   * F = exp(G t) - 1 [m x m] row-major, so that v + F v is v after t: by the series of a fraction
   * of t, doubled by 2 F + F F. Where two variables exchange, their rows are each other's
   * negatives, bit by bit: what one loses the other gains.
   *
   * @param time t, 0 or more
   */
  double[] flow(double time) {
    double size = 0;
    for (double rate : generator) {
      size = Math.max(size, Math.abs(rate) * time);
    }
    int doublings = 0;
    while (size > 0x1p-4) {
      size /= 2;
      doublings++;
    }
    double[] scaled = new double[generator.length];
    for (int i = 0; i < scaled.length; i++) {
      scaled[i] = StrictMath.scalb(generator[i] * time, -doublings);
    }
    double[] power = scaled;
    double[] sum = scaled.clone();
    for (int term = 2; term <= TERMS; term++) {
      power = product(power, scaled);
      for (int i = 0; i < sum.length; i++) {
        power[i] /= term;
        sum[i] += power[i];
      }
    }
    for (int i = 0; i < doublings; i++) {
      double[] square = product(sum, sum);
      for (int j = 0; j < sum.length; j++) {
        sum[j] = 2 * sum[j] + square[j];
      }
    }
    return sum;
  }

  private double[] product(double[] a, double[] b) {
    double[] c = new double[a.length];
    for (int i = 0; i < variables; i++) {
      for (int k = 0; k < variables; k++) {
        for (int j = 0; j < variables; j++) {
          c[i * variables + j] += a[i * variables + k] * b[k * variables + j];
        }
      }
    }
    return c;
  }
}
