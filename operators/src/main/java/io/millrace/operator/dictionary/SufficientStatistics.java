package io.millrace.operator.dictionary;

import io.millrace.kernel.Kernels;
import io.millrace.operator.StateHeader;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Sums over records that were coded with one dictionary: all that a round needs to learn, and what
 * workers send to a merge stage. A commutative monoid under {@link #add}, up to float rounding:
 * added in one fixed order, say of keys, the bits are the same.
 *
 * <pre>
 * A  = sum w z z'   [k x k]   code products (absent for learners that do without)
 * B' = sum w z x'   [k x d]   record products, a row an atom
 * usage_j = records that used atom j          windows, energy, residual energy: plain sums
 * candidates: the records with the largest residual energy, at most {@value #CANDIDATES}
 * </pre>
 *
 * <p>A, B and usage are float32: against a double sum the entries differ by about 1e-6 of the
 * largest after 10,000 records, a thousandth of what the sampling of records moves them, for half
 * the memory and half the checkpoint. Energies are double.
 *
 * <p>State: 4 k (k + d + 1) + 4 d {@value #CANDIDATES} + 80 bytes. One thread.
 */
public final class SufficientStatistics {
  /** Badly explained records kept to replace unused atoms. */
  public static final int CANDIDATES = WorstRecords.CAPACITY;

  /** The running median moves by this factor a record: settles from a 100-fold error in 100. */
  private static final float MEDIAN_STEP = 1.05f;

  private static final int FIXED_BYTES =
      4 * Integer.BYTES + Long.BYTES + 3 * Double.BYTES + Float.BYTES;

  private final int atoms;
  private final int dimension;
  private final float[] codeProducts;
  private final float[] recordProducts;
  private final float[] usage;
  private double usageWindows;
  private long windows;
  private double energy;
  private double residualEnergy;
  private float medianEnergy;
  private final WorstRecords worst;

  /**
   * Zero sums.
   *
   * @param atoms k, at least 1
   * @param dimension d, at least 1
   * @param withCodeProducts whether A is kept
   */
  public SufficientStatistics(int atoms, int dimension, boolean withCodeProducts) {
    this.atoms = atoms;
    this.dimension = dimension;
    this.codeProducts = new float[withCodeProducts ? Math.multiplyExact(atoms, atoms) : 0];
    this.recordProducts = new float[Math.multiplyExact(atoms, dimension)];
    this.usage = new float[atoms];
    this.worst = new WorstRecords(dimension);
  }

  /** k. */
  public int atoms() {
    return atoms;
  }

  /** d. */
  public int dimension() {
    return dimension;
  }

  /** A, [k x k] row-major, symmetric up to rounding; empty when not kept. The live array. */
  public float[] codeProducts() {
    return codeProducts;
  }

  /** B', [k x d] row-major. The live array. */
  public float[] recordProducts() {
    return recordProducts;
  }

  /** Per atom, records that used it. The live array. */
  public float[] usage() {
    return usage;
  }

  /** Decayed share of records that used an atom, 0 to 1; 0 before the first record. */
  public float usageShare(int atom) {
    return usageWindows > 0 ? (float) (usage[atom] / usageWindows) : 0;
  }

  /** Records since the start of the round. */
  public long windows() {
    return windows;
  }

  /** Sum of |x|^2 since the start of the round. */
  public double energy() {
    return energy;
  }

  /** Sum of |x - Dz|^2 since the start of the round. */
  public double residualEnergy() {
    return residualEnergy;
  }

  /** Running median of |x|^2; 0 before the first record with energy. */
  public float medianEnergy() {
    return medianEnergy;
  }

  /** Root of residual energy over energy since the start of the round; 0 for silence. */
  public double relativeError() {
    return energy > 0 ? Math.sqrt(Math.max(0, residualEnergy) / energy) : 0;
  }

  /** Candidates to replace an atom, the worst first. */
  public int candidates() {
    return worst.count();
  }

  /**
   * Copies candidate {@code index} into {@code to}.
   *
   * @param to modified: d entries from {@code offset}
   */
  public void candidate(int index, float[] to, int offset) {
    worst.copy(index, to, offset);
  }

  /** Residual energy of candidate {@code index}. */
  public float candidateEnergy(int index) {
    return worst.residualEnergy(index);
  }

  /** As {@link #candidate}, scaled to unit norm. */
  void unitCandidate(int index, float[] to, int offset) {
    worst.copyUnit(index, to, offset);
  }

  /**
   * Offers a badly explained record; kept while it is among the {@value #CANDIDATES} worst.
   *
   * @param residual its residual energy; 0 is never kept
   * @param records array of the record, not retained
   * @param offset of the record's first entry
   */
  public void offerCandidate(float residual, float[] records, int offset) {
    worst.offer(residual, records, offset);
  }

  /** Refuses a batch that does not fit these sums. */
  void requireBatch(
      Dictionary dictionary, float[] records, int from, int count, SparseCodes codes) {
    if (dictionary.atomCount() != atoms || dictionary.dimension() != dimension) {
      throw new IllegalArgumentException(
          "dictionary is "
              + dictionary.atomCount()
              + " x "
              + dictionary.dimension()
              + ", statistics are for "
              + shape());
    }
    if (count != codes.count() || (long) from + (long) count * dimension > records.length) {
      throw new IllegalArgumentException(
          "records are "
              + count
              + " in an array of "
              + records.length
              + " from "
              + from
              + ", codes are "
              + codes.count());
    }
  }

  /**
   * Counts a record and says by how much it must be scaled to be no larger than {@code clip} times
   * the running median norm, so that one wild record cannot outweigh hundreds. A record that need
   * not be scaled may become one of the worst.
   *
   * @param clip largest norm in running median norms; infinity never scales
   * @return the factor for x and z, in (0, 1]
   */
  float count(float[] records, int record, SparseCodes codes, int row, float clip) {
    float recordEnergy = codes.energy(row);
    float residual = codes.residualEnergy(row);
    windows++;
    usageWindows++;
    energy += recordEnergy;
    residualEnergy += residual;
    if (!(recordEnergy > 0)) {
      return 1;
    }
    if (medianEnergy == 0) {
      medianEnergy = recordEnergy;
    }
    float limit = clip * clip * medianEnergy;
    medianEnergy =
        recordEnergy > medianEnergy ? medianEnergy * MEDIAN_STEP : medianEnergy / MEDIAN_STEP;
    if (recordEnergy > limit) {
      return (float) Math.sqrt((double) limit / recordEnergy);
    }
    worst.offer(residual, records, record);
    return 1;
  }

  /**
   * Adds the sums of records that were coded with the same dictionary.
   *
   * @param other not modified
   * @throws IllegalArgumentException for another shape; nothing is then changed
   */
  public void add(SufficientStatistics other) {
    if (other.atoms != atoms
        || other.dimension != dimension
        || other.codeProducts.length != codeProducts.length) {
      throw new IllegalArgumentException(
          "statistics are for " + other.shape() + ", expected " + shape());
    }
    addRows(0, atoms, other.codeProducts, other.recordProducts, other.usage);
    addTotals(other.windows, other.energy, other.residualEnergy, other.medianEnergy);
    usageWindows += other.usageWindows - other.windows;
    worst.add(other.worst);
  }

  /**
   * Adds the rows of some atoms, for sums that travel in slices.
   *
   * @param firstAtom first row
   * @param count rows
   * @param codeRows [count x k]; empty when A is not kept
   * @param recordRows [count x d]
   * @param usageRows [count]
   * @throws IllegalArgumentException for other lengths or rows outside; nothing is then changed
   */
  public void addRows(
      int firstAtom, int count, float[] codeRows, float[] recordRows, float[] usageRows) {
    boolean withCodeProducts = codeProducts.length > 0;
    if (firstAtom < 0
        || count < 0
        || firstAtom > atoms - count
        || codeRows.length != (withCodeProducts ? count * atoms : 0)
        || recordRows.length != count * dimension
        || usageRows.length != count) {
      throw new IllegalArgumentException(
          "rows from "
              + firstAtom
              + " have "
              + codeRows.length
              + ", "
              + recordRows.length
              + " and "
              + usageRows.length
              + " entries, expected "
              + count
              + " rows for "
              + shape());
    }
    Kernels.axpy(1, codeRows, 0, codeProducts, firstAtom * atoms, codeRows.length);
    Kernels.axpy(1, recordRows, 0, recordProducts, firstAtom * dimension, recordRows.length);
    Kernels.axpy(1, usageRows, 0, usage, firstAtom, count);
  }

  /** Adds plain sums; the running median becomes the mean of both, weighted by windows. */
  public void addTotals(
      long otherWindows, double otherEnergy, double otherResidualEnergy, float otherMedianEnergy) {
    long sum = Math.addExact(windows, otherWindows);
    if (medianEnergy == 0 || otherMedianEnergy == 0) {
      medianEnergy = Math.max(medianEnergy, otherMedianEnergy);
    } else if (sum > 0) {
      double share = (double) otherWindows / sum;
      medianEnergy = (float) (medianEnergy * (1 - share) + otherMedianEnergy * share);
    }
    windows = sum;
    usageWindows += otherWindows;
    energy += otherEnergy;
    residualEnergy += otherResidualEnergy;
  }

  /** Back to zero sums; the running median stays, it is a fact of the stream. */
  public void clear() {
    Arrays.fill(codeProducts, 0);
    Arrays.fill(recordProducts, 0);
    Arrays.fill(usage, 0);
    usageWindows = 0;
    startRound();
  }

  /** Multiplies A, B and usage by {@code factor}. */
  void decay(float factor) {
    Kernels.scale(factor, codeProducts, 0, codeProducts.length);
    Kernels.scale(factor, recordProducts, 0, recordProducts.length);
    decayUsage(factor);
  }

  /** Multiplies usage by {@code factor}; shares stay. */
  void decayUsage(float factor) {
    Kernels.scale(factor, usage, 0, atoms);
    usageWindows *= factor;
  }

  /** Zeroes the plain sums and the worst records; A, B and usage stay. */
  void startRound() {
    windows = 0;
    energy = 0;
    residualEnergy = 0;
    worst.clear();
  }

  /** Forgets atom {@code j}: its row and column of A, its row of B; its usage becomes given. */
  void replaceAtom(int j, float newUsage) {
    if (codeProducts.length > 0) {
      Arrays.fill(codeProducts, j * atoms, (j + 1) * atoms, 0);
      for (int i = 0; i < atoms; i++) {
        codeProducts[i * atoms + j] = 0;
      }
    }
    Arrays.fill(recordProducts, j * dimension, (j + 1) * dimension, 0);
    usage[j] = newUsage;
  }

  /** Bytes that {@link #encode} writes. */
  public int encodedBytes() {
    long floats = (long) codeProducts.length + recordProducts.length + atoms;
    return Math.toIntExact(FIXED_BYTES + worst.encodedBytes() + floats * Float.BYTES);
  }

  /**
   * Writes, in the buffer's order:
   *
   * <pre>
   * int k, int d, int 1 with A or 0, int candidates c, long windows, double energy,
   * double residual energy, double windows behind usage, float median energy,
   * float[c] candidate energies, float[c d] candidates,
   * float[k] usage, float[k d] B', float[k k] A if kept
   * </pre>
   */
  public void encode(ByteBuffer buffer) {
    buffer.putInt(atoms).putInt(dimension).putInt(codeProducts.length > 0 ? 1 : 0);
    buffer.putInt(worst.count()).putLong(windows).putDouble(energy).putDouble(residualEnergy);
    buffer.putDouble(usageWindows).putFloat(medianEnergy);
    worst.encode(buffer);
    StateHeader.putFloats(buffer, usage, 0, atoms);
    StateHeader.putFloats(buffer, recordProducts, 0, recordProducts.length);
    StateHeader.putFloats(buffer, codeProducts, 0, codeProducts.length);
  }

  /**
   * Reads what {@link #encode} wrote.
   *
   * @throws IllegalArgumentException for truncated or impossible bytes, before any allocation that
   *     the bytes do not justify
   */
  public static SufficientStatistics decode(ByteBuffer buffer) {
    if (buffer.remaining() < FIXED_BYTES) {
      throw new IllegalArgumentException(
          "statistics have " + buffer.remaining() + " bytes, expected at least " + FIXED_BYTES);
    }
    int atoms = buffer.getInt();
    int dimension = buffer.getInt();
    int withCodeProducts = buffer.getInt();
    int candidates = buffer.getInt();
    if (atoms < 1
        || dimension < 1
        || withCodeProducts < 0
        || withCodeProducts > 1
        || candidates < 0
        || candidates > CANDIDATES) {
      throw new IllegalArgumentException(
          "statistics declare " + atoms + " atoms of " + dimension + ", " + candidates + " kept");
    }
    long windows = buffer.getLong();
    double energy = buffer.getDouble();
    double residualEnergy = buffer.getDouble();
    double usageWindows = buffer.getDouble();
    float medianEnergy = buffer.getFloat();
    if (windows < 0 || !Double.isFinite(energy + residualEnergy + usageWindows + medianEnergy)) {
      throw new IllegalArgumentException(
          "statistics declare " + windows + " windows of energy " + energy);
    }
    // In long and term by term: factors below 2^31, so nothing overflows.
    long floats = atoms + (long) atoms * dimension;
    floats += withCodeProducts == 1 ? (long) atoms * atoms : 0;
    if (floats > buffer.remaining() / Float.BYTES) {
      throw new IllegalArgumentException(
          "statistics declare " + floats + " floats, " + buffer.remaining() + " bytes are left");
    }
    SufficientStatistics statistics =
        new SufficientStatistics(atoms, dimension, withCodeProducts == 1);
    statistics.windows = windows;
    statistics.energy = energy;
    statistics.residualEnergy = residualEnergy;
    statistics.usageWindows = usageWindows;
    statistics.medianEnergy = medianEnergy;
    statistics.worst.decode(buffer, candidates);
    read(buffer, statistics.usage);
    read(buffer, statistics.recordProducts);
    read(buffer, statistics.codeProducts);
    return statistics;
  }

  private static void read(ByteBuffer buffer, float[] into) {
    float[] values = StateHeader.getFloats(buffer, into.length);
    System.arraycopy(values, 0, into, 0, into.length);
  }

  private String shape() {
    return atoms
        + " atoms of dimension "
        + dimension
        + (codeProducts.length > 0 ? " with" : " without")
        + " code products";
  }
}
