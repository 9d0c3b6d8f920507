package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import io.millrace.schema.HeadBudget;
import java.util.Arrays;
import java.util.List;

/**
 * Bits a value for each head of one layer's keys or values. Immutable.
 *
 * @param bits [h], each above 0, at most 16; not to be modified
 */
public record HeadBudgetModel(String id, long version, float[] bits) implements Models.Model {
  private static final int MAXIMUM_HEADS = 4096;
  private static final float MAXIMUM_BITS = 16;

  /**
   * @throws IllegalArgumentException for no heads, too many, or bits out of range
   */
  public HeadBudgetModel {
    if (bits.length < 1 || bits.length > MAXIMUM_HEADS) {
      throw new IllegalArgumentException(
          "budget " + id + " has " + bits.length + " heads, expected 1 to " + MAXIMUM_HEADS);
    }
    for (float head : bits) {
      if (!(head > 0 && head <= MAXIMUM_BITS)) {
        throw new IllegalArgumentException(
            "budget " + id + " has " + head + " bits, expected above 0, at most " + MAXIMUM_BITS);
      }
    }
  }

  /** Id of the budget that belongs to a basis. */
  public static String id(String basis) {
    return basis + "/budget";
  }

  /**
   * The budget in a record.
   *
   * @throws IllegalArgumentException as the constructor does
   */
  public static HeadBudgetModel of(HeadBudget budget) {
    List<Float> heads = budget.getBits();
    float[] bits = new float[heads.size()];
    for (int head = 0; head < bits.length; head++) {
      bits[head] = heads.get(head);
    }
    return new HeadBudgetModel(id(budget.getBasis()), budget.getVersion(), bits);
  }

  @Override
  public String toString() {
    return id + "@" + version + " " + Arrays.toString(bits);
  }
}
