package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PackedIntegersTest {

  @Test
  void areTheBitsOfOneLargeInteger() {
    Random random = new Random(1);
    for (int width = 1; width <= 31; width++) {
      for (int count : new int[] {0, 1, 7, 8, 33}) {
        int[] integers = new int[count];
        BigInteger all = BigInteger.ZERO;
        for (int i = 0; i < count; i++) {
          integers[i] = random.nextInt() >>> Integer.SIZE - width;
          all = all.add(BigInteger.valueOf(integers[i]).shiftLeft(i * width));
        }
        ByteBuffer out = ByteBuffer.allocate(PackedIntegers.bytes(count, width));
        PackedIntegers.put(out, integers, count, width);
        assertEquals(0, out.remaining());
        for (int i = 0; i < out.capacity(); i++) {
          assertEquals(all.shiftRight(8 * i).byteValue(), out.get(i));
        }
        int[] read = new int[count];
        PackedIntegers.get(out.flip(), read, count, width);
        assertArrayEquals(integers, read);
      }
    }
  }

  @Test
  void widthHoldsAllBelowTheCount() {
    assertEquals(1, PackedIntegers.width(1));
    assertEquals(1, PackedIntegers.width(2));
    assertEquals(2, PackedIntegers.width(3));
    assertEquals(10, PackedIntegers.width(1024));
    assertEquals(11, PackedIntegers.width(1025));
  }

  @Test
  void refusesBitsAfterTheLast() {
    ByteBuffer in = ByteBuffer.wrap(new byte[] {0x20});
    assertThrows(IllegalArgumentException.class, () -> PackedIntegers.get(in, new int[1], 1, 5));
  }
}
