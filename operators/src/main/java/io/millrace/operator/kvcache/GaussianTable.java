package io.millrace.operator.kvcache;

/**
 * Frequencies of the whole numbers that rounding gives a normal variable, out of 4096, for an
 * entropy coder: one table for each of {@value #TABLES} deviations, a quarter of an octave apart.
 * What lies beyond the table's ends is one symbol, the escape.
 *
 * <p>The tables are constants of the format: the normal distribution by series and continued
 * fraction in double, then rounded with at least one for each symbol, the rest given to zero.
 */
public final class GaussianTable {
  /** Deviations, in steps, are 2^(i/4 - 2): 0.25 to 22.6. */
  static final int TABLES = 27;

  static final int TOTAL_BITS = 12;
  static final int TOTAL = 1 << TOTAL_BITS;

  /** Plain bits behind an escape. */
  static final int ESCAPED_BITS = 16;

  private static final GaussianTable[] ALL = all();

  private final double expectedBits;
  private final int largest;
  private final int[] starts;
  private final byte[] symbolOf = new byte[TOTAL];

  private GaussianTable(double deviation) {
    largest = (int) Math.min(100, Math.ceil(4 * deviation) + 1);
    int symbols = 2 * largest + 2;
    int[] counts = new int[symbols];
    double[] probabilities = new double[symbols];
    int rest = TOTAL;
    for (int symbol = 0; symbol < symbols; symbol++) {
      double probability =
          symbol == symbols - 1
              ? 2 * upperTail((largest + 0.5) / deviation)
              : upperTail((symbol - largest - 0.5) / deviation)
                  - upperTail((symbol - largest + 0.5) / deviation);
      probabilities[symbol] = probability;
      counts[symbol] = (int) Math.max(1, Math.floor(probability * TOTAL));
      rest -= counts[symbol];
    }
    counts[largest] += rest;
    starts = new int[symbols + 1];
    for (int symbol = 0; symbol < symbols; symbol++) {
      starts[symbol + 1] = starts[symbol] + counts[symbol];
      for (int slot = starts[symbol]; slot < starts[symbol + 1]; slot++) {
        symbolOf[slot] = (byte) symbol;
      }
    }
    double bits = ESCAPED_BITS * probabilities[symbols - 1];
    for (int symbol = 0; symbol < symbols; symbol++) {
      bits +=
          probabilities[symbol] * (TOTAL_BITS - StrictMath.log(counts[symbol]) / StrictMath.log(2));
    }
    expectedBits = bits;
  }

  /**
   * A table.
   *
   * @param index 0 to {@link #TABLES} - 1
   */
  public static GaussianTable of(int index) {
    return ALL[index];
  }

  /** The table whose deviation is nearest on the logarithmic scale. */
  static int nearest(double deviation) {
    if (!(deviation > 0)) {
      return 0;
    }
    long index = Math.round(4 * (StrictMath.log(deviation) / StrictMath.log(2) + 2));
    return (int) Math.max(0, Math.min(TABLES - 1, index));
  }

  /** Bits of a rounded normal variable of this table's deviation, coded with it, on average. */
  double expectedBits() {
    return expectedBits;
  }

  /** Symbol of a value; the last one when it lies beyond the ends. */
  int symbol(int value) {
    return Math.abs((long) value) > largest ? escape() : value + largest;
  }

  int value(int symbol) {
    return symbol - largest;
  }

  int escape() {
    return starts.length - 2;
  }

  int start(int symbol) {
    return starts[symbol];
  }

  int count(int symbol) {
    return starts[symbol + 1] - starts[symbol];
  }

  /** Symbol whose span holds a slot of 0 to {@link #TOTAL} - 1. */
  int symbolAt(int slot) {
    return symbolOf[slot] & 0xff;
  }

  private static GaussianTable[] all() {
    GaussianTable[] tables = new GaussianTable[TABLES];
    for (int index = 0; index < TABLES; index++) {
      tables[index] = new GaussianTable(StrictMath.pow(2, index / 4.0 - 2));
    }
    return tables;
  }

  /** Probability that a standard normal variable exceeds x. */
  static double upperTail(double x) {
    if (x < 0) {
      return 1 - upperTail(-x);
    }
    double density = StrictMath.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
    if (x < 3) {
      double term = x;
      double sum = x;
      for (int k = 1; k < 60; k++) {
        term *= x * x / (2 * k + 1);
        sum += term;
      }
      return 0.5 - density * sum;
    }
    double fraction = x;
    for (int k = 60; k > 0; k--) {
      fraction = x + k / fraction;
    }
    return density / fraction;
  }
}
