package io.millrace.app.bench;

import io.millrace.kernel.GemmScratch;
import io.millrace.kernel.Kernels;
import io.millrace.operator.federated.Aggregation;
import io.millrace.operator.federated.Aggregations;
import java.util.Arrays;
import java.util.Random;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * Rounds of 64 clients with a million floats each, 256 MB: more than most caches hold. A record is
 * a float of a client.
 */
@State(Scope.Thread)
public class AggregationBenchmark {
  static final int CLIENTS = 64;
  static final int LENGTH = 1_000_000;
  static final int FAULTY = 12;
  private static final long SEED = 20180705;

  /** Set by JMH: a rule's name. */
  @Param("mean")
  public String rule;

  private static final int SIDE = 512;

  private final GemmScratch scratch = new GemmScratch();
  private final float[] square = new float[SIDE * SIDE];
  private float[] left;
  private float[] right;
  private float[][] updates;
  private float[] copy;
  private double[] gram;
  private double[] out;
  private Aggregation aggregation;

  /** Draws updates about a common one. */
  @Setup
  public void draw() {
    Random random = new Random(SEED);
    updates = new float[CLIENTS][LENGTH];
    for (int i = 0; i < LENGTH; i++) {
      float common = random.nextFloat() - 0.5f;
      for (float[] update : updates) {
        update[i] = common + (random.nextFloat() - 0.5f) * 0.1f;
      }
    }
    left = Arrays.copyOf(updates[0], SIDE * SIDE);
    right = Arrays.copyOf(updates[1], SIDE * SIDE);
    copy = new float[LENGTH];
    gram = new double[CLIENTS * CLIENTS];
    out = new double[LENGTH];
    aggregation = Aggregations.named(rule, CLIENTS, FAULTY);
  }

  /** The ceiling: the largest value of every update, which is hardly more than reading it. */
  @Benchmark
  public float read(CpuClock clock) {
    float largest = 0;
    for (float[] update : updates) {
      largest = Math.max(largest, Kernels.maxAbs(update, 0, LENGTH));
    }
    count(clock);
    return largest;
  }

  /** Every update moved to the same place. */
  @Benchmark
  public float[] copy(CpuClock clock) {
    for (float[] update : updates) {
      System.arraycopy(update, 0, copy, 0, LENGTH);
    }
    count(clock);
    return copy;
  }

  /** Inner products of all pairs of updates. */
  @Benchmark
  public double[] gram(CpuClock clock) {
    Arrays.fill(gram, 0);
    Kernels.gramAdd(updates, CLIENTS, 0, LENGTH, gram);
    count(clock);
    return gram;
  }

  /** The kernels' matrix product, 512 cubed, of floats. A record is a product. */
  @Benchmark
  public float[] product(CpuClock clock) {
    Kernels.gemm(left, 0, right, 0, square, 0, SIDE, SIDE, SIDE, scratch);
    clock.records += (long) SIDE * SIDE * SIDE;
    return square;
  }

  /** A round, from updates to their aggregate. */
  @Benchmark
  public double[] aggregate(CpuClock clock) {
    aggregation.combine(updates, out);
    count(clock);
    return out;
  }

  private static void count(CpuClock clock) {
    clock.records += (long) CLIENTS * LENGTH;
  }
}
