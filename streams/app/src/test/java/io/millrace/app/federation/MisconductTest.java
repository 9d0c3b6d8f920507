package io.millrace.app.federation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MisconductTest {
  private static final float[] OWN = {1, -2, 3};
  private static final List<float[]> KNOWN = List.of(new float[] {1, 0, 2}, new float[] {3, 0, -2});

  @Test
  void eachDoesWhatItIsCalled() {
    assertArrayEquals(new float[] {-10, 20, -30}, Misconduct.SIGN_FLIP.instead(OWN, KNOWN));
    assertArrayEquals(new float[] {10, 10, 10}, Misconduct.FAR.instead(OWN, KNOWN));
    // Means 2, 0, 0; deviations 1, 0, 2.
    assertArrayEquals(new float[] {0.5f, 0, -3}, Misconduct.ALIE.instead(OWN, KNOWN));
    assertArrayEquals(new float[] {1, 0, 2}, Misconduct.MIMIC.instead(OWN, KNOWN));
    assertTrue(Float.isNaN(Misconduct.NAN.instead(OWN, KNOWN)[1]));
    assertArrayEquals(new float[] {1, 1e30f, 3}, Misconduct.HUGE.instead(OWN, KNOWN));
  }

  @Test
  void aFlippedUpdateIsNeverTooLongToBeTaken() {
    float[] flipped = Misconduct.SIGN_FLIP.instead(new float[] {-30, 40}, KNOWN);
    assertArrayEquals(new float[] {60, -80}, flipped, 1e-5f);
    assertEquals(0, Misconduct.SIGN_FLIP.instead(new float[2], KNOWN)[1], 0);
  }

  @ParameterizedTest
  @EnumSource
  void labelsLeadBackAndOwnUpdatesStay(Misconduct misconduct) {
    assertEquals(misconduct, Misconduct.of(misconduct.label()));
    misconduct.instead(OWN, List.of());
    assertArrayEquals(new float[] {1, -2, 3}, OWN);
  }

  @Test
  void anotherLabelIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> Misconduct.of("SIGN_FLIP"));
  }
}
