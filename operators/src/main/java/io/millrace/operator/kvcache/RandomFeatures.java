package io.millrace.operator.kvcache;

import io.millrace.kernel.GemmScratch;
import io.millrace.kernel.Kernels;

/**
 * Positive random features of the softmax kernel: exp(q'k) is the mean over m directions w of
 * exp(w'q - |q|^2 / 2) exp(w'k - |k|^2 / 2), so attention over any number of keys is a product with
 * sums of fixed size. Directions come in orthogonal blocks of d, with lengths of normal vectors.
 *
 * <p>Unbiased; a single feature's relative variance is exp(|q + k|^2) - 1, hence good for short
 * queries and keys and useless once |q + k|^2 passes the logarithm of m by some units.
 *
 * <p>Source: Performers (Choromanski et al., 2020, arXiv 2009.14794). Keys are multiplied by
 * d^(-1/4) and scaled queries by d^(1/4): with a softmax scale of d^(-1/2) both take the same
 * share.
 *
 * <p>m d floats. Making them costs m d^2 multiply-adds, so one object serves all heads of a shape.
 * Immutable: any number of threads.
 */
public final class RandomFeatures {
  /** Largest m and d. */
  public static final int LIMIT = 1 << 12;

  private final int features;
  private final int headDimension;
  private final long seed;
  private final float scale;

  /** [d x m], directions as columns. */
  private final float[] directions;

  /**
   * Directions of a seed.
   *
   * @param features m, 1 to {@link #LIMIT}
   * @param headDimension d, 1 to {@link #LIMIT}
   * @throws IllegalArgumentException if a value is out of range
   */
  public RandomFeatures(int features, int headDimension, long seed) {
    if (features < 1 || features > LIMIT || headDimension < 1 || headDimension > LIMIT) {
      throw new IllegalArgumentException(
          features + " features of heads of " + headDimension + ", expected 1 to " + LIMIT);
    }
    this.features = features;
    this.headDimension = headDimension;
    this.seed = seed;
    this.scale = (float) (1 / Math.sqrt(Math.sqrt(headDimension)));
    this.directions = new float[features * headDimension];
    for (int first = 0; first < features; first += headDimension) {
      block(first, Math.min(headDimension, features - first));
    }
  }

  /** m. */
  public int features() {
    return features;
  }

  /** d. */
  public int headDimension() {
    return headDimension;
  }

  /** Of the directions. */
  public long seed() {
    return seed;
  }

  /** Whether sums of these features and of others may be added. */
  boolean agreesWith(RandomFeatures other) {
    return features == other.features && headDimension == other.headDimension && seed == other.seed;
  }

  /** Logarithms of the features of keys; see {@link #logarithms}. */
  void ofKeys(float[] keys, int rows, float[] scaled, float[] out, GemmScratch scratch) {
    logarithms(keys, rows, scale, scaled, out, scratch);
  }

  /** Logarithms of the features of queries that have the softmax scale in them. */
  void ofQueries(float[] queries, int rows, float[] scaled, float[] out, GemmScratch scratch) {
    logarithms(queries, rows, 1 / scale, scaled, out, scratch);
  }

  /**
   * out[t][i] = w_i'x_t - |x_t|^2 / 2, cut off at {@link SplitExponential#LIMIT} in size, with x_t
   * = factor times row t.
   *
   * @param rows [rows x d], finite; not modified
   * @param scaled [rows x d], overwritten
   * @param out [rows x m], overwritten
   */
  private void logarithms(
      float[] vectors, int rows, float factor, float[] scaled, float[] out, GemmScratch scratch) {
    int d = headDimension;
    System.arraycopy(vectors, 0, scaled, 0, rows * d);
    Kernels.scale(factor, scaled, 0, rows * d);
    Kernels.gemm(scaled, 0, directions, 0, out, 0, rows, features, d, scratch);
    for (int row = 0; row < rows; row++) {
      float halfSquare = 0.5f * Kernels.dot(scaled, row * d, scaled, row * d, d);
      for (int i = row * features; i < (row + 1) * features; i++) {
        float logarithm = out[i] - halfSquare;
        // a vector so long that its square is no float has features that are nothing
        out[i] =
            logarithm > -SplitExponential.LIMIT
                ? Math.min(logarithm, SplitExponential.LIMIT)
                : -SplitExponential.LIMIT;
      }
    }
  }

  /** Orthonormal directions by Gram and Schmidt, twice, times the lengths that they had. */
  private void block(int first, int count) {
    int d = headDimension;
    double[][] rows = new double[count][d];
    for (int row = 0; row < count; row++) {
      for (int i = 0; i < d; i++) {
        rows[row][i] = NormalNumbers.at(seed, (long) (first + row) * d + i);
      }
      double length = Math.sqrt(product(rows[row], rows[row]));
      for (int pass = 0; pass < 2; pass++) {
        for (int before = 0; before < row; before++) {
          double along = product(rows[row], rows[before]);
          for (int i = 0; i < d; i++) {
            rows[row][i] -= along * rows[before][i];
          }
        }
      }
      double rest = Math.sqrt(product(rows[row], rows[row]));
      for (int i = 0; i < d; i++) {
        rows[row][i] /= rest;
        directions[i * features + first + row] = (float) (rows[row][i] * length);
      }
    }
  }

  private static double product(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}
