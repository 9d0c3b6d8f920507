package io.millrace.operator.dictionary;

import io.millrace.kernel.GemmScratch;
import io.millrace.kernel.Kernels;
import java.util.OptionalDouble;

/**
 * Online dictionary learning from sufficient statistics, with forgetting: Mairal, Bach, Ponce and
 * Sapiro, "Online Learning for Matrix Factorization and Sparse Coding", JMLR 11, 2010.
 *
 * <pre>
 * per record x with code z:     A += z z'      B' += z x'
 * at the end of a round, for each atom j, {@code sweeps} times:
 *     d_j &lt;- unit(d_j + (b_j - D a_j) / A_jj)
 * then A, B' and usage *= beta
 * </pre>
 *
 * <p>What differs from the paper:
 *
 * <ul>
 *   <li>Forgetting counts records, not rounds, so rounds may differ in size: after a round of n
 *       records that brought the age to N, beta = (N / (N + n))^rho: with equal rounds the paper's
 *       (1 - 1/t)^rho. Once that remembers too much, beta keeps the mean atom's decayed uses at U,
 *       so that a sensor that changes slowly is followed for ever. U = 50 recovered more planted
 *       atoms than 100, 200 or no bound, at 20 and at 10 dB.
 *   <li>Atoms have norm exactly 1, as coders expect, not at most 1.
 *   <li>A and B start at zero. An atom without mass, A_jj at most 1e-6 of the mean, stays as it is:
 *       the limit of the usual start A = t I, B = t D for small t, but free of the signal's unit.
 *   <li>The sweep runs over blocks of {@value #BLOCK} atoms J: R_J = B'_J - A_J D as one matrix
 *       product, then inside the block each row is corrected by the changes before it. Same result
 *       up to rounding, at matrix speed.
 *   <li>An atom used by less than a twentieth of the mean, or a twin of another, becomes one of the
 *       round's worst explained records, once the mean atom has been used often enough for that to
 *       be no accident.
 *   <li>Optionally, records are scaled down to a multiple of the running median norm.
 * </ul>
 *
 * <p>State: {@link LearnerState} with A. Cost per record 2 s^2 + 2 s d flops, per round 2 d k^2 a
 * sweep + 2 d k^2 for the next Gram matrix. Allocates only the next dictionary. One thread.
 */
public final class OnlineDictionaryLearning implements DictionaryLearner {
  /** Catalogue name. */
  public static final String NAME = "odl";

  private static final int BLOCK = 32;

  private static final float WITHOUT_MASS = 1e-6f;

  /** Below this share of the mean usage an atom counts as unused. */
  private static final float UNUSED = 0.05f;

  /**
   * |cosine| of two atoms that do one atom's work. Planted dictionaries gain from 0.95 as much; the
   * shifted beats of a real cardiogram are 0.9 alike and all needed.
   */
  private static final float TWINS = 0.98f;

  /** Uses of the mean atom before any is replaced: e^-20 is the chance of none by accident. */
  private static final float SETTLED_USES = 20;

  private static final float KEPT_AFTER_DRIFT = 0.02f;

  private final Settings settings;
  private final GemmScratch gemmScratch = new GemmScratch();
  private float[] negatedCodeProducts = new float[0];
  private float[] residual = new float[0];
  private float[] updated = new float[0];
  private float[] moves = new float[0]; // [block x d], new atom minus old
  private final int[] movedAtoms = new int[BLOCK];
  private final float[] movedProducts = new float[BLOCK];
  private final boolean[] moved = new boolean[BLOCK];

  /**
   * @param forgettingExponent rho, at least 0; 4 learns fastest, 0 never forgets but for the memory
   * @param memoryUses U, uses of the mean atom that keep a weight; at least 20, infinity for no
   *     bound
   * @param sweeps over the atoms per round, 1 to 100
   * @param clip largest norm of a record in running median norms, above 0; infinity for none
   */
  public record Settings(double forgettingExponent, double memoryUses, int sweeps, float clip) {
    public static final Settings DEFAULT = new Settings(4, 50, 1, Float.POSITIVE_INFINITY);

    public Settings {
      if (!(forgettingExponent >= 0) || !Double.isFinite(forgettingExponent)) {
        throw new IllegalArgumentException(
            "forgetting exponent is " + forgettingExponent + ", expected at least 0");
      }
      if (!(memoryUses >= SETTLED_USES)) {
        throw new IllegalArgumentException(
            "memory is " + memoryUses + " uses, expected at least " + SETTLED_USES);
      }
      if (sweeps < 1 || sweeps > 100) {
        throw new IllegalArgumentException("sweeps are " + sweeps + ", expected 1 to 100");
      }
      if (!(clip > 0)) {
        throw new IllegalArgumentException("clip is " + clip + ", expected above 0");
      }
    }
  }

  public OnlineDictionaryLearning(Settings settings) {
    this.settings = settings;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public LearnerState createState(float[] initialAtoms, int atoms, int dimension) {
    Dictionary dictionary = Dictionary.normalized(initialAtoms, atoms, dimension);
    return new LearnerState(createStatistics(atoms, dimension), dictionary, new float[0]);
  }

  @Override
  public SufficientStatistics createStatistics(int atoms, int dimension) {
    return new SufficientStatistics(atoms, dimension, true);
  }

  @Override
  public void accumulate(
      SufficientStatistics statistics,
      Dictionary dictionary,
      float[] records,
      int from,
      int count,
      SparseCodes codes) {
    statistics.requireBatch(dictionary, records, from, count, codes);
    int k = dictionary.atomCount();
    int d = dictionary.dimension();
    float[] codeProducts = statistics.codeProducts();
    float[] recordProducts = statistics.recordProducts();
    float[] usage = statistics.usage();
    int[] entryAtoms = codes.atoms();
    float[] values = codes.values();
    for (int r = 0; r < count; r++) {
      int record = from + r * d;
      float scale = statistics.count(records, record, codes, r, settings.clip());
      float weight = scale * scale;
      int first = codes.start(r);
      int end = codes.start(r + 1);
      for (int e = first; e < end; e++) {
        int atom = entryAtoms[e];
        float value = weight * values[e];
        usage[atom]++;
        int row = atom * k;
        for (int f = first; f < end; f++) {
          int cell = row + entryAtoms[f];
          codeProducts[cell] = Math.fma(value, values[f], codeProducts[cell]);
        }
        Kernels.axpy(value, records, record, recordProducts, atom * d, d);
      }
    }
  }

  @Override
  public RoundResult endRound(LearnerState state) {
    SufficientStatistics statistics = state.statistics();
    long windows = statistics.windows();
    double relativeError = statistics.relativeError();
    Dictionary next = state.dictionary();
    int replaced = 0;
    double age = state.age() + windows;
    if (windows > 0) {
      int k = next.atomCount();
      int d = next.dimension();
      reserve(k, d);
      float[] atoms = next.atoms().clone();
      for (int sweep = 0; sweep < settings.sweeps(); sweep++) {
        sweep(statistics, atoms, k, d);
      }
      replaced = replaceUnneeded(statistics, next.gram(), atoms, d);
      next = Dictionary.owning(atoms, k, d, gemmScratch);
      statistics.decay((float) forgetting(age, windows, meanUses(statistics)));
    }
    statistics.startRound();
    state.endRound(next, windows, age);
    return new RoundResult(windows, relativeError, replaced, OptionalDouble.empty());
  }

  @Override
  public void forget(LearnerState state) {
    state.statistics().decay(KEPT_AFTER_DRIFT);
    state.rejuvenate(state.age() * KEPT_AFTER_DRIFT);
  }

  /** beta, as if the next round were as long as this one. StrictMath: it reaches the state. */
  private double forgetting(double age, long windows, double meanUses) {
    double paper = StrictMath.pow(age / (age + windows), settings.forgettingExponent());
    return meanUses > settings.memoryUses()
        ? Math.min(paper, settings.memoryUses() / meanUses)
        : paper;
  }

  private static double meanUses(SufficientStatistics statistics) {
    double sum = 0;
    for (float uses : statistics.usage()) {
      sum += uses;
    }
    return sum / statistics.atoms();
  }

  private void sweep(SufficientStatistics statistics, float[] atoms, int k, int d) {
    float[] codeProducts = statistics.codeProducts();
    double mass = 0;
    for (int j = 0; j < k; j++) {
      mass += codeProducts[j * k + j];
    }
    float withoutMass = (float) (WITHOUT_MASS * mass / k);
    for (int first = 0; first < k; first += BLOCK) {
      int count = Math.min(BLOCK, k - first);
      System.arraycopy(codeProducts, first * k, negatedCodeProducts, 0, count * k);
      Kernels.scale(-1f, negatedCodeProducts, 0, count * k);
      System.arraycopy(statistics.recordProducts(), first * d, residual, 0, count * d);
      Kernels.gemmAdd(negatedCodeProducts, 0, atoms, 0, residual, 0, count, d, k, gemmScratch);
      for (int i = 0; i < count; i++) {
        int row = (first + i) * k + first;
        float ownMass = codeProducts[row + i];
        moved[i] = ownMass > withoutMass;
        if (moved[i]) {
          correct(codeProducts, row, i, d);
          moved[i] = update(atoms, first + i, i, ownMass, d);
        }
      }
    }
  }

  /**
   * Subtracts from row i of the block's residual what the moves of the block's earlier atoms change
   * in it. Held back until the row is needed, the corrections of a row are one pass over it.
   *
   * @param codeRow where atom i's products with the block's atoms start
   */
  private void correct(float[] codeProducts, int codeRow, int i, int d) {
    int n = 0;
    for (int earlier = 0; earlier < i; earlier++) {
      float product = codeProducts[codeRow + earlier];
      if (moved[earlier] && product != 0) {
        movedAtoms[n] = earlier;
        movedProducts[n++] = product;
      }
    }
    Kernels.subtractRows(residual, i * d, movedProducts, movedAtoms, n, moves, d, residual, i * d);
  }

  /** Moves atom j, row i of its block, to its optimum given the others, and keeps the move. */
  private boolean update(float[] atoms, int j, int i, float ownMass, int d) {
    System.arraycopy(atoms, j * d, updated, 0, d);
    Kernels.axpy(1 / ownMass, residual, i * d, updated, 0, d);
    float square = Kernels.dot(updated, 0, updated, 0, d);
    // An atom whose optimum is nearly zero has no direction: rounding would choose one.
    if (!(square > 1e-12f) || square == Float.POSITIVE_INFINITY) {
      return false;
    }
    Kernels.scale((float) (1 / Math.sqrt(square)), updated, 0, d);
    System.arraycopy(updated, 0, moves, i * d, d);
    Kernels.axpy(-1f, atoms, j * d, moves, i * d, d);
    System.arraycopy(updated, 0, atoms, j * d, d);
    return true;
  }

  /**
   * Gives the round's worst records the places of atoms that are not needed: the lesser used of the
   * closest twins, then the least used ones. A new atom counts as used like the mean, so that it
   * has time to prove itself.
   *
   * @param gram of the round's dictionary: one round old, which is near enough to see twins
   */
  private static int replaceUnneeded(
      SufficientStatistics statistics, float[] gram, float[] atoms, int d) {
    float mean = (float) meanUses(statistics);
    if (mean < SETTLED_USES) {
      return 0;
    }
    int replaced = 0;
    for (int c = 0; c < statistics.candidates(); c++) {
      int unneeded = c == 0 ? twin(gram, statistics.usage()) : -1;
      if (unneeded < 0) {
        unneeded = unused(statistics, UNUSED * mean, statistics.candidateEnergy(c));
      }
      if (unneeded < 0) {
        break;
      }
      statistics.unitCandidate(c, atoms, unneeded * d);
      statistics.replaceAtom(unneeded, mean);
      replaced++;
    }
    return replaced;
  }

  /** The lesser used of the two closest atoms, if they are nearly the same; else -1. */
  private static int twin(float[] gram, float[] usage) {
    int k = usage.length;
    int lesser = -1;
    float closest = TWINS;
    for (int i = 1; i < k; i++) {
      int j = Kernels.argmaxAbs(gram, i * k, i);
      float cosine = Math.abs(gram[i * k + j]);
      if (cosine > closest) {
        closest = cosine;
        lesser = usage[i] < usage[j] ? i : j;
      }
    }
    return lesser;
  }

  /**
   * The least used atom, if it is used less than {@code uses} and has carried less energy than the
   * candidate would save: a rare atom may be a precious one. Else -1.
   */
  private static int unused(SufficientStatistics statistics, float uses, float residual) {
    float[] usage = statistics.usage();
    int least = 0;
    for (int j = 1; j < usage.length; j++) {
      least = usage[j] < usage[least] ? j : least;
    }
    float carried = statistics.codeProducts()[least * usage.length + least];
    return usage[least] < uses && carried < residual ? least : -1;
  }

  private void reserve(int k, int d) {
    if (negatedCodeProducts.length < BLOCK * k) {
      negatedCodeProducts = new float[BLOCK * k];
    }
    if (updated.length < d) {
      updated = new float[d];
      residual = new float[BLOCK * d];
      moves = new float[BLOCK * d];
    }
  }
}
