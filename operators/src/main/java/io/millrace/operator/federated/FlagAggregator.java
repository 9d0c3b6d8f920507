package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import io.millrace.operator.kvcache.SymmetricEigen;
import java.util.Arrays;

/**
 * Flag aggregator (Almansoori, Zhao, Wang, Awan, Fan, Yang, Flag aggregator: scalable distributed
 * training under failures and augmented losses, 2023, arXiv 2302.05865): the mean of the unit
 * updates z_i within the subspace Y of few dimensions that they agree on most. Y is found by
 * reweighted passes, a_i = (1 - |Y'z_i|^2)^(-1/4), Y the leading left singular vectors of [a_i
 * z_i], all in terms of inner products. Without the paper's optional columns of pairwise
 * differences.
 *
 * <p>Unit updates have lost the size of the step: the aggregate is scaled by the median length of
 * the updates. O(n^3) a pass.
 *
 * @param dimensions of the subspace, at least 1; the paper's runs have about (n + 1) / 2
 * @param passes 1 to 100
 */
record FlagAggregator(int dimensions, int passes) implements GramRule {
  /** Of 1 - |Y'z|^2, which rounding may put below zero for an update inside the subspace. */
  private static final double SMALLEST_RESIDUAL = 1e-12;

  /** Of an eigenvalue against the first: directions below are rounding. */
  private static final double SMALLEST_EIGENVALUE = 1e-12;

  FlagAggregator {
    SettingCheck.range("subspace dimensions", dimensions, 1, 1 << 12);
    SettingCheck.range("passes", passes, 1, 100);
  }

  @Override
  public double[] weights(Gram gram) {
    int clients = gram.size();
    double[] norms = gram.squaredNorms();
    Arrays.setAll(norms, i -> Math.sqrt(norms[i]));
    double[] cosines = new double[clients * clients];
    for (int i = 0; i < clients; i++) {
      for (int j = 0; j < clients; j++) {
        double product = norms[i] * norms[j];
        cosines[i * clients + j] = product > 0 ? gram.product(i, j) / product : 0;
      }
    }
    double[] importance = new double[clients];
    Arrays.fill(importance, 1);
    double[][] basis = basis(cosines, importance, clients);
    for (int pass = 1; pass < passes; pass++) {
      reweight(basis, cosines, importance);
      basis = basis(cosines, importance, clients);
    }
    return projectedMean(basis, cosines, norms);
  }

  /** Orthonormal directions of the subspace, each as weights of the unit updates. */
  private double[][] basis(double[] cosines, double[] importance, int clients) {
    double[] weighted = new double[clients * clients];
    for (int i = 0; i < clients; i++) {
      for (int j = 0; j < clients; j++) {
        weighted[i * clients + j] = importance[i] * cosines[i * clients + j] * importance[j];
      }
    }
    SymmetricEigen.Decomposition eigen = SymmetricEigen.of(weighted, clients);
    double[][] basis = new double[Math.min(dimensions, clients)][];
    int kept = 0;
    while (kept < basis.length && eigen.values()[kept] > SMALLEST_EIGENVALUE * eigen.values()[0]) {
      double[] direction = eigen.vectors()[kept];
      double singular = Math.sqrt(eigen.values()[kept]);
      for (int i = 0; i < clients; i++) {
        direction[i] *= importance[i] / singular;
      }
      basis[kept++] = direction;
    }
    return Arrays.copyOf(basis, kept);
  }

  private static void reweight(double[][] basis, double[] cosines, double[] importance) {
    int clients = importance.length;
    double[] residual = new double[clients];
    Arrays.fill(residual, 1);
    for (double[] direction : basis) {
      for (int i = 0; i < clients; i++) {
        double along = along(direction, cosines, i);
        residual[i] -= along * along;
      }
    }
    for (int i = 0; i < clients; i++) {
      importance[i] = 1 / Math.sqrt(Math.sqrt(Math.max(SMALLEST_RESIDUAL, residual[i])));
    }
  }

  /** Weights of the updates in (1/n) Y Y' sum of z, times the median length. */
  private static double[] projectedMean(double[][] basis, double[] cosines, double[] norms) {
    int clients = norms.length;
    double[] weights = new double[clients];
    for (double[] direction : basis) {
      double sum = 0;
      for (int i = 0; i < clients; i++) {
        sum += along(direction, cosines, i);
      }
      for (int i = 0; i < clients; i++) {
        weights[i] += direction[i] * sum / clients;
      }
    }
    double[] sorted = norms.clone();
    Arrays.sort(sorted);
    double median = (sorted[(clients - 1) / 2] + sorted[clients / 2]) / 2;
    for (int i = 0; i < clients; i++) {
      weights[i] = norms[i] > 0 ? weights[i] * median / norms[i] : 0;
    }
    return weights;
  }

  /** Y'z of one direction and one unit update. */
  private static double along(double[] direction, double[] cosines, int client) {
    double sum = 0;
    for (int j = 0; j < direction.length; j++) {
      sum += direction[j] * cosines[client * direction.length + j];
    }
    return sum;
  }
}
