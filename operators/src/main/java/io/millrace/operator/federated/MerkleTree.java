package io.millrace.operator.federated;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;

/**
 * The root of a binary hash tree over digests (Merkle, A digital signature based on a conventional
 * encryption function, CRYPTO 1987), shaped and separated as in RFC 9162, section 2.1.1: leaves are
 * hashed behind a 0, nodes behind a 1, and the left half has the largest power of two of leaves
 * below the whole, so that no list has the root of another. Stateless.
 */
public final class MerkleTree {
  private MerkleTree() {}

  /**
   * The root; of no leaves SHA-256 of nothing.
   *
   * @param leaves in order, not modified
   * @return 32 bytes; {@code leaves.size() - 1} nodes are hashed
   */
  public static byte[] root(List<byte[]> leaves) {
    try {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      return leaves.isEmpty() ? sha256.digest() : root(sha256, leaves);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  private static byte[] root(MessageDigest sha256, List<byte[]> leaves) {
    if (leaves.size() == 1) {
      sha256.update((byte) 0);
      return sha256.digest(leaves.get(0));
    }
    int left = Integer.highestOneBit(leaves.size() - 1);
    byte[] first = root(sha256, leaves.subList(0, left));
    byte[] second = root(sha256, leaves.subList(left, leaves.size()));
    sha256.update((byte) 1);
    sha256.update(first);
    return sha256.digest(second);
  }
}
