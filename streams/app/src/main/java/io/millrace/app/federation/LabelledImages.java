package io.millrace.app.federation;

import java.util.Arrays;

/**
 * Images and what they show. Values are shared, not copied; nobody may change them.
 *
 * @param pixels [count x size], 0 to 1
 * @param labels [count], 0 to classes - 1
 * @param size pixels of an image
 * @param classes of labels
 */
public record LabelledImages(float[] pixels, int[] labels, int size, int classes) {
  /** Checks the dimensions and the labels. */
  public LabelledImages {
    if (pixels.length != labels.length * size) {
      throw new IllegalArgumentException(
          pixels.length + " pixels, expected " + labels.length + " x " + size);
    }
    for (int label : labels) {
      if (label < 0 || label >= classes) {
        throw new IllegalArgumentException("label " + label + ", expected 0 to " + (classes - 1));
      }
    }
  }

  /** How many. */
  public int count() {
    return labels.length;
  }

  /** Images {@code from} to {@code to - 1}. */
  public LabelledImages range(int from, int to) {
    return new LabelledImages(
        Arrays.copyOfRange(pixels, from * size, to * size),
        Arrays.copyOfRange(labels, from, to),
        size,
        classes);
  }

  /** Some of the images, in the given order. */
  public LabelledImages select(int[] rows) {
    float[] chosen = new float[rows.length * size];
    int[] chosenLabels = new int[rows.length];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(pixels, rows[i] * size, chosen, i * size, size);
      chosenLabels[i] = labels[rows[i]];
    }
    return new LabelledImages(chosen, chosenLabels, size, classes);
  }

  /** How many of each class. */
  public int[] histogram() {
    int[] counts = new int[classes];
    for (int label : labels) {
      counts[label]++;
    }
    return counts;
  }
}
