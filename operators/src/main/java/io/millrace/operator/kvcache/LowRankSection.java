package io.millrace.operator.kvcache;

import io.millrace.kernel.GemmScratch;
import io.millrace.kernel.Kernels;
import java.nio.ByteBuffer;

/**
 * A matrix of low rank for each head of a page, [n x d] = left'right, that is added. The factors
 * come from power iteration (block form: Halko, Martinsson, Tropp, 2011, arXiv 0909.4061) that
 * begins with fixed numbers and orthogonalises in every round.
 *
 * <p>Layout: for each head r x n halves of orthonormal rows, then r x d halves.
 */
final class LowRankSection {
  private static final int ROUNDS = 3;

  /** A row with less of its norm left after the others are taken out has no direction. */
  private static final float DEPENDENT = 1e-5f;

  private final PageShape shape;
  private final int rank;

  /** [h x r x n]; empty before there is anything. */
  private float[] left = new float[0];

  /** [h x r x d]. */
  private float[] right = new float[0];

  private final GemmScratch scratch = new GemmScratch();

  /**
   * An empty section.
   *
   * @param rank at most min(n, d) of it is used
   */
  LowRankSection(PageShape shape, int rank) {
    this.shape = shape;
    this.rank = Math.min(rank, Math.min(shape.tokens(), shape.headDimension()));
  }

  int bytes() {
    return Short.BYTES * shape.heads() * rank * (shape.tokens() + shape.headDimension());
  }

  /**
   * Finds the factors.
   *
   * @param residual [n x h x d], finite; not modified
   */
  void approximate(float[] residual) {
    if (rank == 0) {
      return;
    }
    reserve();
    int n = shape.tokens();
    int d = shape.headDimension();
    float[] matrix = new float[n * d];
    float[] transposed = new float[n * d];
    for (int head = 0; head < shape.heads(); head++) {
      for (int token = 0; token < n; token++) {
        int from = (token * shape.heads() + head) * d;
        System.arraycopy(residual, from, matrix, token * d, d);
      }
      float largest = Math.abs(matrix[Kernels.argmaxAbs(matrix, 0, matrix.length)]);
      if (largest < Float.MIN_NORMAL) {
        continue;
      }
      // scaled to 1, so that no product leaves the range of floats
      Kernels.scale(1 / largest, matrix, 0, matrix.length);
      Kernels.transpose(matrix, 0, transposed, 0, n, d);
      iterate(matrix, transposed, head);
      Kernels.scale(largest, right, head * rank * d, rank * d);
    }
    round(left);
    round(right);
  }

  private void iterate(float[] matrix, float[] transposed, int head) {
    int n = shape.tokens();
    int d = shape.headDimension();
    int leftFrom = head * rank * n;
    int rightFrom = head * rank * d;
    for (int i = 0; i < rank * d; i++) {
      int hash = (i + 1) * 0x9E3779B1;
      right[rightFrom + i] = ((hash ^ hash >>> 15) * 0x85EBCA77) * 0x1p-31f;
    }
    for (int round = 0; round < ROUNDS; round++) {
      orthonormalize(right, rightFrom, d);
      Kernels.gemm(right, rightFrom, transposed, 0, left, leftFrom, rank, n, d, scratch);
      orthonormalize(left, leftFrom, n);
      Kernels.gemm(left, leftFrom, matrix, 0, right, rightFrom, rank, d, n, scratch);
    }
  }

  /** Gram-Schmidt, twice each, on the rows [r x length]; a dependent row becomes zero. */
  private void orthonormalize(float[] rows, int from, int length) {
    for (int i = 0; i < rank; i++) {
      int row = from + i * length;
      float before = Kernels.dot(rows, row, rows, row, length);
      for (int pass = 0; pass < 2; pass++) {
        for (int earlier = from; earlier < row; earlier += length) {
          float along = Kernels.dot(rows, row, rows, earlier, length);
          Kernels.axpy(-along, rows, earlier, rows, row, length);
        }
      }
      float square = Kernels.dot(rows, row, rows, row, length);
      boolean independent = square > DEPENDENT * DEPENDENT * before;
      Kernels.scale(independent ? (float) (1 / Math.sqrt(square)) : 0f, rows, row, length);
    }
  }

  void put(ByteBuffer out) {
    int leftHead = rank * shape.tokens();
    int rightHead = rank * shape.headDimension();
    for (int head = 0; head < shape.heads(); head++) {
      putHalves(out, left, head * leftHead, leftHead);
      putHalves(out, right, head * rightHead, rightHead);
    }
  }

  /**
   * Reads the section; the bytes must be there.
   *
   * @throws IllegalArgumentException for factors that are not finite
   */
  void get(ByteBuffer in) {
    reserve();
    float[] head = new float[rank * Math.max(shape.tokens(), shape.headDimension())];
    int leftHead = rank * shape.tokens();
    int rightHead = rank * shape.headDimension();
    for (int h = 0; h < shape.heads(); h++) {
      Float16.get(in, head, leftHead);
      System.arraycopy(head, 0, left, h * leftHead, leftHead);
      Float16.get(in, head, rightHead);
      System.arraycopy(head, 0, right, h * rightHead, rightHead);
    }
  }

  /**
   * @param values [n x h x d], modified
   */
  void addTo(float[] values) {
    int n = shape.tokens();
    int d = shape.headDimension();
    for (int head = 0; head < shape.heads(); head++) {
      for (int token = 0; token < n; token++) {
        for (int i = 0; i < rank; i++) {
          Kernels.axpy(
              left[(head * rank + i) * n + token],
              right,
              (head * rank + i) * d,
              values,
              (token * shape.heads() + head) * d,
              d);
        }
      }
    }
  }

  void addScores(int head, float[] query, int queryFrom, float[] scores, int scoresFrom) {
    int n = shape.tokens();
    int d = shape.headDimension();
    for (int i = head * rank; i < (head + 1) * rank; i++) {
      float along = Kernels.dot(query, queryFrom, right, i * d, d);
      Kernels.axpy(along, left, i * n, scores, scoresFrom, n);
    }
  }

  void accumulate(int head, float[] weights, int weightsFrom, float[] out, int outFrom) {
    int n = shape.tokens();
    int d = shape.headDimension();
    for (int i = head * rank; i < (head + 1) * rank; i++) {
      float along = Kernels.dot(weights, weightsFrom, left, i * n, n);
      Kernels.axpy(along, right, i * d, out, outFrom, d);
    }
  }

  private void reserve() {
    left = new float[shape.heads() * rank * shape.tokens()];
    right = new float[shape.heads() * rank * shape.headDimension()];
  }

  private static void round(float[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] = Float16.decode(Float16.encode(values[i]));
    }
  }

  private static void putHalves(ByteBuffer out, float[] values, int from, int count) {
    for (int i = from; i < from + count; i++) {
      out.putShort(Float16.encode(values[i]));
    }
  }
}
