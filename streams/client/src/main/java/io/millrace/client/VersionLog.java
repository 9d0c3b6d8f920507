package io.millrace.client;

import io.millrace.operator.federated.Digests;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Commits of a model's versions as they come, each checked against its parent: the lineage of a
 * version is a hash over the whole history, so that no version in it can be exchanged unseen. One
 * thread.
 */
public final class VersionLog {
  /** Commits held; of older ones only the lineage, 32 bytes. */
  private static final int KEPT = 64;

  private final TreeMap<Long, VersionCommit> commits = new TreeMap<>();
  private final TreeMap<Long, ByteBuffer> lineages = new TreeMap<>();

  /**
   * Takes a commit.
   *
   * @throws IllegalArgumentException for one whose lineage does not follow from its content and its
   *     parent; it is not taken then. A commit whose parent is not known is taken on its own word
   */
  public void accept(VersionCommit commit) {
    long parent = commit.getParent();
    ByteBuffer known = parent < 0 ? ByteBuffer.allocate(0) : lineages.get(parent);
    if (known != null
        && !commit.getLineage().equals(ByteBuffer.wrap(Digests.lineage(commit, known)))) {
      throw new IllegalArgumentException(
          "lineage of version "
              + commit.getVersion()
              + " does not follow from its content and version "
              + parent);
    }
    ByteBuffer before = lineages.get(commit.getVersion());
    if (before != null && !before.equals(commit.getLineage())) {
      throw new IllegalArgumentException(
          "version " + commit.getVersion() + " has come before with another lineage");
    }
    lineages.put(commit.getVersion(), commit.getLineage().duplicate());
    commits.put(commit.getVersion(), commit);
    if (commits.size() > KEPT) {
      commits.pollFirstEntry();
    }
  }

  /** A version's commit. */
  public Optional<VersionCommit> version(long version) {
    return Optional.ofNullable(commits.get(version));
  }
}
