package io.millrace.operator.federated;

import io.millrace.schema.Contribution;
import io.millrace.schema.Rejection;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A version that was ordered and is not whole yet. Gram matrices of chunks are summed in the order
 * of chunks; those that come early wait. One thread.
 */
final class OpenVersion {
  final long round;
  final long version;
  final long parent;
  final long seed;
  final long openedMicros;
  final long frozenMicros;

  /** By rising client, then sequence; a rule takes out whom it outvotes. */
  final List<Part> parts;

  final List<Rejection> rejected;
  final SortedMap<String, Double> measures;

  /** Rows of the Gram matrix, 0: no decision is needed. */
  final int rows;

  /** Upper triangle, summed over the chunks before {@link #nextGram}. */
  double[] products = {};

  int nextGram;
  final TreeMap<Integer, double[]> earlyGrams = new TreeMap<>();
  boolean decided;

  /** Digests of the chunks that are done. */
  final TreeMap<Integer, byte[]> done = new TreeMap<>();

  OpenVersion(Order order, List<Part> parts, int rows) {
    this.round = order.round();
    this.version = order.version();
    this.parent = order.parent();
    this.seed = order.seed();
    this.openedMicros = order.openedMicros();
    this.frozenMicros = order.frozenMicros();
    this.parts = parts;
    this.rows = rows;
    this.rejected = new ArrayList<>();
    this.measures = new TreeMap<>();
  }

  /** What is ordered, and when. */
  record Order(
      long round, long version, long parent, long seed, long openedMicros, long frozenMicros) {}

  /** An update in it, and the bytes of its payloads. */
  record Part(Contribution contribution, long bytes) {}

  boolean isDeciding() {
    return rows > 0 && !decided;
  }

  /** Whether a chunk's Gram matrix is here. */
  boolean hasGram(int chunk) {
    return chunk < nextGram || earlyGrams.containsKey(chunk);
  }

  /** Numbers of the upper triangle. */
  int triangle() {
    return rows * (rows + 1) / 2;
  }

  /**
   * Takes a chunk's Gram matrix.
   *
   * @param triangle kept
   */
  void addGram(int chunk, double[] triangle) {
    earlyGrams.put(chunk, triangle);
    if (products.length == 0) {
      products = new double[triangle.length];
    }
    for (double[] next = earlyGrams.remove(nextGram);
        next != null;
        next = earlyGrams.remove(nextGram)) {
      for (int i = 0; i < products.length; i++) {
        products[i] += next[i];
      }
      nextGram++;
    }
  }
}
