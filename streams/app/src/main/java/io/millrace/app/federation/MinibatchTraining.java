package io.millrace.app.federation;

import java.util.Arrays;
import java.util.Random;

/**
 * What a client does in a round: epochs of minibatch gradient descent with momentum, v = momentum v
 * + g, y -= rate v, over its own images in an order drawn anew each epoch. The last batch of an
 * epoch may be smaller. Momentum starts at rest in every round.
 *
 * @param epochs 1 or more
 * @param batch images a step, 1 or more
 * @param rate above 0
 * @param momentum 0 to below 1
 */
public record MinibatchTraining(int epochs, int batch, double rate, double momentum) {
  /** Checks the numbers. */
  public MinibatchTraining {
    if (epochs < 1 || batch < 1 || !(rate > 0) || !(momentum >= 0 && momentum < 1)) {
      throw new IllegalArgumentException(
          "local training of "
              + epochs
              + " epochs, batches of "
              + batch
              + ", rate "
              + rate
              + ", momentum "
              + momentum
              + "; expected 1 or more, 1 or more, above 0, 0 to below 1");
    }
  }

  /** Gradient steps that so many images take. */
  public int steps(int images) {
    return epochs * ((images + batch - 1) / batch);
  }

  /**
   * Trains.
   *
   * @param model where from, not modified
   * @param seed of the order of images: another one each round and client
   * @return parameters after the last step
   */
  public double[] run(Perceptron perceptron, double[] model, LabelledImages images, long seed) {
    double[] parameters = model.clone();
    double[] gradient = new double[model.length];
    double[] velocity = new double[model.length];
    int[] order = new int[images.count()];
    Arrays.setAll(order, i -> i);
    Random random = new Random(seed);
    for (int epoch = 0; epoch < epochs; epoch++) {
      shuffle(order, random);
      for (int from = 0; from < order.length; from += batch) {
        int to = Math.min(order.length, from + batch);
        perceptron.gradient(parameters, images, order, from, to, gradient);
        for (int i = 0; i < parameters.length; i++) {
          velocity[i] = momentum * velocity[i] + gradient[i];
          parameters[i] -= rate * velocity[i];
        }
      }
    }
    return parameters;
  }

  /** Trains; what to send: the way the parameters went. */
  public float[] update(Perceptron perceptron, double[] model, LabelledImages images, long seed) {
    double[] trained = run(perceptron, model, images, seed);
    float[] update = new float[model.length];
    for (int i = 0; i < update.length; i++) {
      update[i] = (float) (trained[i] - model[i]);
    }
    return update;
  }

  /** Fisher and Yates. */
  static void shuffle(int[] order, Random random) {
    for (int i = order.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int held = order[i];
      order[i] = order[j];
      order[j] = held;
    }
  }
}
