package io.millrace.operator.federated;

/**
 * A rule over means of updates instead of the updates: nearest-neighbour mixing and the trimmed
 * mean, for example. A block of means at a time, so that they are made and ranked in the cache; the
 * means of a whole chunk would take as much memory as its updates.
 *
 * <p>1 KiB a mean. One thread.
 */
final class MixedRule implements ColumnRule {
  /** Of a block: its means and their table share the second-level cache. */
  private static final int COLUMNS = 256;

  private final Mixing mixing;
  private final ColumnRule rule;
  private final float[][] means;

  /**
   * @param rule made for as many clients as there are means
   */
  MixedRule(Mixing mixing, ColumnRule rule) {
    this.mixing = mixing;
    this.rule = rule;
    this.means = new float[mixing.size()][COLUMNS];
  }

  @Override
  public void combine(float[][] rows, int from, int length, double[] out, int outFrom) {
    for (int block = 0; block < length; block += COLUMNS) {
      int columns = Math.min(COLUMNS, length - block);
      mixing.apply(rows, from + block, columns, means);
      rule.combine(means, 0, columns, out, outFrom + block);
    }
  }
}
