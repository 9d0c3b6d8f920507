package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.federated.MixingSettings.Step;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Nodes without a server, on f_i(x) = 1/2 sum_k a_ik (x_k - b_ik)^2. */
class EdgeMixingTest {
  private static final int NUMBERS = 6;
  private static final double CONVEXITY = 1;
  private static final double SMOOTHNESS = 10;

  /** Sums of quadratics, one a node, whose minima lie apart. */
  private static final class Hills {
    final double[][] curvature;
    final double[][] minimum;

    Hills(int nodes) {
      Random random = new Random(11);
      curvature = new double[nodes][NUMBERS];
      minimum = new double[nodes][NUMBERS];
      for (int node = 0; node < nodes; node++) {
        for (int k = 0; k < NUMBERS; k++) {
          curvature[node][k] = CONVEXITY + (SMOOTHNESS - CONVEXITY) * random.nextDouble();
          minimum[node][k] = random.nextGaussian();
        }
        curvature[node][node % NUMBERS] = SMOOTHNESS;
        curvature[node][(node + 1) % NUMBERS] = CONVEXITY;
      }
    }

    double[] gradient(int node, double[] x) {
      double[] gradient = new double[NUMBERS];
      for (int k = 0; k < NUMBERS; k++) {
        gradient[k] = curvature[node][k] * (x[k] - minimum[node][k]);
      }
      return gradient;
    }

    double[] best() {
      double[] best = new double[NUMBERS];
      for (int k = 0; k < NUMBERS; k++) {
        double weights = 0;
        for (int node = 0; node < curvature.length; node++) {
          best[k] += curvature[node][k] * minimum[node][k];
          weights += curvature[node][k];
        }
        best[k] /= weights;
      }
      return best;
    }
  }

  private static MixingNetwork network(MixingMethod method, String shape, int nodes, double rate) {
    Step step = new Step(rate, CONVEXITY, SMOOTHNESS);
    return new MixingNetwork(
        MixingNetwork.settings(method, shape, nodes, 0, step), new double[NUMBERS], 4);
  }

  private static void descend(MixingNetwork network, Hills hills) {
    for (int node = 0; node < network.nodes(); node++) {
      network.descend(node, hills.gradient(node, network.values(node)));
    }
  }

  @ParameterizedTest
  @CsvSource({"ring, 5", "ring, 16", "line, 7", "star, 6", "complete, 9"})
  void knowsTheConstantsOfItsGraph(String shape, int nodes) {
    MixingGraph graph = MixingGraph.of(shape, MixingNetwork.names(nodes));
    double n = nodes;
    double eigenvalue =
        switch (shape) {
          case "ring" -> 2 - 2 * Math.cos(2 * Math.PI / n);
          case "line" -> 2 - 2 * Math.cos(Math.PI / n);
          case "star" -> 1;
          default -> n;
        };
    double resistance =
        switch (shape) {
          case "ring" -> (n - 1) / n / 2;
          case "complete" -> 1 / n;
          default -> 0.5;
        };
    assertEquals(1 / eigenvalue, graph.constants().connectivity(), 1e-9 / eigenvalue);
    assertEquals(resistance, graph.constants().resistance(), 1e-9);
  }

  @Test
  void refusesANetworkThatFallsApart() {
    List<String> names = MixingNetwork.names(4);
    assertThrows(
        IllegalArgumentException.class,
        () ->
            new MixingGraph(
                names, List.of(new MixingGraph.Edge(0, 1), new MixingGraph.Edge(2, 3))));
    assertThrows(
        IllegalArgumentException.class, () -> MixingGraph.of("ring", List.of("a", "b", "a")));
    assertThrows(IllegalArgumentException.class, () -> MixingGraph.of("cube", names));
  }

  /** Sums of numbers on the grid are exact in any order, so equal means equal bit by bit. */
  @ParameterizedTest
  @CsvSource({"PLAIN, 1", "MOMENTUM, 2"})
  void spikesKeepTheSumOverTheNetworkBitByBit(MixingMethod method, int variables) {
    MixingNetwork network = network(method, "ring", 8, 0.1);
    descend(network, new Hills(8));
    double[] sum = sum(network, variables);
    for (int tick = 0; tick < 100; tick++) {
      network.pass(0.7);
      assertArrayEquals(sum, sum(network, variables), "tick " + tick);
    }
    assertTrue(network.spikes() > 100, network.spikes() + " spikes");
    assertTrue(Arrays.stream(sum).allMatch(value -> value != 0));
  }

  private static double[] sum(MixingNetwork network, int variables) {
    double[] sum = new double[NUMBERS];
    for (int node = 0; node < network.nodes(); node++) {
      for (int variable = 0; variable < variables; variable++) {
        double[] values = network.variable(node, variable);
        for (int k = 0; k < NUMBERS; k++) {
          sum[k] += values[k];
        }
      }
    }
    return sum;
  }

  @Test
  void spikesOfDadaoKeepTheSumOfEachVariableBitByBit() {
    MixingDynamics dynamics =
        MixingDynamics.of(MixingNetwork.settings(MixingMethod.DADAO, "ring", 4));
    MixingArithmetic arithmetic = new MixingArithmetic(dynamics, 36);
    Random random = new Random(3);
    double[] from = random.doubles(60, -50, 50).map(arithmetic::round).toArray();
    double[] to = random.doubles(60, -50, 50).map(arithmetic::round).toArray();
    double[] before = added(from, to);
    double[] one = from.clone();
    for (int spike = 0; spike < 20; spike++) {
      arithmetic.mix(from, to);
    }
    assertArrayEquals(before, added(from, to));
    assertTrue(!Arrays.equals(one, from));
  }

  private static double[] added(double[] a, double[] b) {
    double[] sum = a.clone();
    for (int i = 0; i < sum.length; i++) {
      sum[i] += b[i];
    }
    return sum;
  }

  /** The theorem: squared distances fall at least like exp(-t sqrt(mu / 2 L) / 8). */
  @ParameterizedTest
  @CsvSource({"ring, 8", "line, 6", "star, 6", "complete, 8"})
  void dadaoReachesTheMinimumOfTheSumAtTheRateOfItsTheorem(String shape, int nodes) {
    Hills hills = new Hills(nodes);
    MixingNetwork network = network(MixingMethod.DADAO, shape, nodes, 1);
    double rate = Math.sqrt(CONVEXITY / 2 / SMOOTHNESS) / 8;
    double begin = 0;
    int from = 100;
    int units = 700;
    for (int unit = 0; unit < units; unit++) {
      if (unit == from) {
        begin = network.distance(hills.best());
      }
      descend(network, hills);
      network.pass(1);
    }
    double end = network.distance(hills.best());
    double fell = 2 * Math.log(begin / end) / (units - from);
    assertTrue(end < 1e-6, "distance " + end);
    assertTrue(fell > rate, "rate " + fell + ", theorem " + rate);
  }

  /** Gradients as a Poisson clock would have them: a coin for each node and eighth of a unit. */
  @Test
  void dadaoConvergesWithGradientsAtRandomTimes() {
    Hills hills = new Hills(6);
    MixingNetwork network = network(MixingMethod.DADAO, "ring", 6, 1);
    Random random = new Random(23);
    for (int tick = 0; tick < 8 * 700; tick++) {
      for (int node = 0; node < 6; node++) {
        if (random.nextInt(8) == 0) {
          network.descend(node, hills.gradient(node, network.values(node)));
        }
      }
      network.pass(0.125);
    }
    assertTrue(network.distance(hills.best()) < 1e-5);
  }

  @Test
  void plainMixingStallsWhereDadaoDoesNot() {
    Hills hills = new Hills(8);
    MixingNetwork network = network(MixingMethod.PLAIN, "ring", 8, 0.02);
    for (int unit = 0; unit < 1000; unit++) {
      descend(network, hills);
      network.pass(1);
    }
    double distance = network.distance(hills.best());
    assertTrue(distance > 1e-2 && distance < 1, "distance " + distance);
  }

  /** Spikes until the nodes agree to a hundredth of what they differed by. */
  private static long spikes(MixingMethod method, int nodes) {
    MixingNetwork network = network(method, "ring", nodes, 1);
    for (int node = 0; node < nodes; node++) {
      double[] wave = new double[NUMBERS];
      Arrays.fill(wave, Math.cos(2 * Math.PI * node / nodes));
      network.descend(node, wave);
    }
    double[] mean = new double[NUMBERS];
    double[] sum = sum(network, 1);
    for (int k = 0; k < NUMBERS; k++) {
      mean[k] = sum[k] / nodes;
    }
    double apart = network.distance(mean);
    while (network.distance(mean) > 0.01 * apart) {
      network.pass(0.25);
    }
    return network.spikes();
  }

  /** Gossip needs chi1, with momentum sqrt(chi1 chi2): n^2 and n spikes of an edge on a ring. */
  @Test
  void momentumNeedsFarFewerSpikesOnARing() {
    long plain = spikes(MixingMethod.PLAIN, 32);
    long momentum = spikes(MixingMethod.MOMENTUM, 32);
    long plainHalf = spikes(MixingMethod.PLAIN, 16);
    long momentumHalf = spikes(MixingMethod.MOMENTUM, 16);
    assertTrue(plain > 3 * momentum, plain + " against " + momentum);
    double growth = (double) plain / plainHalf / momentum * momentumHalf;
    assertTrue(growth > 1.5, "growth " + growth);
  }

  @Test
  void gradientsBetweenTwoTicksMayComeInAnyOrder() {
    List<double[]> ends = new ArrayList<>();
    Hills hills = new Hills(5);
    for (int order = 0; order < 3; order++) {
      MixingNetwork network = network(MixingMethod.DADAO, "ring", 5, 1);
      Random random = new Random(order);
      for (int unit = 0; unit < 20; unit++) {
        List<Integer> nodes = new ArrayList<>(List.of(0, 1, 2, 3, 4));
        Collections.shuffle(nodes, random);
        for (int node : nodes) {
          network.descend(node, hills.gradient(node, network.values(node)));
        }
        network.pass(1);
      }
      ends.add(added(network.values(2), network.variable(3, 5)));
    }
    assertArrayEquals(ends.get(0), ends.get(1));
    assertArrayEquals(ends.get(0), ends.get(2));
  }

  @Test
  void chunksMixAlongTheSameEdgesWhereverTheyLie() {
    Hills hills = new Hills(5);
    List<double[]> ends = new ArrayList<>();
    for (int chunkLength : new int[] {1, 4, NUMBERS}) {
      MixingNetwork network =
          new MixingNetwork(
              MixingNetwork.settings(MixingMethod.DADAO, "line", 5),
              new double[NUMBERS],
              chunkLength);
      for (int unit = 0; unit < 20; unit++) {
        descend(network, hills);
        network.pass(0.5);
      }
      ends.add(network.values(2));
    }
    assertArrayEquals(ends.get(0), ends.get(1));
    assertArrayEquals(ends.get(0), ends.get(2));
  }

  /**
   * All nodes at once, by Runge-Kutta steps instead of exponentials, without a grid; constants from
   * the closed forms of a ring.
   */
  @Test
  void dadaoFollowsAPlainSimulation() {
    int nodes = 6;
    Hills hills = new Hills(nodes);
    MixingNetwork network = network(MixingMethod.DADAO, "ring", nodes, 1);
    double chi1 = 1 / (2 - 2 * Math.cos(2 * Math.PI / nodes));
    double chi2 = (nodes - 1.0) / nodes / 2;
    double perEdge = Math.sqrt(2 * chi1 * chi2);
    DenseDadao dense = new DenseDadao(nodes, NUMBERS, CONVEXITY, SMOOTHNESS, chi1 / perEdge);
    SpikeSchedule schedule = new SpikeSchedule(7, perEdge * nodes, nodes).of(ChunkRecords.MODEL);
    MixingGraph graph = MixingGraph.of("ring", MixingNetwork.names(nodes));
    double next = schedule.gap(0);
    long spike = 0;
    double largest = 0;
    for (int unit = 0; unit < 60; unit++) {
      descend(network, hills);
      for (int node = 0; node < nodes; node++) {
        dense.gradient(node, hills.gradient(node, dense.x(node)));
      }
      network.pass(1);
      double now = unit;
      while (next <= unit + 1) {
        dense.flow(next - now);
        now = next;
        MixingGraph.Edge edge = graph.edges().get(schedule.edge(spike));
        dense.spike(edge.from(), edge.to());
        next += schedule.gap(++spike);
      }
      dense.flow(unit + 1 - now);
      for (int node = 0; node < nodes; node++) {
        assertArrayEquals(dense.x(node), network.values(node), 1e-5, "unit " + unit);
        largest = Math.max(largest, Math.abs(network.values(node)[0]));
      }
    }
    assertTrue(largest > 0.1, "nothing moved");
  }
}
