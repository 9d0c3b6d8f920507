package io.millrace.operator.kvcache;

import java.util.Arrays;

/**
 * A learned transform for the tokens of one (model, layer, keys or values) over all heads:
 * principal components, one quantisation step, and an entropy table for each component. Bits follow
 * from reverse water-filling: components whose variance is below the water level are left out, and
 * every other is rounded with the same step, so that each costs log2(deviation / step) bits and
 * some.
 *
 * <p>Means, components and step are halves or exact floats, as the wire has them. Immutable.
 *
 * <p>Sources: KL transform and reverse water-filling (Cover, Thomas, 2006, section 10.3); its use
 * on keys and values KVTC (Staniszewski, Lancucki, 2025, arXiv 2511.01815).
 */
final class TransformBasis {
  private final int channels;
  private final int components;
  private final float[] mean;

  /** [r x c], rows by falling variance. */
  private final float[] rows;

  private final float step;
  private final byte[] tables;

  private TransformBasis(int channels, float[] mean, float[] rows, float step, byte[] tables) {
    this.channels = channels;
    this.components = tables.length;
    this.mean = mean;
    this.rows = rows;
    this.step = step;
    this.tables = tables;
  }

  /**
   * Learns a basis.
   *
   * @param moments of at least two vectors
   * @param bitsPerValue rate of the water-filling, above 0, at most 12; entropy coding of rounded
   *     values adds about a quarter of a bit for each component kept
   */
  static TransformBasis learn(SecondMoments moments, double bitsPerValue) {
    int c = moments.channels();
    SymmetricEigen.Decomposition eigen = SymmetricEigen.of(moments.covariance(), c);
    double level = waterLevel(eigen.values(), bitsPerValue * c);
    int kept = 0;
    while (kept < c && eigen.values()[kept] > level) {
      kept++;
    }
    float step = (float) Math.sqrt(12 * level);
    float[] mean = new float[c];
    for (int i = 0; i < c; i++) {
      mean[i] = half(moments.mean(i));
    }
    float[] rows = new float[kept * c];
    byte[] tables = new byte[kept];
    for (int j = 0; j < kept; j++) {
      tables[j] = (byte) GaussianTable.nearest(Math.sqrt(eigen.values()[j]) / step);
      for (int i = 0; i < c; i++) {
        rows[j * c + i] = half(eigen.vectors()[j][i]);
      }
    }
    return new TransformBasis(c, mean, rows, step, tables);
  }

  /**
   * The level at which sum over j of max(0, log2(variance_j / level) / 2) is {@code bits}.
   *
   * @param variances by falling size
   */
  static double waterLevel(double[] variances, double bits) {
    double floor = Math.max(variances[0] * 1e-12, Double.MIN_NORMAL);
    double logarithms = 0;
    double level = floor;
    for (int kept = 1; kept <= variances.length; kept++) {
      if (variances[kept - 1] <= floor) {
        break;
      }
      logarithms += StrictMath.log(variances[kept - 1]);
      level = StrictMath.exp((logarithms - 2 * bits * StrictMath.log(2)) / kept);
      if (kept == variances.length || variances[kept] <= level) {
        break;
      }
    }
    return Math.max(level, floor);
  }

  /** c, channels of a token. */
  int channels() {
    return channels;
  }

  /** r, components that are coded. */
  int components() {
    return components;
  }

  float[] mean() {
    return mean;
  }

  /** [r x c]; not to be modified. */
  float[] rows() {
    return rows;
  }

  float step() {
    return step;
  }

  GaussianTable table(int component) {
    return GaussianTable.of(tables[component]);
  }

  /** Bytes of the basis on the wire. */
  long bytes() {
    return 2L * mean.length + 2L * rows.length + Float.BYTES + tables.length;
  }

  @Override
  public String toString() {
    return "TransformBasis["
        + components
        + " of "
        + channels
        + ", tables "
        + Arrays.toString(tables)
        + "]";
  }

  private static float half(double value) {
    return Float16.decode(Float16.encode((float) value));
  }
}
