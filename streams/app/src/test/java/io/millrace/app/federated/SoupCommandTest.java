package io.millrace.app.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.federated.Digests;
import io.millrace.operator.federated.ModelSoup;
import io.millrace.operator.federated.ModelSoup.Ingredient;
import io.millrace.operator.federated.ModelSoup.Soup;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.VersionCommit;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Soups from records as they lie in the log of versions. */
class SoupCommandTest {
  private final List<VersionCommit> commits = new ArrayList<>();
  private final TreeMap<Long, List<ModelChunk>> chunks = new TreeMap<>();

  @TempDir private Path directory;

  /** The next version, of two chunks. */
  private void version(float... values) {
    long version = commits.size();
    List<ModelChunk> made = new ArrayList<>();
    List<ByteBuffer> digests = new ArrayList<>();
    for (int chunk = 0; chunk < 2; chunk++) {
      ByteBuffer bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      bytes.putFloat(0, values[2 * chunk]).putFloat(4, values[2 * chunk + 1]);
      ModelChunk record =
          new ModelChunk(
              "m", version, chunk, 2, none(), 4, bytes.order(ByteOrder.BIG_ENDIAN), none(), none());
      record.setDigest(ByteBuffer.wrap(Digests.of(record)));
      made.add(record);
      digests.add(record.getDigest());
    }
    VersionCommit commit = new VersionCommit();
    commit.setModel("m");
    commit.setVersion(version);
    commit.setParent(version - 1);
    commit.setRound(version);
    commit.setChunkDigests(digests);
    commit.setContributions(List.of());
    commit.setRejected(List.of());
    commit.setRule("mean");
    commit.setSettingsHash(none());
    commit.setMeasures(Map.of());
    ByteBuffer parent = version == 0 ? none() : commits.get(commits.size() - 1).getLineage();
    commit.setLineage(ByteBuffer.wrap(Digests.lineage(commit, parent)));
    commits.add(commit);
    chunks.put(version, made);
  }

  private static ByteBuffer none() {
    return ByteBuffer.allocate(0);
  }

  private SoupIngredients taken(Long... wanted) {
    SoupIngredients ingredients = new SoupIngredients("m", Set.of(wanted));
    commits.forEach(ingredients::take);
    chunks.values().forEach(version -> version.forEach(ingredients::take));
    return ingredients;
  }

  @Test
  void averagesTheVersionsAskedFor() {
    version(9, 9, 9, 9);
    version(1, 2, 3, 4);
    version(3, 2, 1, 0);
    Soup soup = ModelSoup.uniform(taken(1L, 2L).all(false));
    assertEquals(List.of(1L, 2L), soup.versions());
    assertArrayEquals(new double[] {2, 2, 2, 2}, soup.values());
    ByteBuffer file =
        ByteBuffer.wrap(ModelScore.bytes(soup.values(), 4)).order(ByteOrder.LITTLE_ENDIAN);
    assertEquals(16, file.remaining());
    assertEquals(2f, file.getFloat(12));
  }

  @Test
  void asksTheLogForVersionsThatAreKeptNoLonger() {
    version(1, 2, 3, 4);
    version(3, 2, 1, 0);
    List<ModelChunk> gone = chunks.remove(0L);
    SoupIngredients ingredients = taken(0L, 1L);
    assertEquals(Set.of(0L), ingredients.missing());
    assertTrue(
        assertThrows(IllegalStateException.class, () -> ingredients.all(false))
            .getMessage()
            .contains("m version 0 is kept no longer"));
    gone.forEach(ingredients::take);
    assertEquals(Set.of(), ingredients.missing());
    assertEquals(2, ingredients.all(false).size());
    assertThrows(IllegalStateException.class, () -> taken(7L).all(false));
  }

  @Test
  void takesNoVersionThatIsNotAsCommitted() {
    version(1, 2, 3, 4);
    version(3, 2, 1, 0);
    chunks.get(1L).get(0).getValues().put(3, (byte) 9);
    assertThrows(IllegalArgumentException.class, () -> taken(0L, 1L).all(false));
    commits.get(1).setRule("median");
    assertThrows(IllegalArgumentException.class, () -> taken(0L, 1L));
  }

  @Test
  void sparseVersionsMustHaveTheirZerosAtTheSamePlaces() {
    version(1, 0, 3, 0);
    version(3, 0, 1, 0);
    version(0, 2, 1, 0);
    List<Ingredient> alike = taken(0L, 1L).all(true);
    assertArrayEquals(new double[] {2, 0, 2, 0}, ModelSoup.uniform(alike).values());
    List<Ingredient> unlike = taken(0L, 2L).all(true);
    assertNotEquals(unlike.get(0).mask(), unlike.get(1).mask());
    assertTrue(
        assertThrows(IllegalArgumentException.class, () -> ModelSoup.uniform(unlike))
            .getMessage()
            .contains("version 2 has mask"));
    assertEquals(2, ModelSoup.uniform(taken(0L, 2L).all(false)).versions().size());
  }

  /** A command that knows three of four models by their bytes. */
  @Test
  void keepsWhatTheUsersCommandScoresNoWorse() throws IOException {
    version(1, 1, 1, 1);
    version(3, 3, 3, 3);
    version(9, 9, 9, 9);
    Path one = model("one", 1);
    Path two = model("two", 2);
    Path three = model("three", 3);
    Path script =
        Files.writeString(
            directory.resolve("score.sh"),
            "if cmp -s \"$1\" "
                + one
                + "; then echo 0.5; elif cmp -s \"$1\" "
                + three
                + "; then echo 0.6; elif cmp -s \"$1\" "
                + two
                + "; then echo 0.75; else echo 0.25; fi\n");
    ModelScore score = new ModelScore("sh " + script, 4, Duration.ofMinutes(5));
    Soup soup = ModelSoup.greedy(taken(0L, 1L, 2L).all(false), score);
    assertEquals(List.of(1L, 0L), soup.versions());
    assertArrayEquals(new double[] {2, 2, 2, 2}, soup.values());
  }

  private Path model(String name, double value) throws IOException {
    byte[] bytes = ModelScore.bytes(new double[] {value, value, value, value}, 4);
    return Files.write(directory.resolve(name), bytes);
  }

  @Test
  void refusesCommandsThatFailPrintNoNumberOrDoNotEnd() {
    double[] model = {1};
    Duration patience = Duration.ofMinutes(5);
    for (String command : List.of("false", "echo good; true", "exit 3;")) {
      assertThrows(
          IllegalStateException.class,
          () -> new ModelScore(command, 4, patience).applyAsDouble(model),
          command);
    }
    assertThrows(
        IllegalStateException.class,
        () -> new ModelScore("sleep 600;", 4, Duration.ofMillis(100)).applyAsDouble(model));
  }
}
