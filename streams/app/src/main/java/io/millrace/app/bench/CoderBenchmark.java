package io.millrace.app.bench;

import io.millrace.kernel.GemmScratch;
import io.millrace.kernel.Kernels;
import io.millrace.operator.dictionary.BatchOrthogonalMatchingPursuit;
import io.millrace.operator.dictionary.Dictionary;
import io.millrace.operator.dictionary.HardThreshold;
import io.millrace.operator.dictionary.LassoCoordinateDescent;
import io.millrace.operator.dictionary.SparseCoder;
import io.millrace.operator.dictionary.SparseCodes;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * Coders on planted records and the planted dictionary, and the product D'x that all begin with.
 */
@State(Scope.Thread)
public class CoderBenchmark {
  /** Records of one call of a coder. */
  private static final int BATCH = 256;

  /** Records of one product: as many as the coders correlate together. */
  private static final int PANEL = 64;

  // Enough that no branch predictor learns them by heart, few enough for the second-level cache at
  // A and B: the reader of a topic has just written them.
  private static final int POOL = 2048;

  private static final long SEED = 20100119;

  /** Set by JMH. */
  @Param("A")
  public Shape shape;

  private final SparseCodes codes = new SparseCodes();
  private final GemmScratch scratch = new GemmScratch();
  private Dictionary dictionary;
  private float[] records;
  private float[] correlations;
  private int next;
  private SparseCoder pursuit;
  private SparseCoder lasso;
  private SparseCoder threshold;

  /** Draws dictionary and records. */
  @Setup
  public void plant() {
    PlantedRecords planted = PlantedRecords.of(shape, SEED);
    dictionary = planted.dictionary();
    records = planted.next(POOL);
    correlations = new float[PANEL * shape.atoms()];
    pursuit =
        new BatchOrthogonalMatchingPursuit(
            BatchOrthogonalMatchingPursuit.Settings.atoms(shape.nonzeros()));
    lasso = new LassoCoordinateDescent(LassoCoordinateDescent.Settings.absolute(shape.lambda()));
    threshold = new HardThreshold(new HardThreshold.Settings(shape.nonzeros(), 0f, false));
  }

  /** Orthogonal matching pursuit in batches. */
  @Benchmark
  public int pursuit(CpuClock clock) {
    return code(pursuit, BATCH, clock);
  }

  /** Orthogonal matching pursuit, one record a call. */
  @Benchmark
  public int singlePursuit(CpuClock clock) {
    return code(pursuit, 1, clock);
  }

  /** Lasso in batches. */
  @Benchmark
  public int lasso(CpuClock clock) {
    return code(lasso, BATCH, clock);
  }

  /** The s largest correlations, in batches. */
  @Benchmark
  public int threshold(CpuClock clock) {
    return code(threshold, BATCH, clock);
  }

  /** D'x of a panel as one matrix product: the ceiling of coding in batches. */
  @Benchmark
  public float[] projection(CpuClock clock) {
    int from = advance(PANEL, clock);
    int k = shape.atoms();
    int d = shape.dimension();
    Kernels.gemm(records, from, dictionary.columns(), 0, correlations, 0, PANEL, k, d, scratch);
    return correlations;
  }

  /** D'x of one record: the ceiling of coding one by one. */
  @Benchmark
  public float[] singleProjection(CpuClock clock) {
    int from = advance(1, clock);
    int k = shape.atoms();
    int d = shape.dimension();
    Kernels.gemv(dictionary.columns(), 0, records, from, correlations, 0, d, k);
    return correlations;
  }

  private int code(SparseCoder coder, int count, CpuClock clock) {
    int from = advance(count, clock);
    codes.clear();
    coder.code(dictionary, records, from, count, codes);
    return codes.entryCount();
  }

  /** Entry at which the next records start. */
  private int advance(int count, CpuClock clock) {
    clock.records += count;
    int from = next * shape.dimension();
    next = (next + count) % POOL;
    return from;
  }
}
