package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.federated.ModelSoup.Ingredient;
import io.millrace.operator.federated.ModelSoup.Soup;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ModelSoupTest {
  private static Ingredient of(long version, String mask, double... values) {
    return new Ingredient(version, values, mask);
  }

  @Test
  void uniformSoupIsTheMean() {
    Soup soup = ModelSoup.uniform(List.of(of(3, "", 1, -2), of(5, "", 2, 4), of(9, "", 6, 1)));
    assertEquals(List.of(3L, 5L, 9L), soup.versions());
    assertArrayEquals(new double[] {3, 1}, soup.values());
  }

  /** Closeness to (1, 1): the far version spoils the mean and is left out. */
  @Test
  void greedySoupKeepsWhatHelps() {
    List<Ingredient> versions =
        List.of(of(0, "", 9, 9), of(1, "", 0, 1), of(2, "", 2, 1.5), of(3, "", 1, 0));
    Soup soup = ModelSoup.greedy(versions, x -> -Math.hypot(x[0] - 1, x[1] - 1));
    // 1 and 3 score -1, ties in order; 2 scores -1.118; all three: (1, 0.833)
    assertEquals(List.of(1L, 3L, 2L), soup.versions());
    assertArrayEquals(new double[] {1, 2.5 / 3}, soup.values(), 1e-15);
    assertEquals(List.of(0L), ModelSoup.greedy(versions, x -> x[0]).versions());
    assertThrows(IllegalArgumentException.class, () -> ModelSoup.greedy(versions, x -> Double.NaN));
  }

  @Test
  void versionsThatDoNotGoTogetherAreRefused() {
    Ingredient plain = of(1, "", 1, 2);
    for (Ingredient other :
        List.of(of(2, "mask-7", 1, 2), of(2, "", 1), of(2, "", 1, Double.NaN))) {
      IllegalArgumentException refusal =
          assertThrows(
              IllegalArgumentException.class, () -> ModelSoup.uniform(List.of(plain, other)));
      assertTrue(refusal.getMessage().contains("version 2"), refusal.getMessage());
      assertThrows(
          IllegalArgumentException.class, () -> ModelSoup.greedy(List.of(plain, other), x -> x[0]));
    }
    ModelSoup.uniform(List.of(of(1, "mask-7", 1, 0), of(2, "mask-7", 3, 0)));
    assertThrows(IllegalArgumentException.class, () -> ModelSoup.uniform(List.of()));
  }

  @Test
  void chunksMustBeThoseOfTheCommit() {
    List<ModelChunk> chunks = new ArrayList<>();
    List<ByteBuffer> digests = new ArrayList<>();
    for (int chunk = 0; chunk < 2; chunk++) {
      ByteBuffer values = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      values.putFloat(0, chunk + 0.5f).putFloat(4, -chunk);
      ModelChunk record =
          new ModelChunk("model", 4L, chunk, 2, empty(), Float.BYTES, values, empty(), empty());
      record.setDigest(ByteBuffer.wrap(Digests.of(record)));
      chunks.add(0, record);
      digests.add(record.getDigest());
    }
    VersionCommit commit = new VersionCommit();
    commit.setModel("model");
    commit.setVersion(4L);
    commit.setChunkDigests(digests);
    assertArrayEquals(
        new double[] {0.5, 0, 1.5, -1}, ModelSoup.ingredient(commit, chunks, "").values());
    assertRefused(commit, chunks.subList(0, 1));
    assertRefused(commit, List.of(chunks.get(0), chunks.get(0)));
    chunks.get(0).getValues().put(3, (byte) 9);
    assertRefused(commit, chunks);
  }

  private static void assertRefused(VersionCommit commit, List<ModelChunk> chunks) {
    assertThrows(IllegalArgumentException.class, () -> ModelSoup.ingredient(commit, chunks, ""));
  }

  private static ByteBuffer empty() {
    return ByteBuffer.allocate(0);
  }
}
