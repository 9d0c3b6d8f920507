package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A page's frame: all that is needed to open it, and every flipped bit found. */
class PageFrameTest {
  private static final PageShape SHAPE = new PageShape(32, 2, 32);

  static String[] names() {
    return PageCodecs.names().toArray(String[]::new);
  }

  @ParameterizedTest
  @MethodSource("names")
  void opensWithNothingButItsBytes(String name) {
    // what is learned has tests of its own
    Optional<PageCodec> known = PageCodecs.named(name, CodecContext.NONE);
    if (known.isEmpty()) {
      return;
    }
    float[] values = values();
    for (PageKind kind : PageKind.values()) {
      byte[] payload = known.get().encode(SHAPE, kind, values);
      float[] expected = new float[values.length];
      known
          .get()
          .open(SHAPE, kind, PageFrame.of(known.get(), SHAPE, kind, true, 7, payload).payload())
          .restore(expected);

      PageFrame read =
          PageFrame.decode(
              ByteBuffer.wrap(
                  PageFrame.of(known.get(), SHAPE, kind, true, 1L << 40, payload)
                      .withLabels(new byte[] {1, 2, 3})
                      .encode()));

      assertEquals(1L << 40, read.firstToken());
      assertEquals(ByteBuffer.wrap(new byte[] {1, 2, 3}), read.labels());
      float[] restored = new float[values.length];
      PageCodecs.reading(read.codec(), read.parameters(), Optional.empty())
          .open(read.shape(), read.kind(), read.payload())
          .restore(restored);
      assertArrayEquals(expected, restored);
    }
  }

  @Test
  void findsEveryFlippedBitAndEveryCut() {
    PageCodec codec = new Kivi(2, 32);
    byte[] frame =
        PageFrame.of(
                codec,
                SHAPE,
                PageKind.KEYS,
                false,
                64,
                codec.encode(SHAPE, PageKind.KEYS, values()))
            .encode();
    for (int bit = 0; bit < 8 * frame.length; bit++) {
      byte[] damaged = frame.clone();
      damaged[bit / 8] ^= (byte) (1 << bit % 8);
      assertThrows(
          IllegalArgumentException.class,
          () -> PageFrame.decode(ByteBuffer.wrap(damaged)),
          "bit " + bit);
    }
    for (int length = 0; length < frame.length; length++) {
      byte[] cut = Arrays.copyOf(frame, length);
      assertThrows(
          IllegalArgumentException.class,
          () -> PageFrame.decode(ByteBuffer.wrap(cut)),
          "length " + length);
    }
  }

  private static float[] values() {
    Random random = new Random(1);
    float[] values = new float[SHAPE.values()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
