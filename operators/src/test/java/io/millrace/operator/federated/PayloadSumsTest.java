package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PayloadSumsTest {
  private static final int CLIENTS = 19;
  private static final int LENGTH = 2048;
  private static final long SEED = 11;

  @Test
  void meansOfDecodedUpdatesAreThoseOfTheirValues() {
    for (String codec : UpdateCodecs.names()) {
      byte[][] payloads = payloads(codec);
      double[] expected = new double[LENGTH];
      for (byte[] payload : payloads) {
        float[] values = UpdateCodecs.named(codec).decode(payload, LENGTH, SEED);
        for (int i = 0; i < LENGTH; i++) {
          expected[i] += (double) values[i] / CLIENTS;
        }
      }
      double[] mean = new double[LENGTH];
      PayloadSums.decoded(codec, payloads, SEED, mean);
      assertArrayEquals(expected, mean, 1e-9, codec);
    }
  }

  @Test
  void linearPayloadsAddUpAsTheyAre() {
    List<String> linear = UpdateCodecs.names().stream().filter(PayloadSums::isLinear).toList();
    assertEquals(List.of("random-k-0.05", "count-sketch-5x512", "srht-0.1", "mask-0.1-7"), linear);
    for (String codec : linear) {
      if (codec.startsWith("count-sketch")) {
        // its median is taken of the sum: that of each update first is another number
        continue;
      }
      byte[][] payloads = payloads(codec);
      double[] decoded = new double[LENGTH];
      double[] packed = new double[LENGTH];
      PayloadSums.decoded(codec, payloads, SEED, decoded);
      PayloadSums.packed(codec, payloads, SEED, packed);
      // decoding one by one rounds each update to float
      assertArrayEquals(decoded, packed, 1e-5, codec);
    }
  }

  @Test
  void codecsThatAreNotLinearAreRefusedWherePayloadsShallAddUp() {
    byte[][] payloads = payloads("sign");
    assertThrows(
        IllegalArgumentException.class,
        () -> PayloadSums.packed("sign", payloads, SEED, new double[LENGTH]));
  }

  private static byte[][] payloads(String codec) {
    Random random = new Random(SEED);
    byte[][] payloads = new byte[CLIENTS][];
    for (int client = 0; client < CLIENTS; client++) {
      float[] x = new float[LENGTH];
      for (int i = 0; i < LENGTH; i++) {
        x[i] = (float) random.nextGaussian();
      }
      payloads[client] = UpdateCodecs.named(codec).encode(x, SEED);
    }
    return payloads;
  }
}
