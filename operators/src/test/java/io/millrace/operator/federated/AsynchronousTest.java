package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Servers without rounds, on the quadratics that disagree: five clients arrive four times as often
 * as the other five, each with one step from the model of its last arrival.
 */
class AsynchronousTest {
  private static final int CLIENTS = Quadratics.CLIENTS;
  private static final int LENGTH = Quadratics.LENGTH;
  private static final double[] ARRIVAL_RATES = {1, 1, 1, 1, 1, 4, 4, 4, 4, 4};
  private static final double RATE = 0.002;
  private static final int ARRIVALS = 200_000;
  private static final int BITS = 40;

  private final Quadratics problem = new Quadratics(3);
  private final double[] minimum = problem.minimum();
  private final double[] arrivalMinimum = problem.minimum(ARRIVAL_RATES);

  @Test
  void buffersSettleWhereFrequentClientsWant() {
    double[] settled = buffered(false, new Staleness.Constant());
    assertTrue(Quadratics.error(settled, arrivalMinimum) < 0.009);
    // 0.58 measured elsewhere, on other quadratics
    assertEquals(0.57, Quadratics.error(settled, minimum), 0.02);
  }

  @Test
  void arrivalCorrectionTakesTheBiasOutOfBuffers() {
    double constant = Quadratics.error(buffered(true, new Staleness.Constant()), minimum);
    assertTrue(constant < 0.009, "error " + constant);
    double falling = Quadratics.error(buffered(true, new Staleness.Polynomial(0.5)), minimum);
    assertTrue(falling < 0.03, "error " + falling);
  }

  @Test
  void anarchicAveragingStallsAcrossDevicesAndIsExactAcrossSilos() {
    assertTrue(crossDevice(0.02) > 0.1, "error " + crossDevice(0.02));
    assertTrue(crossSilo(0.02) < 1e-9, "error " + crossSilo(0.02));
  }

  @Test
  void asynchronousAveragingStallsNearerToFrequentClients() {
    double[] settled = asynchronous();
    assertTrue(Quadratics.error(settled, minimum) > 0.1);
    assertTrue(Quadratics.error(settled, arrivalMinimum) < Quadratics.error(settled, minimum));
  }

  @Test
  void asynchronousStepIsTheFormula() {
    double[] model = {1, 2};
    double[] base = {0.5, 0};
    AsynchronousAveraging server = new AsynchronousAveraging(0.6, new Staleness.Polynomial(0.5));
    server.accept(model, base, new float[] {0.25f, 4}, 3);
    assertEquals(0.7 * 1 + 0.3 * 0.75, model[0], 1e-15);
    assertEquals(0.7 * 2 + 0.3 * 4, model[1], 1e-15);
    assertThrows(
        IllegalArgumentException.class, () -> server.accept(model, base, new float[2], -1));
  }

  @Test
  void stalenessFallsAsPublished() {
    assertEquals(1, new Staleness.Constant().weight(1000));
    assertEquals(1, new Staleness.Polynomial(0.5).weight(0));
    assertEquals(1 / Math.sqrt(10), new Staleness.Polynomial(0.5).weight(9), 1e-15);
    Staleness hinge = new Staleness.Hinge(10, 4);
    assertEquals(1, hinge.weight(4));
    assertEquals(1.0 / 11, hinge.weight(5), 1e-15);
    assertEquals(1.0 / 61, hinge.weight(10), 1e-15);
  }

  @Test
  void shuffledArrivalsOfABufferGiveTheSameBits() {
    float[][] updates = Attacks.honest(10, LENGTH, new Random(2));
    double[] first = new double[LENGTH];
    fill(updates, new int[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, first);
    double[] other = new double[LENGTH];
    fill(updates, new int[] {7, 3, 9, 0, 5, 1, 8, 2, 6, 4}, other);
    assertArrayEquals(first, other);
    for (int i = 0; i < LENGTH; i++) {
      double expected = 0;
      for (int client = 0; client < 10; client++) {
        expected += updates[client][i] / Math.sqrt(client + 1) / 10;
      }
      assertEquals(expected, first[i], 1e-5); // weights are multiples of 2^-20
    }
  }

  @Test
  void fullBufferAndImpossibleCorrectionsAreRefused() {
    BufferedAveraging server = new BufferedAveraging(1, 1, 2, new Staleness.Constant(), 2);
    float[] update = {1};
    assertThrows(IllegalArgumentException.class, () -> server.accept(update, 0, 2.1));
    assertThrows(IllegalArgumentException.class, () -> server.accept(update, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> server.accept(update, -1, 1));
    assertThrows(IllegalArgumentException.class, () -> server.accept(new float[] {2}, 0, 1));
    server.accept(update, 0, 1);
    assertTrue(server.accept(update, 0, 2));
    assertThrows(IllegalStateException.class, () -> server.accept(update, 0, 1));
    double[] model = new double[1];
    server.close(model, 1);
    assertEquals(1.5, model[0], 1e-12);
  }

  @Test
  void sharesFollowTheStream() {
    ArrivalShares shares = new ArrivalShares(3, 200);
    assertEquals(1.0 / 3, shares.share(1), 1e-15);
    for (int i = 0; i < 6000; i++) {
      shares.arrived(i % 4 == 0 ? 0 : 1, 1);
    }
    assertEquals(0.25, shares.share(0), 0.01);
    assertEquals(0.75, shares.share(1), 0.01);
    assertEquals(4.0 / 3, shares.correction(0, 8), 0.05);
    assertEquals(8, shares.correction(2, 8));
    assertEquals(1, shares.share(0) + shares.share(1) + shares.share(2), 1e-12);
  }

  private static void fill(float[][] updates, int[] order, double[] model) {
    BufferedAveraging server =
        new BufferedAveraging(LENGTH, 100, 10, new Staleness.Polynomial(0.5), 1);
    for (int client : order) {
      server.accept(updates[client], client, 1);
    }
    server.close(model, 1);
  }

  /** Mean of the model over the second half of the run. */
  private double[] buffered(boolean corrected, Staleness staleness) {
    Random random = new Random(5);
    BufferedAveraging server = new BufferedAveraging(LENGTH, 100, 10, staleness, 8);
    ArrivalShares shares = new ArrivalShares(CLIENTS, 2000);
    double[] model = new double[LENGTH];
    double[][] base = new double[CLIENTS][LENGTH];
    long[] baseVersion = new long[CLIENTS];
    long version = 0;
    double[] mean = new double[LENGTH];
    for (int arrival = 0; arrival < ARRIVALS; arrival++) {
      int client = next(random);
      float[] update = new LocalSteps(1, RATE, 0).update(gradient(client), base[client]);
      shares.arrived(client, staleness.weight(version - baseVersion[client]));
      double correction = corrected ? shares.correction(client, 8) : 1;
      if (server.accept(update, version - baseVersion[client], correction)) {
        server.close(model, 1);
        version++;
      }
      base[client] = model.clone();
      baseVersion[client] = version;
      for (int i = 0; i < LENGTH && arrival >= ARRIVALS / 2; i++) {
        mean[i] += model[i] / (ARRIVALS / 2);
      }
    }
    return mean;
  }

  private double crossDevice(double rate) {
    Random random = new Random(5);
    AnarchicCrossDevice server = new AnarchicCrossDevice(LENGTH, 1e6f, 10);
    double[] model = new double[LENGTH];
    double[][] base = new double[CLIENTS][LENGTH];
    double[] g = new double[LENGTH];
    for (int arrival = 0; arrival < 50_000; arrival++) {
      int client = next(random);
      problem.gradient(client, base[client], g);
      server.accept(Vectors.floats(g), model, rate);
      base[client] = model.clone();
    }
    return Quadratics.error(model, minimum);
  }

  private double crossSilo(double rate) {
    Random random = new Random(5);
    AnarchicCrossSilo server = new AnarchicCrossSilo(LENGTH, BITS, CLIENTS, 10);
    FixedPointMemory[] memories = new FixedPointMemory[CLIENTS];
    Arrays.setAll(memories, i -> new FixedPointMemory(LENGTH, BITS));
    double[] model = new double[LENGTH];
    double[][] base = new double[CLIENTS][LENGTH];
    double[] g = new double[LENGTH];
    for (int arrival = 0; arrival < 50_000; arrival++) {
      int client = next(random);
      problem.gradient(client, base[client], g);
      float[] increment = new float[LENGTH];
      for (int i = 0; i < LENGTH; i++) {
        increment[i] = (float) (g[i] - memories[client].value(i));
      }
      memories[client].add(increment);
      server.accept(increment, model, rate);
      base[client] = model.clone();
    }
    return Quadratics.error(model, minimum);
  }

  private double[] asynchronous() {
    Random random = new Random(5);
    AsynchronousAveraging server = new AsynchronousAveraging(0.6, new Staleness.Polynomial(0.5));
    double[] model = new double[LENGTH];
    double[][] base = new double[CLIENTS][LENGTH];
    long[] baseVersion = new long[CLIENTS];
    for (int arrival = 0; arrival < 50_000; arrival++) {
      int client = next(random);
      float[] update = new LocalSteps(10, RATE, 0.005).update(gradient(client), base[client]);
      server.accept(model, base[client], update, arrival - baseVersion[client]);
      base[client] = model.clone();
      baseVersion[client] = arrival + 1;
    }
    return model;
  }

  private static int next(Random random) {
    double draw = random.nextDouble() * Arrays.stream(ARRIVAL_RATES).sum();
    int client = 0;
    while (draw >= ARRIVAL_RATES[client]) {
      draw -= ARRIVAL_RATES[client++];
    }
    return client;
  }

  private Gradient gradient(int client) {
    return (x, out) -> problem.gradient(client, x, out);
  }
}
