package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import io.millrace.operator.federated.FederatedSettings.Server;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.ModelLayer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Plain steps, with the layers of the chunk preconditioned by {@link KroneckerFactors}. A layer is
 * a tensor of two or more axes: the first is its outputs, all others together its inputs. It must
 * lie wholly in one chunk; vectors such as biases step as they are.
 *
 * <p>Clients send, beside each chunk, for each layer in it by rising offset the mean activation a
 * [inputs] and the mean output gradient g [outputs] of their training, float32; their weighted mean
 * over the round is what the factors take.
 *
 * <p>Memory: the layout, three numbers a layer (offset in the chunk, outputs, inputs), then each
 * layer's two inverses: 8 sum (inputs^2 + outputs^2) bytes. One thread.
 */
final class ServerKronecker implements ServerOptimiser {
  /** Of a layer: its inverses have the square of it. */
  private static final int LARGEST_SIDE = 2048;

  /** Numbers beside a chunk, which leave its record below Kafka's mebibyte. */
  private static final int MOST_VECTORS = 8192;

  private static final int FIELDS = 3;

  private final double[] layout;
  private final KroneckerFactors[] factors;

  /**
   * @param layout valid
   */
  ServerKronecker(Server server, double[] layout) {
    this.layout = layout.clone();
    this.factors = new KroneckerFactors[layout.length / FIELDS];
    Arrays.setAll(
        factors,
        layer ->
            new KroneckerFactors(
                outputs(layout, layer),
                inputs(layout, layer),
                server.secondDecay(),
                1 / server.floor()));
  }

  /**
   * Where the layers of a chunk lie.
   *
   * @param length of the chunk
   * @throws IllegalArgumentException when a border of the chunk cuts one, or one is too large
   */
  static double[] layout(ModelDefinition definition, int chunk) {
    long first = (long) chunk * definition.getChunkLength();
    long end = Math.min(definition.getLength(), first + definition.getChunkLength());
    List<Double> layout = new ArrayList<>();
    long vectors = 0;
    for (ModelLayer layer : definition.getLayers()) {
      List<Integer> shape = layer.getShape();
      if (shape.size() < 2) {
        continue;
      }
      long inputs = 1;
      for (int size : shape.subList(1, shape.size())) {
        inputs = Math.multiplyExact(inputs, (long) size);
      }
      long from = layer.getOffset();
      long to = Math.addExact(from, Math.multiplyExact(inputs, (long) shape.get(0)));
      if (to <= first || from >= end) {
        continue;
      }
      if (from < first || to > end) {
        throw new IllegalArgumentException(
            "layer " + layer.getName() + " lies in more than one chunk, mkor needs it in one");
      }
      SettingCheck.range("outputs of layer " + layer.getName(), shape.get(0), 1, LARGEST_SIDE);
      SettingCheck.range("inputs of layer " + layer.getName(), inputs, 1, LARGEST_SIDE);
      vectors += inputs + shape.get(0);
      layout.addAll(List.of((double) (from - first), (double) shape.get(0), (double) inputs));
    }
    SettingCheck.range("inputs and outputs of a chunk's layers", vectors, 0, MOST_VECTORS);
    return layout.stream().mapToDouble(Double::doubleValue).toArray();
  }

  /** The layout in a state; of none, or of one that cannot be, an empty one. */
  static double[] layout(ChunkState state) {
    double[][] memory = state.optimiserMemory;
    boolean there = state.optimiserId.equals(OptimiserName.MKOR.id()) && memory.length > 0;
    return there && fits(memory[0], state.length()) ? memory[0] : new double[0];
  }

  /** Whether layers lie one after the other within a chunk. */
  static boolean fits(double[] layout, int length) {
    boolean fits = layout.length % FIELDS == 0;
    double end = 0;
    for (int i = 0; fits && i < layout.length; i += FIELDS) {
      double outputs = layout[i + 1];
      double inputs = layout[i + 2];
      fits =
          layout[i] >= end
              && layout[i] == Math.rint(layout[i])
              && outputs >= 1
              && outputs <= LARGEST_SIDE
              && outputs == Math.rint(outputs)
              && inputs >= 1
              && inputs <= LARGEST_SIDE
              && inputs == Math.rint(inputs)
              && layout[i] + outputs * inputs <= length;
      end = layout[i] + outputs * inputs;
    }
    return fits;
  }

  /** Numbers of all activations and gradients beside a chunk. */
  static int vectors(double[] layout) {
    double numbers = 0;
    for (int i = 0; i < layout.length; i += FIELDS) {
      numbers += layout[i + 1] + layout[i + 2];
    }
    return (int) numbers;
  }

  /**
   * Takes a round's means.
   *
   * @param vectors as clients send them, finite
   */
  void observe(double[] vectors) {
    int at = 0;
    for (int layer = 0; layer < factors.length; layer++) {
      int gradient = at + inputs(layout, layer);
      int end = gradient + outputs(layout, layer);
      factors[layer].update(
          Arrays.copyOfRange(vectors, at, gradient), Arrays.copyOfRange(vectors, gradient, end));
      at = end;
    }
  }

  @Override
  public void step(double[] model, double[] update, double rate) {
    double[] step = update.clone();
    for (int layer = 0; layer < factors.length; layer++) {
      int from = (int) layout[layer * FIELDS];
      int count = outputs(layout, layer) * inputs(layout, layer);
      double[] part = Arrays.copyOfRange(step, from, from + count);
      factors[layer].precondition(part);
      System.arraycopy(part, 0, step, from, count);
    }
    for (int i = 0; i < model.length; i++) {
      model[i] += rate * step[i];
    }
  }

  @Override
  public List<double[]> memory() {
    List<double[]> memory = new ArrayList<>(List.of(layout));
    for (KroneckerFactors factor : factors) {
      memory.addAll(factor.memory());
    }
    return memory;
  }

  private static int outputs(double[] layout, int layer) {
    return (int) layout[layer * FIELDS + 1];
  }

  private static int inputs(double[] layout, int layer) {
    return (int) layout[layer * FIELDS + 2];
  }
}
