package io.millrace.operator.dictionary;

import io.millrace.operator.StateHeader;
import java.nio.ByteBuffer;

/**
 * What a dictionary learner keeps for one key: the dictionary of the present version, the sums of
 * records coded with it, and how far learning has come. Plain numbers; two runs with the same
 * inputs have the same bytes.
 *
 * <p>It leaves as two parts, because a checkpoint writes only what changed: the statistics move
 * with every record, the dictionary (with the averaged gradient, where a learner has one) only at
 * the end of a round.
 *
 * <p>State: that of {@link SufficientStatistics} + 4 k d for the atoms (+ 4 k d for the gradient) +
 * 40 bytes; the prepared {@link Dictionary} holds the atoms once more transposed and their Gram
 * matrix, 4 k (k + d) bytes that are never written. One thread.
 */
public final class LearnerState {
  private static final int FIXED_BYTES = 3 * Integer.BYTES + 2 * Long.BYTES + Double.BYTES;

  private final SufficientStatistics statistics;
  private final float[] gradient;
  private Dictionary dictionary;
  private long windows;
  private long rounds;
  private double age;
  private long statisticsRevision;
  private long dictionaryRevision;

  /**
   * @param statistics kept, not copied
   * @param dictionary of the same shape
   * @param gradient averaged gradient, [k x d], or empty; kept, not copied
   */
  LearnerState(SufficientStatistics statistics, Dictionary dictionary, float[] gradient) {
    if (dictionary.atomCount() != statistics.atoms()
        || dictionary.dimension() != statistics.dimension()) {
      throw new IllegalArgumentException(
          "dictionary is "
              + dictionary.atomCount()
              + " x "
              + dictionary.dimension()
              + ", statistics are for "
              + statistics.atoms()
              + " x "
              + statistics.dimension());
    }
    this.statistics = statistics;
    this.dictionary = dictionary;
    this.gradient = gradient;
  }

  /** The dictionary that codes the records of this round: unit atoms, Gram matrix ready. */
  public Dictionary dictionary() {
    return dictionary;
  }

  /** The sums. A merge stage adds partial sums here, in one fixed order. */
  public SufficientStatistics statistics() {
    return statistics;
  }

  /** Records learned from, the present round excluded. */
  public long windows() {
    return windows;
  }

  /** Rounds ended. */
  public long rounds() {
    return rounds;
  }

  /**
   * How far the learner's schedule is: records (decayed by {@link DictionaryLearner#forget}) for
   * sufficient statistics, rounds since the last restart for Frank-Wolfe.
   */
  double age() {
    return age;
  }

  /** The averaged gradient, [k x d]; empty for a learner without. The live array. */
  float[] gradient() {
    return gradient;
  }

  /** To be called after any change of {@link #statistics()}. */
  public void statisticsChanged() {
    statisticsRevision++;
  }

  /** Ends a round. */
  void endRound(Dictionary next, long roundWindows, double newAge) {
    dictionary = next;
    windows += roundWindows;
    rounds++;
    age = newAge;
    statisticsRevision++;
    dictionaryRevision++;
  }

  /** Sets the schedule back. */
  void rejuvenate(double newAge) {
    age = newAge;
    statisticsRevision++;
    dictionaryRevision++;
  }

  /** Differs whenever the bytes of {@link #encodeStatistics} may differ. */
  public long statisticsRevision() {
    return statisticsRevision;
  }

  /** Differs whenever the bytes of {@link #encodeDictionary} may differ. */
  public long dictionaryRevision() {
    return dictionaryRevision;
  }

  /** Bytes that {@link #encodeStatistics} writes. */
  public int statisticsBytes() {
    return statistics.encodedBytes();
  }

  /** Writes {@link SufficientStatistics#encode}. */
  public void encodeStatistics(ByteBuffer buffer) {
    statistics.encode(buffer);
  }

  /** Bytes that {@link #encodeDictionary} writes. */
  public int dictionaryBytes() {
    return Math.addExact(
        FIXED_BYTES, Math.multiplyExact(Float.BYTES, dictionary.atoms().length + gradient.length));
  }

  /**
   * Writes, in the buffer's order: int k, int d, int 1 with gradient or 0, long windows, long
   * rounds, double age, float[k d] atoms, float[k d] gradient if kept.
   */
  public void encodeDictionary(ByteBuffer buffer) {
    buffer.putInt(dictionary.atomCount()).putInt(dictionary.dimension());
    buffer.putInt(gradient.length > 0 ? 1 : 0).putLong(windows).putLong(rounds).putDouble(age);
    StateHeader.putFloats(buffer, dictionary.atoms(), 0, dictionary.atoms().length);
    StateHeader.putFloats(buffer, gradient, 0, gradient.length);
  }

  /**
   * Reads both parts. Revisions start at 0.
   *
   * @throws IllegalArgumentException for truncated or impossible bytes or parts of different shape,
   *     before any allocation that the bytes do not justify
   */
  public static LearnerState decode(ByteBuffer statisticsBytes, ByteBuffer dictionaryBytes) {
    SufficientStatistics statistics = SufficientStatistics.decode(statisticsBytes);
    if (dictionaryBytes.remaining() < FIXED_BYTES) {
      throw new IllegalArgumentException(
          "dictionary has " + dictionaryBytes.remaining() + " bytes, needs " + FIXED_BYTES);
    }
    int atoms = dictionaryBytes.getInt();
    int dimension = dictionaryBytes.getInt();
    int withGradient = dictionaryBytes.getInt();
    if (atoms != statistics.atoms()
        || dimension != statistics.dimension()
        || withGradient < 0
        || withGradient > 1
        // k^2 code products or k = d gradients are what justifies a Gram matrix of k^2
        || (statistics.codeProducts().length == 0 && (withGradient == 0 || atoms != dimension))) {
      throw new IllegalArgumentException(
          "dictionary declares "
              + atoms
              + " x "
              + dimension
              + ", its statistics are for "
              + statistics.atoms()
              + " x "
              + statistics.dimension());
    }
    long windows = dictionaryBytes.getLong();
    long rounds = dictionaryBytes.getLong();
    double age = dictionaryBytes.getDouble();
    if (windows < 0 || rounds < 0 || !(age >= 0)) {
      throw new IllegalArgumentException(
          "dictionary declares " + windows + " windows, " + rounds + " rounds, age " + age);
    }
    float[] dictionaryAtoms = StateHeader.getFloats(dictionaryBytes, atoms * dimension);
    float[] gradient = StateHeader.getFloats(dictionaryBytes, withGradient * atoms * dimension);
    LearnerState state =
        new LearnerState(statistics, Dictionary.of(dictionaryAtoms, atoms, dimension), gradient);
    state.windows = windows;
    state.rounds = rounds;
    state.age = age;
    return state;
  }

  /** Size on the heap, bytes, approximately. */
  public long heapBytes() {
    long k = dictionary.atomCount();
    long d = dictionary.dimension();
    return statistics.encodedBytes() + 4L * (k * k + 2 * k * d + gradient.length) + 512;
  }
}
