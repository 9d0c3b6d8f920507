package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;

class Float16Test {

  @Test
  void readsEveryFiniteHalfBackAsItWas() {
    for (int half = 0; half < 1 << 16; half++) {
      float value = Float16.decode((short) half);
      if (Float.isFinite(value)) {
        assertEquals((short) half, Float16.encode(value), "half " + half);
        assertEquals(exact(half), value, "half " + half);
      }
    }
  }

  @Test
  void roundsToTheNearestHalfAndToTheEvenOneInBetween() {
    for (int half = 0; half < 0x7bff; half++) {
      float low = Float16.decode((short) half);
      float high = Float16.decode((short) (half + 1));
      float middle = (low + high) / 2;
      int even = half % 2 == 0 ? half : half + 1;
      assertEquals((short) even, Float16.encode(middle), "between " + low + " and " + high);
      assertEquals((short) half, Float16.encode(Math.nextDown(middle)));
      assertEquals((short) (half + 1), Float16.encode(Math.nextUp(middle)));
      assertEquals((short) (even | 0x8000), Float16.encode(-middle));
    }
  }

  @Test
  void keepsWhatIsTooLargeAtTheLargest() {
    for (float value : new float[] {65504f, 65519f, 65520f, 1e9f, Float.MAX_VALUE}) {
      assertEquals(Float16.LARGEST, Float16.decode(Float16.encode(value)));
      assertEquals(-Float16.LARGEST, Float16.decode(Float16.encode(-value)));
    }
  }

  @Test
  void roundsToTheNearestBrainFloat() {
    Random random = new Random(3);
    for (int i = 0; i < 100_000; i++) {
      float value = Float.intBitsToFloat(random.nextInt());
      if (!Float.isFinite(value)) {
        continue;
      }
      float got = Float16.decodeBrain(Float16.encodeBrain(value));
      int bits = Float.floatToRawIntBits(value);
      float down = Float.intBitsToFloat(bits & 0xffff0000);
      float up = Float.intBitsToFloat((bits & 0xffff0000) + 0x10000);
      if (!Float.isFinite(up)) {
        assertEquals(down, got);
        continue;
      }
      double error = Math.abs((double) got - value);
      double best = Math.min(Math.abs((double) down - value), Math.abs((double) up - value));
      assertEquals(best, error, "value " + value);
    }
  }

  /** By the definition: sign, exponent, mantissa. */
  private static float exact(int half) {
    int exponent = half >> 10 & 31;
    double mantissa = (half & 1023) / 1024.0;
    double magnitude =
        exponent == 0 ? mantissa * Math.pow(2, -14) : (1 + mantissa) * Math.pow(2, exponent - 15);
    return (float) (half >= 0x8000 ? -magnitude : magnitude);
  }
}
