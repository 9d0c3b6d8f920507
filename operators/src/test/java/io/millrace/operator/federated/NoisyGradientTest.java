package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

/** Error feedback under gradient noise, and on the example that diverges without it. */
class NoisyGradientTest {
  private static final int CLIENTS = Quadratics.CLIENTS;
  private static final int LENGTH = Quadratics.LENGTH;
  private static final int BITS = 40;

  /** Packs a gradient, given a seed. */
  private interface Client {
    byte[] compress(double[] gradient, long seed);
  }

  /** Measured elsewhere at noise 1: 0.021, 0.052, 0.022, 0.033; only their ratios carry over. */
  @Test
  void momentumTakesAwayTheNoiseThatErrorFeedbackAdds() {
    UpdateCodec top = new TopKCodec(2);
    UpdateCodec plain = new PlainCodec();
    double exact = tail(plain, i -> client(new ErrorFeedback21Client(1, LENGTH, BITS), plain));
    double plainFeedback = tail(top, i -> client(new ErrorFeedback21Client(1, LENGTH, BITS), top));
    double withMomentum = tail(top, i -> client(new ErrorFeedback21Client(0.1, LENGTH, BITS), top));
    double controlled = tail(top, i -> client(new ErrorControlClient(0.1, LENGTH, BITS), top));
    assertEquals(0.052 / 0.021, plainFeedback / exact, 0.25);
    assertEquals(0.022 / 0.021, withMomentum / exact, 0.1);
    assertEquals(0.033 / 0.021, controlled / exact, 0.15);
  }

  /**
   * Three clients, f_i = (a_i'x)^2 + |x|^2 / 4, of which top-1 takes the one coordinate that points
   * the wrong way (Beznosikov, Horvath, Richtarik, Safaryan, 2020, arXiv 2002.12410).
   */
  @Test
  void topOneDivergesWithoutMemoryAndConvergesWithAny() {
    TopKCodec top = new TopKCodec(1);
    ErrorFeedbackClient[] first = new ErrorFeedbackClient[3];
    Arrays.setAll(first, i -> new ErrorFeedbackClient(3));
    ErrorFeedback21Client[] second = new ErrorFeedback21Client[3];
    Arrays.setAll(second, i -> new ErrorFeedback21Client(1, 3, BITS));
    ErrorControlClient[] third = new ErrorControlClient[3];
    Arrays.setAll(third, i -> new ErrorControlClient(0.1, 3, BITS));

    double rate = 0.01;
    double[] x = {1, 1, 1};
    for (int step = 0; step < 1491; step++) {
      double[] sum = new double[3];
      for (int client = 0; client < 3; client++) {
        add(sum, top.decode(top.encode(Vectors.floats(slope(client, x)), 0), 3, 0));
      }
      move(x, sum, rate / 3);
    }
    assertEquals(5.8e11, x[0], 0.1e11);

    double[] y = {1, 1, 1};
    double[] z = {1, 1, 1};
    double[] w = {1, 1, 1};
    GradientMemory server = new GradientMemory(3, BITS, 3);
    GradientMemory controlled = new GradientMemory(3, BITS, 3);
    for (int step = 0; step < 20_000; step++) {
      double[] sum = new double[3];
      for (int client = 0; client < 3; client++) {
        double[] wanted = slope(client, y);
        Arrays.setAll(wanted, i -> rate * wanted[i]);
        add(sum, top.decode(LocalRounds.step(first[client], wanted, top, 0), 3, 0));
        server.accept(
            top.decode(LocalRounds.compress(second[client], slope(client, z), top, 0), 3, 0));
        controlled.accept(
            top.decode(LocalRounds.compress(third[client], slope(client, w), top, 0), 3, 0));
      }
      move(y, sum, 1.0 / 3);
      server.step(z, rate);
      controlled.step(w, rate);
    }
    for (int i = 0; i < 3; i++) {
      assertTrue(Math.abs(y[i]) < 1e-10, "first error feedback at " + y[i]);
      assertTrue(Math.abs(z[i]) < 1e-10, "EF21 at " + z[i]);
      assertTrue(Math.abs(w[i]) < 1e-10, "EControl at " + w[i]);
    }
  }

  /**
   * A client's increments, summed beside the server's, are its memory after any number of rounds.
   */
  @Test
  void escrowIsTheClientsMemory() {
    Quadratics problem = new Quadratics(3);
    TopKCodec codec = new TopKCodec(2);
    ErrorFeedback21Client client = new ErrorFeedback21Client(0.5, LENGTH, BITS);
    FixedPointMemory escrow = new FixedPointMemory(LENGTH, BITS);
    Random random = new Random(4);
    double[] g = new double[LENGTH];
    for (int round = 0; round < 100; round++) {
      problem.gradient(round % CLIENTS, random.doubles(LENGTH, -1, 1).toArray(), g);
      escrow.add(codec.decode(LocalRounds.compress(client, g, codec, 0), LENGTH, 0));
      assertTrue(escrow.sameBits(client.memory()), "round " + round);
    }
  }

  private static Client client(ClientMethod method, UpdateCodec codec) {
    return (gradient, seed) -> LocalRounds.compress(method, gradient, codec, seed);
  }

  private static double[] slope(int client, double[] x) {
    double along = 2 * (x[0] + x[1] + x[2]) - 5 * x[client];
    double[] slope = new double[3];
    for (int i = 0; i < 3; i++) {
      slope[i] = 2 * along * (i == client ? -3 : 2) + x[i] / 2;
    }
    return slope;
  }

  private static void add(double[] sum, float[] x) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += x[i];
    }
  }

  private static void move(double[] x, double[] sum, double rate) {
    for (int i = 0; i < x.length; i++) {
      x[i] -= rate * sum[i];
    }
  }

  /** Root mean square of the error over the second half of the run. */
  private static double tail(UpdateCodec codec, IntFunction<Client> newClient) {
    int rounds = 10_000;
    Quadratics problem = new Quadratics(3);
    double[] minimum = problem.minimum();
    Random random = new Random(1);
    Client[] clients = new Client[CLIENTS];
    Arrays.setAll(clients, newClient);
    GradientMemory server = new GradientMemory(LENGTH, BITS, CLIENTS);
    double[] x = new double[LENGTH];
    double[] g = new double[LENGTH];
    double sum = 0;
    for (int round = 0; round < rounds; round++) {
      for (int client = 0; client < CLIENTS; client++) {
        problem.gradient(client, x, g);
        Arrays.setAll(g, i -> g[i] + random.nextGaussian());
        server.accept(codec.decode(clients[client].compress(g, 0), LENGTH, 0));
      }
      server.step(x, 0.005);
      double error = Quadratics.error(x, minimum);
      sum += round < rounds / 2 ? 0 : error * error;
    }
    return Math.sqrt(sum / (rounds / 2));
  }
}
