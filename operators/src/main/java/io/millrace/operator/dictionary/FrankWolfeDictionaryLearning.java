package io.millrace.operator.dictionary;

import io.millrace.kernel.GemmScratch;
import io.millrace.kernel.Kernels;
import java.util.Arrays;
import java.util.OptionalDouble;

/**
 * Online orthogonal dictionary learning by Frank-Wolfe: Xue and Lau, "Online Orthogonal Dictionary
 * Learning Based on Frank-Wolfe Method", IEEE TNNLS (arXiv 2103.01484), with the l3 objective of
 * Shen, Xue et al., "Complete Dictionary Learning via lp-norm Maximization", 2020.
 *
 * <p>Maximises the mean of |D'y|_3^3 over orthogonal D, k = d: exact for records y = T x with
 * sparse independent x and orthogonal T. Round t, atoms as rows, that is with D' as stored:
 *
 * <pre>
 * g = (1/n) sum over records of w y',   w = c |c|, c = D'y
 * G &lt;- (1 - rho) G + rho g                 rho = min(1, a t^-1/2)
 * S = polar(G)                             the linear step over the spectral ball
 * D &lt;- polar((1 - gamma) D + gamma S)      gamma = min(1, b t^-3/4)
 * </pre>
 *
 * <p>What differs from the paper: D goes back to the orthogonal matrices after every step, where
 * the paper does so for the output only. The error was the same on planted data, and the published
 * dictionary is then the whole iterate: workers who know only that can sum gradients. Constants (a,
 * b) = (1, 1) end most exactly, (4, 2) learn faster in the first few hundred rounds. Records are
 * scaled down to twice the running median norm, without which two wild records in a hundred destroy
 * the result.
 *
 * <p>State: {@link LearnerState} without A, with G. Cost per record 4 k d flops, per round about
 * 100 d^3. Allocates only the next dictionary. One thread.
 */
public final class FrankWolfeDictionaryLearning implements DictionaryLearner {
  /** Catalogue name. */
  public static final String NAME = "fw-odl";

  private static final int PANEL = 64;

  /**
   * Share of D mixed into G before the linear step. Early gradients have low rank; where they say
   * nothing, S should agree with D instead of with rounding.
   */
  private static final double TIE_BREAK = 1e-3;

  private static final float USAGE_KEPT = 0.9f;

  private final Settings settings;
  private final PolarFactor polar = new PolarFactor();
  private final GemmScratch gemmScratch = new GemmScratch();
  private float[] panel = new float[0];
  private float[] weights = new float[0];
  private float[] weightsTransposed = new float[0];

  /**
   * @param gradientStep a, above 0
   * @param directionStep b, above 0
   * @param clip largest norm of a record in running median norms, above 0; infinity for none
   */
  public record Settings(double gradientStep, double directionStep, float clip) {
    public static final Settings DEFAULT = new Settings(4, 2, 2);

    public Settings {
      if (!(gradientStep > 0) || !(directionStep > 0)) {
        throw new IllegalArgumentException(
            "steps are " + gradientStep + " and " + directionStep + ", expected above 0");
      }
      if (!(clip > 0)) {
        throw new IllegalArgumentException("clip is " + clip + ", expected above 0");
      }
    }
  }

  public FrankWolfeDictionaryLearning(Settings settings) {
    this.settings = settings;
  }

  @Override
  public String name() {
    return NAME;
  }

  /**
   * {@inheritDoc} The start is the polar factor of {@code initialAtoms}, which must be square and
   * not singular.
   */
  @Override
  public LearnerState createState(float[] initialAtoms, int atoms, int dimension) {
    if (atoms != dimension || initialAtoms.length != (long) atoms * dimension) {
      throw new IllegalArgumentException(
          "orthogonal dictionary has "
              + atoms
              + " atoms of dimension "
              + dimension
              + " in "
              + initialAtoms.length
              + " entries, expected as many atoms as dimensions");
    }
    float[] orthogonal = initialAtoms.clone();
    if (!polar.apply(orthogonal, dimension)) {
      throw new IllegalArgumentException("initial atoms are singular or not finite");
    }
    return new LearnerState(
        createStatistics(atoms, dimension),
        Dictionary.normalized(orthogonal, atoms, dimension),
        new float[atoms * dimension]);
  }

  @Override
  public SufficientStatistics createStatistics(int atoms, int dimension) {
    return new SufficientStatistics(atoms, dimension, false);
  }

  /** {@inheritDoc} The codes count for usage and residual only. */
  @Override
  public void accumulate(
      SufficientStatistics statistics,
      Dictionary dictionary,
      float[] records,
      int from,
      int count,
      SparseCodes codes) {
    statistics.requireBatch(dictionary, records, from, count, codes);
    float[] usage = statistics.usage();
    int[] entryAtoms = codes.atoms();
    for (int e = codes.start(0); e < codes.start(count); e++) {
      usage[entryAtoms[e]]++;
    }
    int k = dictionary.atomCount();
    int d = dictionary.dimension();
    if (panel.length != PANEL * d || weights.length != PANEL * k) {
      panel = new float[PANEL * d];
      weights = new float[PANEL * k];
      weightsTransposed = new float[PANEL * k];
    }
    for (int first = 0; first < count; first += PANEL) {
      int rows = Math.min(PANEL, count - first);
      System.arraycopy(records, from + first * d, panel, 0, rows * d);
      for (int i = 0; i < rows; i++) {
        float scale =
            statistics.count(records, from + (first + i) * d, codes, first + i, settings.clip());
        if (scale != 1) {
          Kernels.scale(scale, panel, i * d, d);
        }
      }
      Kernels.gemm(panel, 0, dictionary.columns(), 0, weights, 0, rows, k, d, gemmScratch);
      for (int i = 0; i < rows * k; i++) {
        weights[i] *= Math.abs(weights[i]);
      }
      Kernels.transpose(weights, 0, weightsTransposed, 0, rows, k);
      Kernels.gemmAdd(
          weightsTransposed, 0, panel, 0, statistics.recordProducts(), 0, k, d, rows, gemmScratch);
    }
  }

  @Override
  public RoundResult endRound(LearnerState state) {
    SufficientStatistics statistics = state.statistics();
    long windows = statistics.windows();
    double relativeError = statistics.relativeError();
    Dictionary next = state.dictionary();
    double age = state.age();
    double gap = 0;
    if (windows > 0) {
      age++;
      int n = next.dimension();
      average(state.gradient(), statistics.recordProducts(), windows, age);
      float[] direction = direction(state.gradient(), next);
      double reached = inner(direction, state.gradient());
      if (reached > 0) {
        gap = (reached - inner(next.atoms(), state.gradient())) / reached;
      }
      float step = (float) Math.min(1, settings.directionStep() / Math.sqrt(age * Math.sqrt(age)));
      Kernels.scale(step, direction, 0, n * n);
      Kernels.axpy(1 - step, next.atoms(), 0, direction, 0, n * n);
      // A sum without polar factor, as of D and S = -D, keeps D for this round.
      if (polar.apply(direction, n)) {
        next = Dictionary.normalized(direction, n, n);
      }
      Arrays.fill(statistics.recordProducts(), 0);
      statistics.decayUsage(USAGE_KEPT);
    }
    statistics.startRound();
    state.endRound(next, windows, age);
    return new RoundResult(windows, relativeError, 0, OptionalDouble.of(gap));
  }

  /** Restarts the schedule: the next round's gradient replaces the averaged one. */
  @Override
  public void forget(LearnerState state) {
    state.rejuvenate(0);
  }

  private void average(float[] gradient, float[] sum, long windows, double age) {
    double rate = Math.min(1, settings.gradientStep() / Math.sqrt(age));
    Kernels.scale((float) (1 - rate), gradient, 0, gradient.length);
    Kernels.axpy((float) (rate / windows), sum, 0, gradient, 0, gradient.length);
  }

  private float[] direction(float[] gradient, Dictionary dictionary) {
    int n = dictionary.dimension();
    float[] direction = gradient.clone();
    float share = (float) (TIE_BREAK * Math.sqrt(inner(gradient, gradient) / n));
    Kernels.axpy(share, dictionary.atoms(), 0, direction, 0, n * n);
    // Short of orthogonal, S is still in the ball: a lesser step.
    polar.applyFromFar(direction, n);
    return direction;
  }

  private static double inner(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }
}
