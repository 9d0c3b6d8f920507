package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.schema.UpdateTask;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** What leaves a client that clips and blurs. */
class LocalNoiseTest {
  private static final byte[] SECRET = "sixteen bytes or".getBytes(StandardCharsets.UTF_8);

  @Test
  void clipsTheWholeOverAllChunks() {
    float[][] update = {{3, 0}, {0, 4}};
    new LocalNoise(SECRET).apply(task("ada", 0), update, 2.5, 0);
    assertArrayEquals(new float[] {1.5f, 0}, update[0], 1e-6f);
    assertArrayEquals(new float[] {0, 2}, update[1], 1e-6f);
    float[][] uneven = {{0.1f, 0.7f, -0.3f}, {1.1f}};
    new LocalNoise(SECRET).apply(task("ada", 0), uneven, 0.3, 0);
    double square = PackedChunk.squaredNorm(uneven[0]) + PackedChunk.squaredNorm(uneven[1]);
    assertTrue(square <= 0.3 * 0.3 && square > 0.3 * 0.299, "" + square);
    float[][] shorter = {{0.1f}};
    new LocalNoise(SECRET).apply(task("ada", 0), shorter, 2.5, 0);
    assertEquals(0.1f, shorter[0][0]);
  }

  @Test
  void noiseIsOfTheDeviationAndOfTaskClientAndSecret() {
    float[] drawn = noise(SECRET, task("ada", 0));
    double mean = 0;
    double square = 0;
    for (float value : drawn) {
      mean += value / drawn.length;
      square += (double) value * value / drawn.length;
    }
    // Of 20,000 draws, five of their own deviations.
    assertEquals(0, mean, 5 * 1.5 / Math.sqrt(20_000));
    assertEquals(1.5, Math.sqrt(square), 5 * 1.5 / Math.sqrt(40_000));
    assertArrayEquals(drawn, noise(SECRET, task("ada", 0)));
    assertDiffers(drawn, noise(SECRET, task("ada", 1)));
    assertDiffers(drawn, noise(SECRET, task("bob", 0)));
    assertDiffers(
        drawn, noise("another sixteen.".getBytes(StandardCharsets.UTF_8), task("ada", 0)));
  }

  @Test
  void numbersThatAreNoneNeverLeave() {
    LocalNoise noise = new LocalNoise(SECRET);
    assertThrows(
        IllegalArgumentException.class,
        () -> noise.apply(task("ada", 0), new float[][] {{1}, {Float.NaN}}, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> new LocalNoise(new byte[15]));
  }

  /** One chunk's noise must not be another's, or their difference would show the values. */
  @Test
  void chunksHaveNoiseOfTheirOwn() {
    float[][] update = {new float[100], new float[100]};
    new LocalNoise(SECRET).apply(task("ada", 0), update, 1, 1);
    assertDiffers(update[0], update[1]);
  }

  @Test
  void aLinearCodecsSeedIsSharedAndTheOthersAreNot() {
    UpdateTask ada = task("ada", 0);
    UpdateTask bob = task("bob", 1);
    assertEquals(ada.getSeed(), TaskSeeds.unpack(ada));
    assertEquals(TaskSeeds.unpack(ada), TaskSeeds.pack(bob, 3, true));
    assertTrue(TaskSeeds.pack(ada, 3, false) != TaskSeeds.pack(bob, 3, false));
    assertTrue(TaskSeeds.pack(ada, 3, false) != TaskSeeds.pack(ada, 4, false));
  }

  private static float[] noise(byte[] secret, UpdateTask task) {
    float[][] update = {new float[20_000]};
    new LocalNoise(secret).apply(task, update, 0.5, 3);
    return update[0];
  }

  private static void assertDiffers(float[] a, float[] b) {
    int same = 0;
    for (int i = 0; i < a.length; i++) {
      same += a[i] == b[i] ? 1 : 0;
    }
    assertTrue(same < 3, same + " equal");
  }

  private static UpdateTask task(String client, long sequence) {
    return new UpdateTask("m", client, sequence, 4L, 3L, 99L, 0L, ByteBuffer.allocate(32));
  }
}
