package io.millrace.app.federation;

import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * A classifier with one hidden layer of rectified units, or none: then it is softmax regression.
 * Cross-entropy loss. Parameters are one vector:
 *
 * <pre>
 * hidden 0    weights [inputs x classes], biases [classes]
 * hidden H    weights [inputs x H], biases [H], weights [H x classes], biases [classes]
 * </pre>
 *
 * <p>In double, sums in the order of the inputs, exponentials by StrictMath: the same bits
 * everywhere. Black pixels cost nothing. An example costs about 2 (inputs H + H classes)
 * multiplications forward and as many back. Stateless but for scratch; one thread.
 */
public final class Perceptron {
  private final int inputs;
  private final int hidden;
  private final int classes;
  private final double[] units;
  private final double[] unitErrors;
  private final double[] scores;

  /**
   * A run of parameters that belong together.
   *
   * @param name for people
   * @param offset of the first
   * @param shape rows, columns; or the length
   */
  public record Layer(String name, int offset, List<Integer> shape) {}

  /**
   * @param inputs 1 or more
   * @param hidden units, 0 for none
   * @param classes 2 or more
   */
  public Perceptron(int inputs, int hidden, int classes) {
    if (inputs < 1 || hidden < 0 || classes < 2) {
      throw new IllegalArgumentException(
          "perceptron of " + inputs + " inputs, " + hidden + " units, " + classes + " classes");
    }
    this.inputs = inputs;
    this.hidden = hidden;
    this.classes = classes;
    units = new double[hidden];
    unitErrors = new double[hidden];
    scores = new double[classes];
  }

  /** Parameters. */
  public int length() {
    return hidden == 0 ? (inputs + 1) * classes : (inputs + 1) * hidden + (hidden + 1) * classes;
  }

  /** Where they lie. */
  public List<Layer> layers() {
    if (hidden == 0) {
      return List.of(
          new Layer("weights", 0, List.of(inputs, classes)),
          new Layer("biases", inputs * classes, List.of(classes)));
    }
    int second = (inputs + 1) * hidden;
    return List.of(
        new Layer("hidden-weights", 0, List.of(inputs, hidden)),
        new Layer("hidden-biases", inputs * hidden, List.of(hidden)),
        new Layer("weights", second, List.of(hidden, classes)),
        new Layer("biases", second + hidden * classes, List.of(classes)));
  }

  /** A start: zeros for softmax regression; uniform weights after Glorot and Bengio (2010) else. */
  public double[] initial(long seed) {
    double[] parameters = new double[length()];
    if (hidden > 0) {
      Random random = new Random(seed);
      fill(parameters, 0, inputs, hidden, random);
      fill(parameters, (inputs + 1) * hidden, hidden, classes, random);
    }
    return parameters;
  }

  private static void fill(double[] parameters, int from, int in, int out, Random random) {
    double bound = StrictMath.sqrt(6.0 / (in + out));
    for (int i = from; i < from + in * out; i++) {
      parameters[i] = (2 * random.nextDouble() - 1) * bound;
    }
  }

  /**
   * Mean loss over some images, and its gradient.
   *
   * @param rows numbers of images
   * @param from first of them used
   * @param to behind the last one
   * @param gradient [length], overwritten
   */
  public double gradient(
      double[] parameters, LabelledImages images, int[] rows, int from, int to, double[] gradient) {
    Arrays.fill(gradient, 0);
    double loss = 0;
    double share = 1.0 / (to - from);
    for (int i = from; i < to; i++) {
      int image = rows[i] * inputs;
      forward(parameters, images.pixels(), image);
      loss += softmax(images.labels()[rows[i]]);
      backward(parameters, images.pixels(), image, share, gradient);
    }
    return loss * share;
  }

  /** Share of images whose class has the highest score; of equal ones the first. */
  public double accuracy(double[] parameters, LabelledImages images) {
    int right = 0;
    for (int i = 0; i < images.count(); i++) {
      forward(parameters, images.pixels(), i * inputs);
      int best = 0;
      for (int c = 1; c < classes; c++) {
        best = scores[c] > scores[best] ? c : best;
      }
      right += best == images.labels()[i] ? 1 : 0;
    }
    return right / (double) images.count();
  }

  /** Mean loss over all images. */
  public double loss(double[] parameters, LabelledImages images) {
    double loss = 0;
    for (int i = 0; i < images.count(); i++) {
      forward(parameters, images.pixels(), i * inputs);
      loss += softmax(images.labels()[i]);
    }
    return loss / images.count();
  }

  private void forward(double[] parameters, float[] pixels, int image) {
    if (hidden == 0) {
      System.arraycopy(parameters, inputs * classes, scores, 0, classes);
      accumulate(parameters, 0, pixels, image, scores);
      return;
    }
    System.arraycopy(parameters, inputs * hidden, units, 0, hidden);
    accumulate(parameters, 0, pixels, image, units);
    int second = (inputs + 1) * hidden;
    System.arraycopy(parameters, second + hidden * classes, scores, 0, classes);
    for (int h = 0; h < hidden; h++) {
      units[h] = Math.max(0, units[h]);
      int row = second + h * classes;
      for (int c = 0; c < classes; c++) {
        scores[c] += units[h] * parameters[row + c];
      }
    }
  }

  private void accumulate(double[] parameters, int from, float[] pixels, int image, double[] out) {
    for (int i = 0; i < inputs; i++) {
      double pixel = pixels[image + i];
      if (pixel != 0) {
        int row = from + i * out.length;
        for (int h = 0; h < out.length; h++) {
          out[h] += pixel * parameters[row + h];
        }
      }
    }
  }

  /** The loss; scores become their errors, probabilities less one for the true class. */
  private double softmax(int label) {
    double highest = scores[0];
    for (double score : scores) {
      highest = Math.max(highest, score);
    }
    double sum = 0;
    double own = scores[label] - highest;
    for (int c = 0; c < classes; c++) {
      scores[c] = StrictMath.exp(scores[c] - highest);
      sum += scores[c];
    }
    for (int c = 0; c < classes; c++) {
      scores[c] /= sum;
    }
    scores[label] -= 1;
    return StrictMath.log(sum) - own;
  }

  private void backward(
      double[] parameters, float[] pixels, int image, double share, double[] gradient) {
    for (int c = 0; c < classes; c++) {
      scores[c] *= share;
    }
    if (hidden == 0) {
      spread(pixels, image, scores, gradient);
      return;
    }
    int second = (inputs + 1) * hidden;
    for (int h = 0; h < hidden; h++) {
      int row = second + h * classes;
      double error = 0;
      for (int c = 0; c < classes; c++) {
        error += parameters[row + c] * scores[c];
        gradient[row + c] += units[h] * scores[c];
      }
      unitErrors[h] = units[h] > 0 ? error : 0;
    }
    for (int c = 0; c < classes; c++) {
      gradient[second + hidden * classes + c] += scores[c];
    }
    spread(pixels, image, unitErrors, gradient);
  }

  /** Gradient of the first layer's weights and biases. */
  private void spread(float[] pixels, int image, double[] errors, double[] gradient) {
    for (int i = 0; i < inputs; i++) {
      double pixel = pixels[image + i];
      if (pixel != 0) {
        int row = i * errors.length;
        for (int h = 0; h < errors.length; h++) {
          gradient[row + h] += pixel * errors[h];
        }
      }
    }
    for (int h = 0; h < errors.length; h++) {
      gradient[inputs * errors.length + h] += errors[h];
    }
  }
}
