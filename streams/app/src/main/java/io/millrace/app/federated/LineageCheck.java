package io.millrace.app.federated;

import io.millrace.operator.federated.Digests;
import io.millrace.operator.federated.MerkleTree;
import io.millrace.schema.Contribution;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Holds every committed version of a model against a replay of the log: the digests of its chunks,
 * the updates that its chunks were told to sum, the Merkle roots of those, and the chain of
 * lineages. One thread.
 */
final class LineageCheck {
  private final ChunkReplay replay;
  private final List<String> findings = new ArrayList<>();
  private final TreeMap<String, TreeMap<Long, VersionCommit>> commits = new TreeMap<>();
  private int versions;
  private int updates;
  private int published;

  LineageCheck(ChunkReplay replay) {
    this.replay = replay;
  }

  /** Takes a version, before {@link #run}. */
  void take(VersionCommit commit) {
    VersionCommit earlier =
        commits
            .computeIfAbsent(commit.getModel(), model -> new TreeMap<>())
            .putIfAbsent(commit.getVersion(), commit);
    if (earlier != null && !earlier.equals(commit)) {
      findings.add(name(commit) + " was committed twice, differently");
    }
  }

  /** Checks all versions taken. */
  void run() {
    commits.forEach(
        (model, byVersion) -> byVersion.values().forEach(commit -> check(byVersion, commit)));
  }

  /** Checks a published chunk of a version that was taken, if it was. */
  void check(ModelChunk chunk) {
    VersionCommit commit =
        commits.getOrDefault(chunk.getModel(), new TreeMap<>()).get(chunk.getVersion());
    if (commit == null) {
      // on its way: its version is not whole
      return;
    }
    published++;
    ByteBuffer digest = ByteBuffer.wrap(Digests.of(chunk));
    if (chunk.getChunk() < 0
        || chunk.getChunk() >= commit.getChunkDigests().size()
        || !digest.equals(commit.getChunkDigests().get(chunk.getChunk()))) {
      findings.add(
          name(commit) + " chunk " + chunk.getChunk() + " as published has digest " + hex(digest));
    }
  }

  /** What is wrong, a sentence each. */
  List<String> findings() {
    return findings;
  }

  /** What was looked at. */
  String summary() {
    return String.format(
        "%d models, %d versions, %d updates in them, %d published chunks: %s",
        commits.size(),
        versions,
        updates,
        published,
        findings.isEmpty() ? "nothing wrong" : findings.size() + " findings");
  }

  private void check(Map<Long, VersionCommit> byVersion, VersionCommit commit) {
    versions++;
    List<ByteBuffer> digests = commit.getChunkDigests();
    for (int chunk = 0; chunk < digests.size(); chunk++) {
      Optional<ByteBuffer> made = replay.digest(commit.getModel(), commit.getVersion(), chunk);
      if (made.isEmpty()) {
        findings.add(name(commit) + " chunk " + chunk + ": the log of updates makes none");
      } else if (!made.get().equals(digests.get(chunk))) {
        findings.add(
            name(commit)
                + " chunk "
                + chunk
                + " has digest "
                + hex(digests.get(chunk))
                + ", the log of updates gives "
                + hex(made.get()));
      }
    }
    checkLineage(byVersion, commit);
    if (commit.getVersion() > 0) {
      checkContributions(commit);
    }
  }

  private void checkLineage(Map<Long, VersionCommit> byVersion, VersionCommit commit) {
    VersionCommit parent = byVersion.get(commit.getParent());
    boolean first = commit.getVersion() == 0;
    if (first != commit.getParent() < 0 || !first && parent == null) {
      findings.add(name(commit) + " has parent " + commit.getParent() + ", which is not committed");
      return;
    }
    ByteBuffer before = first ? ByteBuffer.allocate(0) : parent.getLineage();
    ByteBuffer lineage = ByteBuffer.wrap(Digests.lineage(commit, before));
    if (!lineage.equals(commit.getLineage())) {
      findings.add(
          name(commit)
              + " has lineage "
              + hex(commit.getLineage())
              + ", its fields and its parent's give "
              + hex(lineage));
    }
  }

  private void checkContributions(VersionCommit commit) {
    if (!isAsFrozen(commit)) {
      findings.add(name(commit) + " names other updates than its chunks were told to use");
    }
    for (Contribution part : commit.getContributions()) {
      updates++;
      Map<Integer, ByteBuffer> digests =
          replay.update(commit.getModel(), part.getClient(), part.getSequence());
      List<byte[]> leaves = new ArrayList<>();
      for (int chunk = 0; chunk < commit.getChunkDigests().size(); chunk++) {
        if (digests.containsKey(chunk)) {
          leaves.add(array(digests.get(chunk)));
        }
      }
      ByteBuffer root = ByteBuffer.wrap(MerkleTree.root(leaves));
      if (leaves.size() != commit.getChunkDigests().size() || !root.equals(part.getRoot())) {
        findings.add(
            name(commit)
                + ": update "
                + part.getSequence()
                + " of "
                + part.getClient()
                + " has root "
                + hex(part.getRoot())
                + ", its "
                + leaves.size()
                + " chunks in the log give "
                + hex(root));
      }
    }
  }

  /** Whether what chunks were told to use is in the version, or was left out of it by the rule. */
  private boolean isAsFrozen(VersionCommit commit) {
    List<Contribution> frozen =
        replay.frozen(commit.getModel(), commit.getVersion()).orElse(List.of());
    Set<Long> left = new HashSet<>();
    commit.getRejected().stream()
        .filter(rejection -> rejection.getReason().equals("RULE"))
        .forEach(rejection -> left.add(rejection.getSequence()));
    List<Contribution> used =
        frozen.stream().filter(part -> !left.contains(part.getSequence())).toList();
    return !frozen.isEmpty() && used.equals(commit.getContributions());
  }

  private static String name(VersionCommit commit) {
    return commit.getModel() + " version " + commit.getVersion();
  }

  private static String hex(ByteBuffer bytes) {
    return HexFormat.of().formatHex(array(bytes), 0, Math.min(8, bytes.remaining()));
  }

  private static byte[] array(ByteBuffer bytes) {
    byte[] array = new byte[bytes.remaining()];
    bytes.duplicate().get(array);
    return array;
  }
}
