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
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    long bytes;
    do {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      for (int call = 0; call < CALLS; call++) {
        Kernels.gemm(a, 0, b, 0, c, 0, SIZE, SIZE, SIZE, scratch);
      }
      bytes = THREADS.getCurrentThreadAllocatedBytes() - before;
    } while (bytes > MAXIMUM_BYTES && System.nanoTime() < until);

    assertTrue(
        bytes <= MAXIMUM_BYTES,
        CALLS + " products allocated " + bytes + " bytes on " + Kernels.provider());
  }
}
