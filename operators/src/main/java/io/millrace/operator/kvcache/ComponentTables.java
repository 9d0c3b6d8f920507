package io.millrace.operator.kvcache;

/**
 * What one quantisation step makes of a basis: which components are coded, and the entropy table of
 * each. Writer and reader find the same from deviations and step alone.
 *
 * <p>One step for all components is reverse water-filling: each is rounded with the same error, and
 * costs about log2(deviation / step) + 2.05 bits. A component smaller than half a step is left out:
 * the errors that it would save are worth less than its bits, at the price step^2 ln(2) / 6 a bit
 * that the large components pay. Of a component larger than any table the lower bits, which are
 * even noise, are kept plain, and the table has the rest.
 *
 * @param step above 0
 * @param count leading components that are coded
 * @param plainBits of each component, falling
 * @param tables of each component, for deviations of step 2^plainBits
 */
record ComponentTables(float step, int count, byte[] plainBits, byte[] tables) {
  /** Coded bits of a normal variable as large as each table expects. */
  private static final double[] BITS = bits();

  private static final double SMALLEST = 0.5;
  private static final double LARGEST = 24;
  private static final int MAXIMUM_PLAIN_BITS = 12;
  private static final int HALVINGS = 60;

  /**
   * The tables of a step.
   *
   * @param deviations falling
   * @throws IllegalArgumentException unless the step is finite, above 0, and not too small for the
   *     largest deviation
   */
  static ComponentTables of(float[] deviations, float step) {
    if (!(step > 0 && step <= Float.MAX_VALUE)
        || plainBits(deviations[0] / (double) step) > MAXIMUM_PLAIN_BITS) {
      throw new IllegalArgumentException(
          "step is " + step + ", the largest component's deviation " + deviations[0]);
    }
    int count = 0;
    while (count < deviations.length && deviations[count] > SMALLEST * step) {
      count++;
    }
    byte[] plainBits = new byte[count];
    byte[] tables = new byte[count];
    for (int j = 0; j < count; j++) {
      double ratio = deviations[j] / (double) step;
      plainBits[j] = (byte) plainBits(ratio);
      tables[j] = (byte) GaussianTable.nearest(Math.scalb(ratio, -plainBits[j]));
    }
    return new ComponentTables(step, count, plainBits, tables);
  }

  /**
   * The largest step, to the float, at which tokens cost at least {@code bitsPerValue}; at a rate
   * that the deviations cannot fill, the smallest that there is.
   *
   * @param deviations falling
   * @param channels c, the values of a token
   */
  static float step(float[] deviations, int channels, double bitsPerValue) {
    // deviations of nothing: any step codes it
    double high = Math.max(deviations[0], 1e-30) / SMALLEST;
    double low = high * SMALLEST / Math.scalb(LARGEST, MAXIMUM_PLAIN_BITS - 1);
    for (int i = 0; i < HALVINGS; i++) {
      double middle = Math.sqrt(low * high);
      if (expectedBits(deviations, middle) > bitsPerValue * channels) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return (float) low;
  }

  /** Coded bits of a token whose components are normal with these deviations. */
  static double expectedBits(float[] deviations, double step) {
    double bits = 0;
    for (int j = 0; j < deviations.length && deviations[j] > SMALLEST * step; j++) {
      double ratio = deviations[j] / step;
      int plain = plainBits(ratio);
      bits += plain + BITS[GaussianTable.nearest(Math.scalb(ratio, -plain))];
    }
    return bits;
  }

  GaussianTable table(int component) {
    return GaussianTable.of(tables[component]);
  }

  private static int plainBits(double ratio) {
    return ratio <= LARGEST ? 0 : Math.getExponent(ratio / LARGEST) + 1;
  }

  private static double[] bits() {
    double[] bits = new double[GaussianTable.TABLES];
    for (int index = 0; index < bits.length; index++) {
      bits[index] = GaussianTable.of(index).expectedBits();
    }
    return bits;
  }
}
