package io.millrace.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whole arrays against the conversion of one number. */
class HalvesTest {

  @Test
  void everyHalfIsDecodedAlikeInArrays() {
    byte[] bytes = new byte[2 << 16];
    for (int i = 0; i < 1 << 16; i++) {
      bytes[2 * i] = (byte) i;
      bytes[2 * i + 1] = (byte) (i >> 8);
    }
    float[] got = new float[1 << 16];
    Halves.decode(bytes, 0, got, 0, got.length);
    float[] brains = new float[1 << 16];
    Halves.decodeBrain(bytes, 0, brains, 0, brains.length);
    for (int i = 0; i < 1 << 16; i++) {
      assertEquals(Halves.decode((short) i), got[i], "half " + i);
      assertEquals(Float.intBitsToFloat(i << 16), brains[i], "brain half " + i);
    }
  }

  @Test
  void valuesOfEverySizeAreEncodedAlikeInArrays() {
    Random random = new Random(3);
    float[] values = new float[5000];
    for (int i = 0; i < values.length; i++) {
      int bits = random.nextInt();
      float value = Float.intBitsToFloat(bits);
      values[i] = Float.isFinite(value) ? value : 65519f + i;
      if (i % 3 == 0) {
        values[i] = (float) random.nextGaussian() * Math.scalb(1f, random.nextInt(40) - 30);
      }
    }
    byte[] halves = new byte[2 * values.length + 1];
    byte[] brains = new byte[2 * values.length + 1];
    Halves.encode(values, 1, halves, 1, values.length - 1);
    Halves.encodeBrain(values, 1, brains, 1, values.length - 1);
    for (int i = 1; i < values.length; i++) {
      assertEquals(Halves.encode(values[i]), at(halves, 2 * i - 1), "value " + values[i]);
      assertEquals(Halves.encodeBrain(values[i]), at(brains, 2 * i - 1), "value " + values[i]);
    }
  }

  private static short at(byte[] bytes, int from) {
    return (short) (bytes[from] & 0xff | bytes[from + 1] << 8);
  }
}
