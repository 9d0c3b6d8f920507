package io.millrace.operator.federated;

/**
 * {@link MixingDynamics} on the multiples of 2^-k up to 2^(52 - k) in size, which doubles hold and
 * add without rounding. Every change is rounded to that grid before it is taken, and what one end
 * of an edge gains the other loses: an edge leaves the sum over the network of each variable as it
 * is, bit by bit, and so does the flow of two variables that exchange with the sum of both.
 *
 * <p>Values are m variables of c numbers each: number i of variable k at k c + i. Immutable.
 */
final class MixingArithmetic {
  private final MixingDynamics dynamics;
  private final double scale;
  private final double largest;

  /**
   * @param bits k
   */
  MixingArithmetic(MixingDynamics dynamics, int bits) {
    this.dynamics = dynamics;
    this.scale = StrictMath.scalb(1.0, bits);
    this.largest = StrictMath.scalb(1.0, 52 - bits);
  }

  double largest() {
    return largest;
  }

  /** The next number of the grid. */
  double round(double value) {
    return Math.rint(value * scale) / scale;
  }

  /** Whether the grid holds all of these; NaN it does not. */
  boolean fits(double[] values) {
    boolean fits = true;
    for (double value : values) {
      fits &= Math.abs(value) <= largest;
    }
    return fits;
  }

  /**
   * v += F v, in 2 m^2 c flops.
   *
   * @param values modified
   */
  void flow(double[] values, double time) {
    if (!dynamics.flows() || time == 0) {
      return;
    }
    int m = dynamics.variables;
    int c = values.length / m;
    double[] flow = dynamics.flow(time);
    double[] before = new double[m];
    for (int i = 0; i < c; i++) {
      for (int k = 0; k < m; k++) {
        before[k] = values[k * c + i];
      }
      for (int k = 0; k < m; k++) {
        double change = 0;
        for (int j = 0; j < m; j++) {
          change += flow[k * m + j] * before[j];
        }
        values[k * c + i] += round(change);
      }
    }
  }

  /**
   * A spike.
   *
   * @param from of one end, modified
   * @param to of the other, modified
   */
  void mix(double[] from, double[] to) {
    int m = dynamics.variables;
    int c = from.length / m;
    for (int i = 0; i < c; i++) {
      double apart = 0;
      for (int k = 0; k < m; k++) {
        apart += dynamics.readout[k] * (from[k * c + i] - to[k * c + i]);
      }
      for (int k = 0; k < m; k++) {
        double part = round(dynamics.mixing[k] * apart);
        from[k * c + i] -= part;
        to[k * c + i] += part;
      }
    }
  }

  /**
   * A gradient.
   *
   * @param values modified
   * @param descent [c], the gradient's negative
   */
  void step(double[] values, float[] descent) {
    int m = dynamics.variables;
    int c = descent.length;
    for (int i = 0; i < c; i++) {
      double residual = -descent[i];
      for (int k = 0; k < m; k++) {
        residual += dynamics.residual[k] * values[k * c + i];
      }
      for (int k = 0; k < m; k++) {
        values[k * c + i] -= round(dynamics.step[k] * residual);
      }
    }
  }
}
