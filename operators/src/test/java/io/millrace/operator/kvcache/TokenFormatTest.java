package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class TokenFormatTest {
  private static final int VALUES = 23;

  /** Every 16-bit pattern, at every place of a run that no long divides. */
  @ParameterizedTest
  @EnumSource(
      value = TokenFormat.class,
      names = {"FLOAT16", "BFLOAT16"})
  void findsTheFirstValueThatIsNotFiniteOrTooLarge(TokenFormat format) {
    ByteBuffer values =
        ByteBuffer.allocate(5 + VALUES * Short.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int bits = 0; bits < 1 << 16; bits++) {
      int at = bits % VALUES;
      values.putShort(5 + at * Short.BYTES, (short) bits);
      float value =
          format == TokenFormat.FLOAT16
              ? Float16.decode((short) bits)
              : Float16.decodeBrain((short) bits);
      boolean fit = Math.abs(value) <= TokenFormat.LARGEST;
      assertEquals(fit ? -1 : at, format.firstUnfit(values, 5, VALUES * Short.BYTES), "" + value);
      values.putShort(5 + at * Short.BYTES, (short) 0x8001);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1e15, true",
    "-1e15, true",
    "1.0001e15, false",
    "-1.0001e15, false",
    "Infinity, false",
    "-Infinity, false",
    "NaN, false",
    "0, true",
    "-0, true",
    "1e-45, true",
    "3.4e38, false"
  })
  void findsTheFirstFloatThatIsNotFiniteOrTooLarge(float value, boolean fit) {
    for (int at = 0; at < VALUES; at++) {
      ByteBuffer values = ByteBuffer.allocate(VALUES * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < VALUES; i++) {
        values.putFloat(-1e15f);
      }
      values.putFloat(at * Float.BYTES, value);
      assertEquals(fit ? -1 : at, TokenFormat.FLOAT32.firstUnfit(values, 0, VALUES * Float.BYTES));
    }
  }
}
