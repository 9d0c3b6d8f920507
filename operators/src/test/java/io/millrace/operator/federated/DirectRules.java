package io.millrace.operator.federated;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;

/** The robust rules as their papers write them: on whole vectors. */
final class DirectRules {
  private DirectRules() {}

  static double[] krum(float[][] x, int faulty, int chosen) {
    double[] scores = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      int self = i;
      scores[i] =
          IntStream.range(0, x.length)
              .filter(j -> j != self)
              .mapToDouble(j -> squared(x[self], x[j]))
              .sorted()
              .limit(x.length - faulty - 2)
              .sum();
    }
    int[] best =
        IntStream.range(0, x.length)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> scores[i]))
            .limit(chosen)
            .mapToInt(i -> i)
            .toArray();
    double[] mean = new double[x[0].length];
    for (int row : best) {
      for (int i = 0; i < mean.length; i++) {
        mean[i] += x[row][i] / (double) chosen;
      }
    }
    return mean;
  }

  /** The last row is the start. */
  static double[] geometricMedian(float[][] x, int passes, double floor) {
    int clients = x.length - 1;
    double[] z = doubles(x[clients]);
    for (int pass = 0; pass < passes; pass++) {
      double[] next = new double[z.length];
      double total = 0;
      for (int client = 0; client < clients; client++) {
        double weight = 1 / Math.max(floor, distance(x[client], z));
        total += weight;
        for (int i = 0; i < z.length; i++) {
          next[i] += weight * x[client][i];
        }
      }
      for (int i = 0; i < z.length; i++) {
        z[i] = next[i] / total;
      }
    }
    return z;
  }

  /** The last row is the start. */
  static double[] centeredClipping(float[][] x, double radius, int passes) {
    int clients = x.length - 1;
    double[] v = doubles(x[clients]);
    for (int pass = 0; pass < passes; pass++) {
      double[] step = new double[v.length];
      for (int client = 0; client < clients; client++) {
        double factor = Math.min(1, radius / distance(x[client], v)) / clients;
        for (int i = 0; i < v.length; i++) {
          step[i] += factor * (x[client][i] - v[i]);
        }
      }
      for (int i = 0; i < v.length; i++) {
        v[i] += step[i];
      }
    }
    return v;
  }

  static float[][] nearestNeighbourMixing(float[][] x, int faulty) {
    float[][] mixed = new float[x.length][x[0].length];
    for (int i = 0; i < x.length; i++) {
      int self = i;
      int[] nearest =
          IntStream.range(0, x.length)
              .boxed()
              .sorted(Comparator.comparingDouble(j -> j == self ? -1 : squared(x[self], x[j])))
              .limit(x.length - faulty)
              .mapToInt(j -> j)
              .sorted()
              .toArray();
      for (int c = 0; c < x[0].length; c++) {
        double sum = 0;
        for (int row : nearest) {
          sum += x[row][c];
        }
        mixed[i][c] = (float) (sum / nearest.length);
      }
    }
    return mixed;
  }

  /** By the singular value decomposition of the matrix of weighted unit updates. */
  static double[] flag(float[][] x, int dimensions, int passes) {
    int clients = x.length;
    int length = x[0].length;
    double[] norms = new double[clients];
    double[] weights = new double[clients];
    Arrays.fill(weights, 1);
    for (int client = 0; client < clients; client++) {
      norms[client] = distance(x[client], new double[length]);
    }
    DMatrixRMaj y = null;
    for (int pass = 0; pass < passes; pass++) {
      DMatrixRMaj z = new DMatrixRMaj(length, clients);
      for (int client = 0; client < clients; client++) {
        double inside = 0;
        for (int k = 0; y != null && k < dimensions; k++) {
          double along = along(y, k, x[client]) / norms[client];
          inside += along * along;
        }
        weights[client] = Math.pow(1 - inside, -0.25);
        for (int i = 0; i < length; i++) {
          z.set(i, client, weights[client] * x[client][i] / norms[client]);
        }
      }
      SingularValueDecomposition_F64<DMatrixRMaj> svd =
          DecompositionFactory_DDRM.svd(length, clients, true, false, true);
      svd.decompose(z);
      y = ordered(svd, dimensions);
    }
    double[] sorted = norms.clone();
    Arrays.sort(sorted);
    double median = (sorted[(clients - 1) / 2] + sorted[clients / 2]) / 2;
    double[] out = new double[length];
    for (int k = 0; k < dimensions; k++) {
      double sum = 0;
      for (int client = 0; client < clients; client++) {
        sum += along(y, k, x[client]) / norms[client];
      }
      for (int i = 0; i < length; i++) {
        out[i] += y.get(i, k) * sum / clients * median;
      }
    }
    return out;
  }

  private static DMatrixRMaj ordered(
      SingularValueDecomposition_F64<DMatrixRMaj> svd, int dimensions) {
    DMatrixRMaj u = svd.getU(null, false);
    double[] values = svd.getSingularValues();
    int[] order =
        IntStream.range(0, svd.numberOfSingularValues())
            .boxed()
            .sorted(Comparator.comparingDouble(k -> -values[k]))
            .mapToInt(k -> k)
            .toArray();
    DMatrixRMaj leading = new DMatrixRMaj(u.getNumRows(), dimensions);
    for (int k = 0; k < dimensions; k++) {
      for (int i = 0; i < u.getNumRows(); i++) {
        leading.set(i, k, u.get(i, order[k]));
      }
    }
    return leading;
  }

  private static double along(DMatrixRMaj y, int column, float[] x) {
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += y.get(i, column) * x[i];
    }
    return sum;
  }

  static double[] trimmed(float[][] x, int faulty) {
    double[] out = new double[x[0].length];
    for (int i = 0; i < out.length; i++) {
      double[] column = column(x, i);
      out[i] = Arrays.stream(column, faulty, x.length - faulty).sum() / (x.length - 2 * faulty);
    }
    return out;
  }

  /** Mean of the n - f values nearest to the mean of the column trimmed by {@code trim}. */
  static double[] meanAround(float[][] x, int faulty, int trim) {
    double[] out = new double[x[0].length];
    double[] centres = trimmed(x, trim);
    for (int i = 0; i < out.length; i++) {
      double centre = centres[i];
      out[i] =
          Arrays.stream(column(x, i))
                  .boxed()
                  .sorted(Comparator.comparingDouble(value -> Math.abs(value - centre)))
                  .limit(x.length - faulty)
                  .mapToDouble(value -> value)
                  .sorted()
                  .sum()
              / (x.length - faulty);
    }
    return out;
  }

  static double distance(float[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return Math.sqrt(sum);
  }

  private static double squared(float[] a, float[] b) {
    double distance = distance(a, doubles(b));
    return distance * distance;
  }

  private static double[] column(float[][] x, int i) {
    return Arrays.stream(x).mapToDouble(row -> row[i]).sorted().toArray();
  }

  private static double[] doubles(float[] values) {
    return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
  }
}
