package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Accounting by the distribution of the privacy loss (Gopi, Lee, Wutschitz, Numerical composition
 * of differential privacy, 2021, arXiv 2106.02848): the loss of one release is laid on a grid,
 * keeping its mean, and composed by Fourier transform. An estimate, not a bound: within 1e-3 of
 * closed forms and of published figures. A budget that must hold is kept by {@link
 * RenyiAccountant}, a bound some percent above, which also sets the extent of the grid, or by
 * {@link ParticipationLedger}.
 *
 * <p>About a second a question, 2^18 cells; 20 MB while it runs. For planning and for the running
 * total of versions, not for every update. One thread.
 */
final class PrivacyLossAccountant {
  private static final int CELLS = 1 << 18;
  private static final int HALF = CELLS / 2;

  /** What lies beyond the grid is below delta over this. */
  private static final double NEGLIGIBLE = 1e-4;

  private static final int BISECTIONS = 60;

  private final Map<GaussianMechanism, Long> releases = new LinkedHashMap<>();
  private final RenyiAccountant renyi = new RenyiAccountant();

  /**
   * Adds releases.
   *
   * @param count 0 or more
   */
  void add(GaussianMechanism mechanism, long count) {
    renyi.add(mechanism, count);
    if (count > 0) {
      releases.merge(mechanism, count, Math::addExact);
    }
  }

  /**
   * Epsilon, whether a client was added or removed.
   *
   * @param delta above 0, below 1
   * @throws IllegalStateException when the loss is too large to be laid on a grid, epsilon above
   *     700
   */
  double epsilon(double delta) {
    SettingCheck.range("delta", delta, 1e-12, Math.nextDown(1.0));
    if (releases.isEmpty()) {
      return 0;
    }
    double extent = 2 * renyi.epsilon(delta * NEGLIGIBLE) + 2;
    if (!(extent < 1400)) {
      throw new IllegalStateException("epsilon is beyond " + extent / 2);
    }
    double cell = 2 * extent / CELLS;
    return Math.max(epsilon(delta, cell, true), epsilon(delta, cell, false));
  }

  private double epsilon(double delta, double cell, boolean removed) {
    ComplexSpectrum composed = null;
    double shift = 0;
    for (Map.Entry<GaussianMechanism, Long> entry : releases.entrySet()) {
      PrivacyLoss loss = new PrivacyLoss(entry.getKey(), removed);
      double[] masses = new double[CELLS];
      shift += entry.getValue() * discretise(loss, cell, masses);
      ComplexSpectrum spectrum = ComplexSpectrum.of(masses);
      spectrum.power(entry.getValue());
      if (composed == null) {
        composed = spectrum;
      } else {
        composed.multiply(spectrum);
      }
    }
    return epsilon(composed.real(), cell, shift, delta);
  }

  /**
   * Lays the loss on cells around multiples of {@code cell}, those below 0 in the upper half.
   *
   * @return how far the cells have to move for the mean to be that of the loss
   */
  private static double discretise(PrivacyLoss loss, double cell, double[] masses) {
    double before = loss.below((-HALF - 0.5) * cell);
    double start = before;
    double mean = 0;
    double exact = 0;
    for (int i = -HALF; i < HALF; i++) {
      double left = (i - 0.5) * cell;
      double right = (i + 0.5) * cell;
      double after = loss.below(right);
      masses[i & CELLS - 1] = after - before;
      if (after > before) {
        // Mean within the cell: its right end less the mean of the distribution function, Simpson.
        double between = (before + 4 * loss.below(i * cell) + after) / 6;
        exact += right * after - left * before - between * cell;
        mean += i * cell * (after - before);
      }
      before = after;
    }
    double total = before - start;
    for (int i = 0; i < CELLS; i++) {
      masses[i] /= total;
    }
    return (exact - mean) / total;
  }

  /**
   * Bisection on delta(epsilon) = sum over losses l above epsilon of mass (1 - e^(epsilon - l)).
   */
  private static double epsilon(double[] masses, double cell, double shift, double delta) {
    double[] above = new double[CELLS + 1];
    double[] discounted = new double[CELLS + 1];
    for (int i = HALF - 1; i >= -HALF; i--) {
      double mass = Math.max(0, masses[i & CELLS - 1]);
      int cellIndex = i + HALF;
      above[cellIndex] = above[cellIndex + 1] + mass;
      discounted[cellIndex] =
          discounted[cellIndex + 1] + mass * StrictMath.exp(-(i * cell + shift));
    }
    double low = 0;
    double high = HALF * cell;
    for (int step = 0; step < BISECTIONS; step++) {
      double epsilon = (low + high) / 2;
      double first = Math.floor((epsilon - shift) / cell) + 1 + HALF;
      int from = (int) Math.max(0, Math.min(CELLS, first));
      double got = above[from] - StrictMath.exp(epsilon) * discounted[from];
      if (got > delta) {
        low = epsilon;
      } else {
        high = epsilon;
      }
    }
    return high;
  }

  /** A vector of complex numbers under the fast Fourier transform; its length a power of two. */
  private static final class ComplexSpectrum {
    private final double[] real;
    private final double[] imaginary;

    private ComplexSpectrum(double[] real, double[] imaginary) {
      this.real = real;
      this.imaginary = imaginary;
    }

    static ComplexSpectrum of(double[] values) {
      ComplexSpectrum spectrum = new ComplexSpectrum(values.clone(), new double[values.length]);
      spectrum.transform(-1);
      return spectrum;
    }

    /** Real parts of the inverse transform. The spectrum is used up. */
    double[] real() {
      transform(1);
      double[] values = real;
      Arrays.setAll(values, i -> values[i] / values.length);
      return values;
    }

    void multiply(ComplexSpectrum other) {
      for (int i = 0; i < real.length; i++) {
        double re = real[i] * other.real[i] - imaginary[i] * other.imaginary[i];
        imaginary[i] = real[i] * other.imaginary[i] + imaginary[i] * other.real[i];
        real[i] = re;
      }
    }

    /** Every number to a power of 1 or more, by squaring. */
    void power(long exponent) {
      for (int i = 0; i < real.length; i++) {
        double re = 1;
        double im = 0;
        double squareRe = real[i];
        double squareIm = imaginary[i];
        for (long rest = exponent; rest > 0; rest >>= 1) {
          if ((rest & 1) == 1) {
            double product = re * squareRe - im * squareIm;
            im = re * squareIm + im * squareRe;
            re = product;
          }
          double square = squareRe * squareRe - squareIm * squareIm;
          squareIm = 2 * squareRe * squareIm;
          squareRe = square;
        }
        real[i] = re;
        imaginary[i] = im;
      }
    }

    /** Cooley and Tukey, 1965, in place. */
    private void transform(int sign) {
      int n = real.length;
      int shift = Integer.numberOfLeadingZeros(n) + 1;
      for (int i = 0; i < n; i++) {
        int j = Integer.reverse(i) >>> shift;
        if (j > i) {
          swap(real, i, j);
          swap(imaginary, i, j);
        }
      }
      double[] cosines = new double[n / 2];
      double[] sines = new double[n / 2];
      for (int i = 0; i < n / 2; i++) {
        cosines[i] = StrictMath.cos(2 * Math.PI * i / n);
        sines[i] = sign * StrictMath.sin(2 * Math.PI * i / n);
      }
      for (int half = 1; half < n; half *= 2) {
        int stride = n / (2 * half);
        for (int start = 0; start < n; start += 2 * half) {
          for (int k = 0; k < half; k++) {
            butterfly(start + k, start + k + half, cosines[k * stride], sines[k * stride]);
          }
        }
      }
    }

    private void butterfly(int a, int b, double cosine, double sine) {
      double re = real[b] * cosine - imaginary[b] * sine;
      double im = real[b] * sine + imaginary[b] * cosine;
      real[b] = real[a] - re;
      imaginary[b] = imaginary[a] - im;
      real[a] += re;
      imaginary[a] += im;
    }

    private static void swap(double[] values, int i, int j) {
      double value = values[i];
      values[i] = values[j];
      values[j] = value;
    }
  }
}
