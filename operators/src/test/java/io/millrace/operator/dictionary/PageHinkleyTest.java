package io.millrace.operator.dictionary;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PageHinkleyTest {

  @Test
  void alarmsWhenTheAccumulatedRisePassesTheLevel() {
    PageHinkley test = new PageHinkley(new PageHinkley.Settings(0, 1));
    for (int i = 0; i < 9; i++) {
      assertFalse(test.update(0));
    }
    // mean 0.1, sum 0.9; then mean 2/11, sum 0.9 + 9/11
    assertFalse(test.update(1));
    assertTrue(test.update(1));
  }

  @Test
  void startsAnewAfterAnAlarm() {
    PageHinkley test = new PageHinkley(PageHinkley.Settings.DEFAULT);
    test.update(0.1);
    assertTrue(test.update(1));
    for (int i = 0; i < 1_000; i++) {
      assertFalse(test.update(1));
    }
  }

  @Test
  void neverAlarmsOnAFallingOrAQuietValue() {
    long seed = 3;
    Random random = new Random(seed);
    PageHinkley test = new PageHinkley(PageHinkley.Settings.DEFAULT);
    for (int i = 0; i < 10_000; i++) {
      double value = 0.2 + 0.8 / (1 + i / 20.0) + 0.01 * random.nextGaussian();
      assertFalse(test.update(value), "value " + i + " (seed " + seed + ")");
    }
  }

  @Test
  void goesOnThroughItsBytesAndRefusesDamagedOnes() {
    long seed = 4;
    Random random = new Random(seed);
    PageHinkley plain = new PageHinkley(new PageHinkley.Settings(0, 2));
    PageHinkley restored = new PageHinkley(new PageHinkley.Settings(0, 2));
    int alarms = 0;
    for (int i = 0; i < 500; i++) {
      ByteBuffer bytes = ByteBuffer.allocate(PageHinkley.BYTES);
      plain.encode(bytes);
      restored.decode(bytes.flip());
      double value = random.nextDouble();
      boolean alarm = plain.update(value);
      assertEquals(alarm, restored.update(value), "value " + i + " (seed " + seed + ")");
      alarms += alarm ? 1 : 0;
    }
    assertTrue(alarms > 0);
    assertThrows(
        IllegalArgumentException.class,
        () -> restored.decode(ByteBuffer.allocate(PageHinkley.BYTES - 1)));
    ByteBuffer damaged = ByteBuffer.allocate(PageHinkley.BYTES).putLong(0, -1);
    assertThrows(IllegalArgumentException.class, () -> restored.decode(damaged));
  }
}
