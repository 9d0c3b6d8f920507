package io.millrace.app.federation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PerceptronTest {
  private static final int[] ROWS = {0, 1, 2, 3, 4, 5, 6};

  @ParameterizedTest
  @ValueSource(ints = {0, 4})
  void gradientIsTheSlopeOfTheLoss(int hidden) {
    LabelledImages images = images(7, 5, 3);
    Perceptron perceptron = new Perceptron(5, hidden, 3);
    double[] parameters = somewhere(perceptron.length());
    double[] gradient = new double[parameters.length];

    double loss = perceptron.gradient(parameters, images, ROWS, 0, 7, gradient);

    assertEquals(perceptron.loss(parameters, images), loss, 1e-12);
    double step = 1e-6;
    for (int i = 0; i < parameters.length; i++) {
      double[] above = parameters.clone();
      double[] below = parameters.clone();
      above[i] += step;
      below[i] -= step;
      double slope = (perceptron.loss(above, images) - perceptron.loss(below, images)) / (2 * step);
      assertEquals(slope, gradient[i], 1e-8, "parameter " + i);
    }
  }

  @Test
  void gradientOfABatchIsTheMeanOverItsRows() {
    LabelledImages images = images(7, 5, 3);
    Perceptron perceptron = new Perceptron(5, 4, 3);
    double[] parameters = somewhere(perceptron.length());
    double[] batch = new double[parameters.length];
    double[] mean = new double[parameters.length];
    double[] one = new double[parameters.length];

    perceptron.gradient(parameters, images, ROWS, 2, 5, batch);

    for (int i = 2; i < 5; i++) {
      perceptron.gradient(parameters, images, ROWS, i, i + 1, one);
      for (int j = 0; j < mean.length; j++) {
        mean[j] += one[j] / 3;
      }
    }
    assertArrayEquals(mean, batch, 1e-12);
  }

  @Test
  void largeScoresDoNotOverflow() {
    LabelledImages images = images(7, 5, 3);
    Perceptron perceptron = new Perceptron(5, 0, 3);
    double[] parameters = new double[perceptron.length()];
    Arrays.setAll(parameters, i -> i % 3 == 0 ? 1e6 : -1e6);

    double loss = perceptron.gradient(parameters, images, ROWS, 0, 7, parameters.clone());

    assertTrue(Double.isFinite(loss) && loss > 0, "loss " + loss);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 32})
  void layersLieOneBehindTheOtherWithoutGaps(int hidden) {
    Perceptron perceptron = new Perceptron(784, hidden, 10);
    int next = 0;
    for (Perceptron.Layer layer : perceptron.layers()) {
      assertEquals(next, layer.offset());
      next += layer.shape().stream().reduce(1, (a, b) -> a * b);
    }
    assertEquals(perceptron.length(), next);
  }

  @Test
  void trainingIsTheSameForTheSameSeedAndAnotherForAnother() {
    LabelledImages images = images(50, 5, 3);
    Perceptron perceptron = new Perceptron(5, 4, 3);
    double[] start = perceptron.initial(7);
    MinibatchTraining training = new MinibatchTraining(3, 8, 0.1, 0.9);

    double[] first = training.run(perceptron, start, images, 1);

    assertArrayEquals(perceptron.initial(7), start, "the start is not touched");
    assertArrayEquals(first, training.run(new Perceptron(5, 4, 3), start, images, 1));
    assertFalse(Arrays.equals(first, training.run(perceptron, start, images, 2)));
    assertEquals(21, training.steps(50));
  }

  @Test
  void oneStepOfFullBatchTrainingFollowsTheGradient() {
    LabelledImages images = images(7, 5, 3);
    Perceptron perceptron = new Perceptron(5, 4, 3);
    double[] start = somewhere(perceptron.length());
    double[] gradient = new double[start.length];
    perceptron.gradient(start, images, ROWS, 0, 7, gradient);

    double[] end = new MinibatchTraining(1, 7, 0.25, 0.9).run(perceptron, start, images, 5);

    for (int i = 0; i < end.length; i++) {
      assertEquals(start[i] - 0.25 * gradient[i], end[i], 1e-12);
    }
  }

  private static double[] somewhere(int length) {
    Random random = new Random(3);
    double[] parameters = new double[length];
    Arrays.setAll(parameters, i -> random.nextGaussian());
    return parameters;
  }

  private static LabelledImages images(int count, int size, int classes) {
    Random random = new Random(11);
    float[] pixels = new float[count * size];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = i % 4 == 0 ? 0 : random.nextFloat();
    }
    int[] labels = new int[count];
    Arrays.setAll(labels, i -> random.nextInt(classes));
    return new LabelledImages(pixels, labels, size, classes);
  }
}
