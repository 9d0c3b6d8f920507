package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** exp(x) = mantissa x 2^exponent, against StrictMath in double. */
class SplitExponentialTest {

  @Test
  void agreesWithTheLibraryToTheLastPlace() {
    Random random = new Random(1);
    float[] x = new float[100_000];
    for (int i = 0; i < x.length; i++) {
      x[i] = (random.nextFloat() - 0.5f) * (i % 2 == 0 ? 4 : 170);
    }
    float[] mantissas = new float[x.length];
    float[] exponents = new float[x.length];
    SplitExponential.split(x, 0, x.length, mantissas, exponents);
    double worst = 0;
    for (int i = 0; i < x.length; i++) {
      double expected = StrictMath.exp(x[i]);
      double got = Math.scalb((double) mantissas[i], (int) exponents[i]);
      worst = Math.max(worst, Math.abs(got / expected - 1));
      assertTrue(mantissas[i] > 0.70f && mantissas[i] < 1.43f, "mantissa of " + x[i]);
    }
    assertTrue(worst < 1.3e-7, "relative error " + worst);
  }

  @Test
  void holdsWhereDoublesOverflow() {
    // exp(x) of a large x by halves of it, in logarithms: ln(mantissa) + exponent ln 2 = x
    for (float x : new float[] {-65536f, -10_000.5f, -1000f, 1000f, 9_999.75f, 65536f}) {
      float[] mantissa = new float[1];
      float[] exponent = new float[1];
      int largest = SplitExponential.split(new float[] {x}, 0, 1, mantissa, exponent);
      assertEquals(largest, (int) exponent[0]);
      double logarithm = StrictMath.log(mantissa[0]) + exponent[0] * StrictMath.log(2);
      assertEquals(x, logarithm, 1.3e-7, "" + x);
    }
  }

  @Test
  void joinsInTheUnitOfTheLargestAndDropsWhatNoFloatHolds() {
    float[] mantissas = {1f, 1.25f, 0.75f, 1f};
    SplitExponential.join(mantissas, new float[] {10, 9, -115, -117}, 4, 10);
    assertEquals(1f, mantissas[0]);
    assertEquals(0.625f, mantissas[1]);
    assertEquals(0.75f * 0x1p-125f, mantissas[2]);
    assertEquals(0f, mantissas[3]);
  }
}
