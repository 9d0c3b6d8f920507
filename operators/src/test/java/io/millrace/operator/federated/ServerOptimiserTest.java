package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.function.IntFunction;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.junit.jupiter.api.Test;

/**
 * Optimisers on a quadratic without drift, against the closed-form minimum and written-out steps.
 */
class ServerOptimiserTest {
  private static final int LENGTH = Quadratics.LENGTH;
  private static final AdaptiveSettings SETTINGS = AdaptiveSettings.PUBLISHED;

  private final Quadratics clients = new Quadratics(3);

  /** Bounds: what another implementation reached in 4000 steps. */
  @Test
  void everyOptimiserComesAsNearAsMeasured() {
    assertReaches(1e-14, new ServerMomentum(LENGTH, 0.9), 0.02, false);
    // Faster than 0.0038 and the last steps, of rate / floor, overshoot at the steepest curvature.
    assertReaches(1e-14, new ServerAdam(LENGTH, SETTINGS), 0.003, false);
    assertReaches(1e-13, new ServerYogi(LENGTH, SETTINGS), 0.01, false);
    assertReaches(9e-7, new ServerAdagrad(LENGTH, SETTINGS), 0.1, false);
    assertReaches(3e-5, new ServerDiffGrad(LENGTH, SETTINGS), 0.01, false);
    assertReaches(1e-3, new ServerLion(LENGTH, 0.9, 0.99, 0), 0.01, true);
  }

  @Test
  void lionWithDecayStaysInItsBox() {
    double[] minimum = clients.minimum();
    double outside = Arrays.stream(minimum).map(Math::abs).max().orElseThrow();
    assertTrue(outside > 0.6, "the minimum must lie outside of the box, it reaches to " + outside);
    double[] model = run(new ServerLion(LENGTH, 0.9, 0.99, 2), 0.1, true);
    double reached = Arrays.stream(model).map(Math::abs).max().orElseThrow();
    assertEquals(0.5, reached, 1e-4);
  }

  @Test
  void firstStepsAreThoseOfTheFormulas() {
    double[] first = {0.5, -2};
    double[] second = {1, 0.25};
    double t = 1e-3;
    double m1 = 0.1 * -2;
    double m2 = 0.9 * m1 + 0.1 * 0.25;
    double v1 = t * t + 4;
    double v2 = v1 + 0.0625;
    double[] adagrad = two(length -> new ServerAdagrad(length, SETTINGS), first, second);
    assertEquals(m1 / (Math.sqrt(v1) + t) + m2 / (Math.sqrt(v2) + t), adagrad[1], 1e-12);
    v1 = 0.99 * t * t + 0.04;
    v2 = 0.99 * v1 + 0.01 * 0.0625;
    double[] adam = two(length -> new ServerAdam(length, SETTINGS), first, second);
    assertEquals(m1 / (Math.sqrt(v1) + t) + m2 / (Math.sqrt(v2) + t), adam[1], 1e-12);
    v1 = t * t + 0.04;
    v2 = v1 + 0.01 * 0.0625; // v1 is still below D^2
    double[] yogi = two(length -> new ServerYogi(length, SETTINGS), first, second);
    assertEquals(m1 / (Math.sqrt(v1) + t) + m2 / (Math.sqrt(v2) + t), yogi[1], 1e-12);
    double xi1 = 1 / (1 + Math.exp(-2.0));
    double xi2 = 1 / (1 + Math.exp(-2.25));
    double c2 = Math.sqrt((0.99 * 0.04 + 0.01 * 0.0625) / (1 - 0.99 * 0.99)) + t;
    double[] diff = two(length -> new ServerDiffGrad(length, SETTINGS), first, second);
    assertEquals(xi1 * -2 / (2 + t) + xi2 * m2 / (1 - 0.81) / c2, diff[1], 1e-12);
    double[] lion = two(length -> new ServerLion(length, 0.9, 0.99, 0.1), first, second);
    // m = -0.02 after one step: 0.9 m + 0.1 D is above 0 in the second, x was -1.
    assertEquals(-1 + (1 - 0.1 * -1), lion[1], 1e-12);
    double[] momentum = two(length -> new ServerMomentum(length, 0.9), first, second);
    assertEquals(-2 + (0.9 * -2 + 0.25), momentum[1], 1e-12);
  }

  @Test
  void chunksGiveTheBitsOfTheWhole() {
    for (IntFunction<ServerOptimiser> optimiser :
        Arrays.<IntFunction<ServerOptimiser>>asList(
            length -> new ServerMomentum(length, 0.9),
            length -> new ServerAdam(length, SETTINGS),
            length -> new ServerYogi(length, SETTINGS),
            length -> new ServerAdagrad(length, SETTINGS),
            length -> new ServerDiffGrad(length, SETTINGS),
            length -> new ServerLion(length, 0.9, 0.99, 0.5))) {
      Random random = new Random(8);
      ServerOptimiser whole = optimiser.apply(10);
      ServerOptimiser head = optimiser.apply(3);
      ServerOptimiser tail = optimiser.apply(7);
      double[] model = new double[10];
      double[] front = new double[3];
      double[] back = new double[7];
      for (int step = 0; step < 20; step++) {
        double[] update = random.doubles(10, -1, 1).toArray();
        whole.step(model, update, 0.1);
        head.step(front, Arrays.copyOfRange(update, 0, 3), 0.1);
        tail.step(back, Arrays.copyOfRange(update, 3, 10), 0.1);
      }
      assertArrayEquals(Arrays.copyOfRange(model, 0, 3), front);
      assertArrayEquals(Arrays.copyOfRange(model, 3, 10), back);
    }
  }

  @Test
  void kroneckerInverseIsTheInverseOfTheDecayedSum() {
    int inputs = 6;
    Random random = new Random(4);
    KroneckerFactors factors = new KroneckerFactors(3, inputs, 0.9, 1e6);
    DMatrixRMaj sum = CommonOps_DDRM.identity(inputs);
    for (int round = 0; round < 50; round++) {
      double[] a = random.doubles(inputs, -1, 1).toArray();
      factors.update(a, random.doubles(3, -1, 1).toArray());
      for (int i = 0; i < inputs; i++) {
        for (int j = 0; j < inputs; j++) {
          sum.set(i, j, 0.9 * sum.get(i, j) + 0.1 * a[i] * a[j]);
        }
      }
    }
    CommonOps_DDRM.invert(sum);
    for (int i = 0; i < inputs; i++) {
      for (int j = 0; j < inputs; j++) {
        assertEquals(sum.get(i, j), factors.inputInverse(i, j), 1e-9 * Math.abs(sum.get(0, 0)));
      }
    }
  }

  /**
   * A layer whose inputs differ in size by 30: gradient descent crawls, preconditioned it does not.
   */
  @Test
  void kroneckerFactorsEvenOutUnequalInputs() {
    assertTrue(layerError(true) < 0.1 * layerError(false), layerError(true) + " with factors");
  }

  @Test
  void kroneckerInverseStaysWithinItsBound() {
    KroneckerFactors factors = new KroneckerFactors(2, 2, 0.5, 100);
    for (int round = 0; round < 200; round++) {
      factors.update(new double[] {1, 0}, new double[] {0, 1e-3});
      double largest = Math.max(factors.inputInverse(0, 0), factors.inputInverse(1, 1));
      assertTrue(largest <= 100 && largest > 0, "largest entry " + largest);
    }
  }

  @Test
  void settingsOutOfRangeAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> new AdaptiveSettings(1, 0.9, 1e-3));
    assertThrows(IllegalArgumentException.class, () -> new AdaptiveSettings(0.9, -0.1, 1e-3));
    assertThrows(IllegalArgumentException.class, () -> new AdaptiveSettings(0.9, 0.9, 0));
    assertThrows(IllegalArgumentException.class, () -> new ServerMomentum(1, Double.NaN));
    assertThrows(IllegalArgumentException.class, () -> new ServerLion(1, 0.9, 0.99, -1));
    assertThrows(IllegalArgumentException.class, () -> new KroneckerFactors(0, 1, 0.9, 10));
  }

  private static double layerError(boolean preconditioned) {
    Random random = new Random(6);
    double[] sizes = {3, 1, 0.3, 0.1};
    double[] target = random.doubles(8, -1, 1).toArray();
    double[] model = new double[8];
    KroneckerFactors factors = new KroneckerFactors(2, 4, 0.95, 1e6);
    for (int step = 0; step < 2000; step++) {
      double[] update = new double[8];
      double[] input = new double[4];
      Arrays.setAll(input, i -> sizes[i] * random.nextGaussian());
      for (int i = 0; i < 8; i++) {
        update[i] = (target[i] - model[i]) * sizes[i % 4] * sizes[i % 4];
      }
      factors.update(input, new double[2]);
      if (preconditioned) {
        factors.precondition(update);
      }
      for (int i = 0; i < 8; i++) {
        model[i] += 0.05 * update[i];
      }
    }
    return Quadratics.error(model, target);
  }

  private static double[] two(
      IntFunction<ServerOptimiser> optimiser, double[] first, double[] second) {
    double[] model = new double[2];
    ServerOptimiser fresh = optimiser.apply(2);
    fresh.step(model, first, 1);
    fresh.step(model, second, 1);
    return model;
  }

  private void assertReaches(
      double bound, ServerOptimiser optimiser, double rate, boolean falling) {
    double error = Quadratics.error(run(optimiser, rate, falling), clients.minimum());
    assertTrue(error <= bound, optimiser.getClass().getSimpleName() + " ends at " + error);
  }

  private double[] run(ServerOptimiser optimiser, double rate, boolean falling) {
    double[] model = new double[LENGTH];
    double[] update = new double[LENGTH];
    for (int step = 1; step <= 4000; step++) {
      clients.gradient(model, update);
      Arrays.setAll(update, i -> -update[i]);
      optimiser.step(model, update, falling ? rate / Math.sqrt(step) : rate);
    }
    return model;
  }
}
