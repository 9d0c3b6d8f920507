package io.millrace.operator.federated;

import io.millrace.kernel.Kernels;
import io.millrace.operator.SettingCheck;

/**
 * Inner products of all pairs of updates, summed over chunks: all that Krum, the geometric median
 * and their like need to know of models of any size. Take it of deltas, never of models: what the
 * clients have in common would drown their differences.
 *
 * <p>Rows are the clients in the order of their ids; a rule may ask for one more, last row, its
 * reference (a previous aggregate, a coordinate median). 8 n^2 bytes; n^2 flops a coordinate.
 * Chunks are added in chunk order wherever the weights are not logged. One thread.
 */
final class Gram {
  private static final int MOST_ROWS = 4096;

  private final int size;
  private final double[] products;

  Gram(int size) {
    SettingCheck.range("rows of a Gram matrix", size, 1, MOST_ROWS);
    this.size = size;
    this.products = new double[size * size];
  }

  /**
   * A Gram matrix of its upper triangle.
   *
   * @param triangle row by row, [size (size + 1) / 2]
   */
  static Gram ofTriangle(int size, double[] triangle) {
    Gram gram = new Gram(size);
    int next = 0;
    for (int i = 0; i < size; i++) {
      for (int j = i; j < size; j++) {
        gram.products[i * size + j] = triangle[next];
        gram.products[j * size + i] = triangle[next++];
      }
    }
    return gram;
  }

  /** Rows, the reference among them. */
  int size() {
    return size;
  }

  /**
   * Adds a chunk.
   *
   * @param rows first {@link #size} used, each read from {@code from} on
   */
  void add(float[][] rows, int from, int length) {
    Kernels.gramAdd(rows, size, from, length, products);
  }

  /**
   * Adds the Gram matrix of other chunks.
   *
   * @throws IllegalArgumentException for another size
   */
  void add(Gram other) {
    if (other.size != size) {
      throw new IllegalArgumentException(
          "Gram matrix of " + other.size + " rows, expected " + size);
    }
    for (int i = 0; i < products.length; i++) {
      products[i] += other.products[i];
    }
  }

  /** Inner product of rows i and j. */
  double product(int i, int j) {
    return products[i * size + j];
  }

  /** Squared distance of rows i and j, 0 where rounding would make it negative. */
  double squaredDistance(int i, int j) {
    return Math.max(0, product(i, i) + product(j, j) - 2 * product(i, j));
  }

  /** Squared lengths of the rows. */
  double[] squaredNorms() {
    double[] norms = new double[size];
    for (int i = 0; i < size; i++) {
      norms[i] = product(i, i);
    }
    return norms;
  }

  /**
   * Squared distances of all rows from a weighted sum of them: G_ii - 2 (G w)_i + w'G w.
   *
   * @param weights [size]
   */
  double[] squaredDistances(double[] weights) {
    double[] distances = new double[size];
    double square = 0;
    for (int i = 0; i < size; i++) {
      double along = 0;
      for (int j = 0; j < size; j++) {
        along += product(i, j) * weights[j];
      }
      distances[i] = product(i, i) - 2 * along;
      square += weights[i] * along;
    }
    for (int i = 0; i < size; i++) {
      distances[i] = Math.max(0, distances[i] + square);
    }
    return distances;
  }

  /** The Gram matrix of some rows, in the given order. */
  Gram select(int[] rows) {
    Gram selected = new Gram(rows.length);
    for (int i = 0; i < rows.length; i++) {
      for (int j = 0; j < rows.length; j++) {
        selected.products[i * rows.length + j] = product(rows[i], rows[j]);
      }
    }
    return selected;
  }

  /** The Gram matrix of means of rows: M G M'. */
  Gram mixed(Mixing mixing) {
    Gram mixed = new Gram(mixing.size());
    double[] along = new double[size];
    for (int i = 0; i < mixing.size(); i++) {
      for (int j = 0; j < size; j++) {
        double sum = 0;
        for (int row : mixing.members(i)) {
          sum += product(row, j);
        }
        along[j] = sum / mixing.members(i).length;
      }
      for (int j = 0; j < mixing.size(); j++) {
        double sum = 0;
        for (int row : mixing.members(j)) {
          sum += along[row];
        }
        mixed.products[i * mixing.size() + j] = sum / mixing.members(j).length;
      }
    }
    return mixed;
  }
}
