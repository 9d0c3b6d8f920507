package io.millrace.operator.federated;

import io.millrace.kernel.Kernels;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What every update passes before any rule: all its values finite, its length within a bound. One
 * NaN makes most rules useless, and one 1e30 the mean. Works on squared lengths, which chunks add
 * up: the sum is a NaN or an infinity if any value is, and cannot overflow otherwise. Stateless.
 *
 * @param largestNorm of a whole update, above 0
 */
record NormGate(double largestNorm) {
  NormGate {
    if (!(largestNorm > 0 && largestNorm <= 1e150)) {
      throw new IllegalArgumentException(
          "largest norm is " + largestNorm + ", expected above 0 to 1e150");
    }
  }

  /** Squared length of a chunk; NaN or infinite when one of its values is. */
  static double squaredNorm(float[] x, int from, int length) {
    double[] sum = new double[1];
    Kernels.gramAdd(new float[][] {x}, 1, from, length, sum);
    return sum[0];
  }

  /** Why an update of this squared length is refused; empty when it may pass. */
  Optional<String> refusal(double squaredNorm) {
    if (!(squaredNorm <= Double.MAX_VALUE)) {
      return Optional.of("update holds values that are not finite");
    }
    if (squaredNorm > largestNorm * largestNorm) {
      return Optional.of(
          "update has length " + Math.sqrt(squaredNorm) + ", expected at most " + largestNorm);
    }
    return Optional.empty();
  }

  /** The rows that pass, rising. */
  int[] accepted(double[] squaredNorms) {
    List<Integer> accepted = new ArrayList<>();
    for (int i = 0; i < squaredNorms.length; i++) {
      if (refusal(squaredNorms[i]).isEmpty()) {
        accepted.add(i);
      }
    }
    return accepted.stream().mapToInt(Integer::intValue).toArray();
  }
}
