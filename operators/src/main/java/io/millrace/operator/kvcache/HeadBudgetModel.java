package io.millrace.operator.kvcache;

import io.millrace.operator.Models;

/**
 * A published budget of bits for the heads of one layer's keys or values. Immutable: the array is
 * the model's own.
 *
 * @param id the basis id and /budget
 * @param bits [h] a value, side data counted
 */
public record HeadBudgetModel(String id, long version, float[] bits) implements Models.Model {
  /**
   * @throws IllegalArgumentException for no heads, or bits that are negative or not finite
   */
  public HeadBudgetModel {
    if (bits.length == 0) {
      throw new IllegalArgumentException("budget is for no heads, expected at least one");
    }
    for (float head : bits) {
      if (!(head >= 0 && head < Float.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException("budget of a head is " + head + " bits");
      }
    }
  }
}
