package io.millrace.kernel;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * Compiled kernels keep their vectors in registers. Whether they do depends on what else runs in
 * the process: on JDK 17 a single use of float vectors of another width had each sum of a product
 * boxed, at a fortieth of the rate. The twins' check at start runs all kernels, so that all are in
 * here.
 */
class KernelAllocationTest {
  private static final int SIZE = 64;
  private static final int CALLS = 50;

  /** Boxes took 81 MB. */
  private static final long MAXIMUM_BYTES = 1 << 20;

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @Test
  void productsAllocateNothingOnceTheyAreCompiled() {
    float[] a = new float[SIZE * SIZE];
    float[] b = new float[SIZE * SIZE];
    float[] c = new float[SIZE * SIZE];
    GemmScratch scratch = new GemmScratch();
    assertAllocatesNothing(
        "products", () -> Kernels.gemm(a, 0, b, 0, c, 0, SIZE, SIZE, SIZE, scratch));
  }

  @Test
  void ranksAllocateNothingOnceTheyAreCompiled() {
    float[][] rows = new float[SIZE][RankNetwork.COLUMNS];
    double[] out = new double[RankNetwork.COLUMNS];
    RankNetwork median = new RankNetwork(SIZE, SIZE / 2 - 1, 2);
    RankNetwork trimmed = new RankNetwork(SIZE, 5, SIZE - 10);
    assertAllocatesNothing(
        "ranks",
        () -> {
          Kernels.rankMean(median, rows, 0, RankNetwork.COLUMNS, out, 0);
          Kernels.rankMean(trimmed, rows, 0, RankNetwork.COLUMNS, out, 0);
        });
  }

  private static void assertAllocatesNothing(String what, Runnable kernel) {
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    long bytes;
    do {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      for (int call = 0; call < CALLS; call++) {
        kernel.run();
      }
      bytes = THREADS.getCurrentThreadAllocatedBytes() - before;
    } while (bytes > MAXIMUM_BYTES && System.nanoTime() < until);

    assertTrue(
        bytes <= MAXIMUM_BYTES,
        CALLS + " " + what + " allocated " + bytes + " bytes on " + Kernels.provider());
  }
}
