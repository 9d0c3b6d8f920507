package io.millrace.app.federation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ImageTaskTest {
  @Test
  void digitsAreAllThere() {
    ImageTask task = ImageTask.digits();

    assertEquals(1_437, task.training().count());
    assertEquals(360, task.test().count());
    int[] first = task.training().histogram();
    int[] last = task.test().histogram();
    for (int digit = 0; digit < 10; digit++) {
      int all = first[digit] + last[digit];
      assertTrue(all >= 174 && all <= 183, all + " of " + digit);
    }
    // The first row of the file: 0 0 5 13 9 1 0 0 ..., a zero.
    assertEquals(13 / 16f, task.training().pixels()[3]);
    assertEquals(0, task.training().labels()[0]);
  }

  @Test
  void articlesAreAllThere() {
    ImageTask task = ImageTask.fashion();

    assertEquals(8_000, task.training().count());
    assertEquals(2_000, task.test().count());
    int[] first = task.training().histogram();
    int[] last = task.test().histogram();
    for (int article = 0; article < 10; article++) {
      assertEquals(1_000, first[article] + last[article]);
    }
    float darkest = 1;
    float brightest = 0;
    for (float pixel : task.training().pixels()) {
      darkest = Math.min(darkest, pixel);
      brightest = Math.max(brightest, pixel);
    }
    assertEquals(0, darkest);
    assertEquals(1, brightest);
  }

  @Test
  void selectionsKeepImageAndLabelTogether() {
    LabelledImages all = ImageTask.digits().test();

    LabelledImages some = all.select(new int[] {7, 3});

    assertEquals(2, some.count());
    assertEquals(all.labels()[7], some.labels()[0]);
    assertEquals(all.labels()[3], some.labels()[1]);
    assertArrayEquals(all.range(3, 4).pixels(), some.range(1, 2).pixels());
  }
}
