package io.millrace.app.federation;

import java.util.List;

/**
 * Something to learn together: images, a model, how clients train, and how good the model becomes
 * when one place has all the images.
 *
 * @param name for people
 * @param images with a part to be judged by
 * @param hidden units of the perceptron, 0: softmax regression
 * @param training of a client in the first round
 * @param slowing rounds after which clients step half as far, after twice as many a third
 * @param reference accuracy of the same model trained in one place, as measured elsewhere
 */
public record FederatedTask(
    String name,
    ImageTask images,
    int hidden,
    MinibatchTraining training,
    int slowing,
    double reference) {
  private static final int NEVER = Integer.MAX_VALUE;

  /** How far from the reference a model may stay. */
  public static final double TOLERANCE = 0.015;

  /** Softmax regression on digits: the reference is stochastic descent's, 0.889. */
  public static FederatedTask digits() {
    return new FederatedTask(
        "handwritten digits, softmax regression",
        ImageTask.digits(),
        0,
        new MinibatchTraining(1, 32, 0.5, 0),
        NEVER,
        0.889);
  }

  /** 32 hidden units on Fashion-MNIST's 10,000: the reference is 0.841. */
  public static FederatedTask fashion() {
    return new FederatedTask(
        "Fashion-MNIST, perceptron of 32 units",
        ImageTask.fashion(),
        32,
        new MinibatchTraining(4, 32, 0.1, 0.5),
        5,
        0.841);
  }

  /**
   * By name.
   *
   * @throws IllegalArgumentException for another name than digits or fashion
   */
  public static FederatedTask named(String name) {
    return switch (name) {
      case "digits" -> digits();
      case "fashion" -> fashion();
      default ->
          throw new IllegalArgumentException("task: got " + name + ", expected digits or fashion");
    };
  }

  /** A model of its own for every thread. */
  public Perceptron perceptron() {
    return new Perceptron(images.training().size(), hidden, images.training().classes());
  }

  /**
   * The images of all clients.
   *
   * @param concentration of {@link DirichletSplit}
   */
  public List<LabelledImages> shares(int clients, double concentration, long seed) {
    return new DirichletSplit(clients, concentration, seed).of(images.training());
  }

  /**
   * A client's honest update.
   *
   * @param model of the version to start from, not modified
   * @param version its number, from 0
   * @param seed of the order of images: another one each version and client
   */
  public float[] update(double[] model, LabelledImages share, long version, long seed) {
    return trainingAt(version).update(perceptron(), model, share, seed);
  }

  /** Gradient steps of an update. */
  public int steps(LabelledImages share) {
    return training.steps(share.count());
  }

  private MinibatchTraining trainingAt(long version) {
    return new MinibatchTraining(
        training.epochs(),
        training.batch(),
        training.rate() / (1 + version / (double) slowing),
        training.momentum());
  }

  /** Share of the test images that the model is right about. */
  public double accuracy(double[] model) {
    return perceptron().accuracy(model, images.test());
  }
}
