package io.millrace.app.federated;

import io.millrace.client.VersionLog;
import io.millrace.operator.federated.ModelSoup;
import io.millrace.operator.federated.ModelSoup.Ingredient;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Versions of a model as they come from the log: commits, whose chain of lineages is checked, and
 * chunks, which count only with the digest that the commit names. One thread.
 */
final class SoupIngredients {
  private static final int MASK_BYTES = 8;

  private final String model;
  private final TreeSet<Long> wanted;
  private final VersionLog log = new VersionLog();
  private final TreeMap<Long, VersionCommit> commits = new TreeMap<>();
  private final TreeMap<Long, TreeMap<Integer, ModelChunk>> chunks = new TreeMap<>();

  /**
   * @param wanted versions
   */
  SoupIngredients(String model, Set<Long> wanted) {
    this.model = model;
    this.wanted = new TreeSet<>(wanted);
  }

  /**
   * Takes a commit, in the order of the log.
   *
   * @throws IllegalArgumentException for one that does not follow from its parent
   */
  void take(VersionCommit commit) {
    if (commit.getModel().equals(model)) {
      log.accept(commit);
      if (wanted.contains(commit.getVersion())) {
        commits.put(commit.getVersion(), commit);
      }
    }
  }

  /** Takes a chunk, if it is of a version that is wanted and as it was committed. */
  void take(ModelChunk chunk) {
    VersionCommit commit = commits.get(chunk.getVersion());
    int number = chunk.getChunk();
    if (chunk.getModel().equals(model)
        && commit != null
        && number >= 0
        && number < commit.getChunkDigests().size()
        && commit.getChunkDigests().get(number).equals(chunk.getDigest())) {
      chunks.computeIfAbsent(chunk.getVersion(), version -> new TreeMap<>()).put(number, chunk);
    }
  }

  /** Versions of which chunks are missing. */
  Set<Long> missing() {
    TreeSet<Long> missing = new TreeSet<>();
    commits.forEach(
        (version, commit) -> {
          if (chunks.getOrDefault(version, new TreeMap<>()).size()
              < commit.getChunkDigests().size()) {
            missing.add(version);
          }
        });
    return missing;
  }

  /**
   * All that are wanted, by rising number.
   *
   * @param sparse whether numbers that are 0 must be the same ones in all of them
   * @throws IllegalStateException for a version that was not committed, or lacks chunks
   */
  List<Ingredient> all(boolean sparse) {
    List<Ingredient> ingredients = new ArrayList<>();
    Set<Long> missing = missing();
    for (long version : wanted) {
      if (!commits.containsKey(version)) {
        throw new IllegalStateException(model + " has no version " + version);
      }
      if (missing.contains(version)) {
        throw new IllegalStateException(
            model + " version " + version + " is kept no longer, and the log does not make it");
      }
      Ingredient one =
          ModelSoup.ingredient(commits.get(version), List.copyOf(chunks.get(version).values()), "");
      ingredients.add(sparse ? new Ingredient(version, one.values(), mask(one.values())) : one);
    }
    return ingredients;
  }

  /** Names the places of numbers that are not 0. */
  static String mask(double[] values) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update("mask".getBytes(StandardCharsets.UTF_8));
      ByteBuffer place = ByteBuffer.allocate(Integer.BYTES);
      for (int i = 0; i < values.length; i++) {
        if (values[i] != 0) {
          digest.update(place.putInt(0, i).array());
        }
      }
      return HexFormat.of().formatHex(digest.digest(), 0, MASK_BYTES);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
