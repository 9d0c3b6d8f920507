package io.millrace.app.federation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class DirichletSplitTest {
  private final LabelledImages images = ImageTask.digits().training();

  @Test
  void everyImageIsWithOneClient() {
    List<LabelledImages> parts = new DirichletSplit(10, 0.3, 5).of(images);

    int[] together = new int[10];
    double sum = 0;
    for (LabelledImages part : parts) {
      assertTrue(part.count() >= 10);
      for (int label = 0; label < 10; label++) {
        together[label] += part.histogram()[label];
      }
      for (float pixel : part.pixels()) {
        sum += pixel;
      }
    }
    assertArrayEquals(images.histogram(), together);
    double expected = 0;
    for (float pixel : images.pixels()) {
      expected += pixel;
    }
    // Sixteenths add exactly.
    assertEquals(expected, sum);
  }

  @Test
  void smallConcentrationsGiveClientsFewClasses() {
    assertTrue(largestShare(0.1) > 0.5, "got " + largestShare(0.1));
    assertTrue(largestShare(100) < 0.2, "got " + largestShare(100));
  }

  /** Of a client's images, how many show its commonest class; mean over clients and draws. */
  private double largestShare(double concentration) {
    double sum = 0;
    for (long seed = 0; seed < 5; seed++) {
      for (LabelledImages part : new DirichletSplit(10, concentration, seed).of(images)) {
        int most = 0;
        for (int count : part.histogram()) {
          most = Math.max(most, count);
        }
        sum += most / (double) part.count() / 50;
      }
    }
    return sum;
  }

  @Test
  void theSameSeedDividesAlike() {
    List<LabelledImages> first = new DirichletSplit(8, 1, 9).of(images);
    List<LabelledImages> again = new DirichletSplit(8, 1, 9).of(images);

    for (int client = 0; client < 8; client++) {
      assertArrayEquals(first.get(client).labels(), again.get(client).labels());
      assertArrayEquals(first.get(client).pixels(), again.get(client).pixels());
    }
  }

  @Test
  void moreClientsThanImagesAllowAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> new DirichletSplit(200, 1, 0).of(images));
  }
}
