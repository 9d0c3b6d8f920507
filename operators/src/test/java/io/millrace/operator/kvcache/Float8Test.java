package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Float8Test {

  /** From the tables of the paper that defines the format. */
  @ParameterizedTest
  @CsvSource({
    "0, 0.0",
    "1, 0.001953125",
    "7, 0.013671875",
    "8, 0.015625",
    "56, 1.0",
    "126, 448.0",
    "-72, -1.0"
  })
  void hasTheValuesOfItsDefinition(byte code, float value) {
    assertEquals(value, Float8.decode(code));
    assertEquals(code, Float8.encode(value));
  }

  @Test
  void everyCodeComesBack() {
    for (int code = 0; code < 256; code++) {
      if ((code & 0x7f) == 0x7f) {
        byte notANumber = (byte) code;
        assertThrows(IllegalArgumentException.class, () -> Float8.decode(notANumber));
      } else {
        assertEquals((byte) code, Float8.encode(Float8.decode((byte) code)));
      }
    }
  }

  @Test
  void roundsToTheNearestAndSaturates() {
    Random random = new Random(1);
    for (int i = 0; i < 20_000; i++) {
      float value = (float) ((random.nextDouble() - 0.5) * Math.pow(2, random.nextInt(24) - 12));
      double distance = Math.abs(Float8.decode(Float8.encode(value)) - (double) value);
      for (int code = 0; code < 256; code++) {
        if ((code & 0x7f) != 0x7f) {
          assertTrue(distance <= Math.abs(Float8.decode((byte) code) - (double) value), "" + value);
        }
      }
    }
    // between 1 and 1.125, and between 1.125 and 1.25: the even mantissa
    assertEquals(1f, Float8.decode(Float8.encode(1.0625f)));
    assertEquals(1.25f, Float8.decode(Float8.encode(1.1875f)));
    assertEquals(448f, Float8.decode(Float8.encode(1e30f)));
    assertEquals(-448f, Float8.decode(Float8.encode(Float.NEGATIVE_INFINITY)));
  }
}
