package io.millrace.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CodeBookTest {

  @Test
  void hadamardIsTheMatrixOfSignsOfCommonBits() {
    Random random = new Random(1);
    for (int block : new int[] {2, 8, 16, 32, 64, 128}) {
      int length = 3 * block;
      float[] x = new float[length];
      float[] signs = new float[length];
      float[] factors = new float[length];
      for (int i = 0; i < length; i++) {
        x[i] = (float) random.nextGaussian();
        signs[i] = random.nextBoolean() ? 1 : -1;
        factors[i] = random.nextFloat();
      }
      float[] got = x.clone();
      CodeBook.hadamard(got, 0, length, signs, block, factors);
      for (int i = 0; i < length; i++) {
        double sum = 0;
        for (int j = 0; j < block; j++) {
          int from = i / block * block + j;
          boolean odd = Integer.bitCount(i % block & j) % 2 == 1;
          sum += (odd ? -1.0 : 1.0) * signs[from] * x[from];
        }
        assertEquals(factors[i] * sum, got[i], 1e-4, "block " + block + ", value " + i);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4})
  void everyValueTakesTheNearestLevel(int bits) {
    CodeBook book = new CodeBook(bits, 0.3f, 0.01f, 0.0002f);
    Random random = new Random(2);
    int d = 48;
    float[] x = new float[4 * d];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian() * 3;
    }
    float[] codes = x.clone();
    float[] factors = {1f, 0.5f, 2f, 0f};
    float[] sums = new float[8];
    book.quantize(codes, 0, 4, d, factors, sums);
    for (int v = 0; v < 4; v++) {
      double product = 0;
      double square = 0;
      for (int i = v * d; i < (v + 1) * d; i++) {
        double scaled = x[i] * factors[v];
        double level = book.level((int) codes[i]);
        for (int code = 0; code < 1 << bits; code++) {
          double error = Math.abs(scaled - level);
          assertTrue(error <= Math.abs(scaled - book.level(code)) + 1e-6, "value " + scaled);
        }
        product += scaled * level;
        square += level * level;
      }
      assertEquals(product, sums[2 * v], 1e-5 * square);
      assertEquals(square, sums[2 * v + 1], 1e-5 * square);
    }
  }
}
