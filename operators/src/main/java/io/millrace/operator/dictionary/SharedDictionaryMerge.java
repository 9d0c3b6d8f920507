package io.millrace.operator.dictionary;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.operator.Operator;
import io.millrace.schema.DictionaryStatistics;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.Tensor;
import io.millrace.schema.VersionCause;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.Consumer;
import org.apache.avro.specific.SpecificRecord;

/**
 * The merge stage of a shared dictionary: sums the statistics that workers send, ends a round when
 * enough windows have come, and publishes the next version. Statistics are a commutative monoid
 * within a version; those of the {@value #STALE_VERSIONS} newest versions are added too, as online
 * dictionary learning's own past is, and older ones refused.
 *
 * <p>Each slice of a contribution is added as it comes: an atom's row arrives whole, which is all
 * that a round needs. The last slice carries the totals, and rounds end after it; where slices of
 * several contributors interleave in the log, rows that came early count one round earlier.
 *
 * <p>State: {@link LearnerState}. Cost per slice O(rows (k + d)), per round that of the learner.
 * One thread.
 */
public final class SharedDictionaryMerge
    implements Operator<DictionaryStatistics, SharedDictionaryState, SpecificRecord> {
  /** Statistics so many versions behind the newest are too old to be added. */
  static final int STALE_VERSIONS = 64;

  /** Sums of clipped, normalised windows stay far below; larger ones would overflow later. */
  private static final double MAXIMUM_SUM = 1e30;

  private static final long MAXIMUM_WINDOWS = 1L << 40;

  private final SensorDictionarySettings settings;
  private final DictionaryLearner learner;
  private final boolean withCodeProducts;

  public SharedDictionaryMerge(SensorDictionarySettings settings, DictionaryLearner learner) {
    if (!settings.isShared()) {
      throw new IllegalArgumentException("shared dictionary has no name");
    }
    this.settings = settings;
    this.learner = learner;
    this.withCodeProducts = learner.createStatistics(1, 1).codeProducts().length > 0;
  }

  @Override
  public SharedDictionaryState createState(String key) {
    WindowSettings window = settings.window();
    float[] initial = Cosines.atoms(settings.atoms(), window.channels(), window.length());
    return new SharedDictionaryState(
        key, learner.createState(initial, settings.atoms(), window.dimension()));
  }

  @Override
  public long eventTimeMillis(DictionaryStatistics slice) {
    return Math.floorDiv(slice.getTimeMicros(), 1000L);
  }

  @Override
  public void accept(
      SharedDictionaryState state,
      DictionaryStatistics slice,
      long eventTimeMillis,
      Models models,
      Consumer<? super SpecificRecord> out) {
    int rows = slice.getUsage().size();
    int atoms = settings.atoms();
    int dimension = settings.window().dimension();
    SufficientStatistics sums = state.learner.statistics();
    requireState(state);
    requireFit(slice, rows);
    requireVersion(state, slice);
    requireTotals(slice);
    int candidateCount = slice.getCandidateEnergy().size();
    int codeRowCount = withCodeProducts ? rows : 0;
    float[] codeRows = sums(slice.getCodeProducts(), codeRowCount, atoms);
    float[] recordRows = sums(slice.getRecordProducts(), rows, dimension);
    float[] candidates = sums(slice.getCandidates(), candidateCount, dimension);
    float[] candidateEnergy = positive("candidate energy", slice.getCandidateEnergy());
    float[] usage = positive("usage", slice.getUsage());
    state.revision++;
    if (!state.initialPublished) {
      publish(state, slice, new RoundResult(0, 0, 0, OptionalDouble.empty()), out);
      state.initialPublished = true;
    }
    sums.addRows(slice.getFirstAtom(), rows, codeRows, recordRows, usage);
    state.learner.statisticsChanged();
    if (slice.getFirstAtom() + rows < atoms) {
      return;
    }
    sums.addTotals(
        slice.getWindows(), slice.getEnergy(), slice.getResidualEnergy(), slice.getMedianEnergy());
    for (int c = 0; c < candidateCount; c++) {
      sums.offerCandidate(candidateEnergy[c], candidates, c * dimension);
    }
    if (sums.windows() >= settings.rounds().roundWindows(state.learner.windows())) {
      RoundResult result = learner.endRound(state.learner);
      state.version++;
      publish(state, slice, result, out);
    }
  }

  private void requireState(SharedDictionaryState state) {
    SufficientStatistics sums = state.learner.statistics();
    if (sums.atoms() != settings.atoms()
        || sums.dimension() != settings.window().dimension()
        || sums.codeProducts().length > 0 != withCodeProducts) {
      throw new IllegalStateException(
          "kept state is for "
              + sums.atoms()
              + " atoms of "
              + sums.dimension()
              + "; settings differ, or the learner does: reset the pipeline's state or give it a"
              + " new name (key="
              + state.key
              + ")");
    }
  }

  private void requireFit(DictionaryStatistics slice, int rows) {
    WindowSettings window = settings.window();
    if (slice.getLength() != window.length()
        || slice.getChannels() != window.channels()
        || slice.getAtomCount() != settings.atoms()
        || slice.getFirstAtom() < 0
        || rows < 1
        || slice.getFirstAtom() > settings.atoms() - rows
        || slice.getCandidateEnergy().size() > SufficientStatistics.CANDIDATES) {
      throw new InvalidInputException(
          Reason.WRONG_DIMENSION,
          "statistics are for "
              + slice.getChannels()
              + " x "
              + slice.getLength()
              + ", "
              + slice.getAtomCount()
              + " atoms from "
              + slice.getFirstAtom()
              + ", expected "
              + window.channels()
              + " x "
              + window.length()
              + ", "
              + settings.atoms()
              + " atoms");
    }
  }

  private static void requireVersion(SharedDictionaryState state, DictionaryStatistics slice) {
    if (!slice.getDictionary().equals(state.key)) {
      throw new InvalidInputException(
          Reason.UNKNOWN_MODEL,
          "statistics are of " + slice.getDictionary() + ", expected " + state.key);
    }
    long oldest = Math.max(0, state.version - STALE_VERSIONS + 1);
    if (slice.getVersion() > state.version || slice.getVersion() < oldest) {
      throw new InvalidInputException(
          Reason.UNKNOWN_MODEL,
          "statistics are of version "
              + slice.getVersion()
              + ", expected "
              + oldest
              + " to "
              + state.version);
    }
  }

  private static void requireTotals(DictionaryStatistics slice) {
    long micros = slice.getTimeMicros();
    if (micros < 0 || micros > ReadingCheck.MAXIMUM_MICROS) {
      throw new InvalidInputException(
          Reason.BAD_TIME,
          "time is " + micros + " microseconds, expected 0 to " + ReadingCheck.MAXIMUM_MICROS);
    }
    if (slice.getWindows() < 1
        || slice.getWindows() > MAXIMUM_WINDOWS
        || !(slice.getEnergy() >= 0 && slice.getEnergy() <= MAXIMUM_SUM)
        || !(slice.getResidualEnergy() >= 0 && slice.getResidualEnergy() <= MAXIMUM_SUM)
        || !(slice.getMedianEnergy() >= 0 && slice.getMedianEnergy() <= MAXIMUM_SUM)) {
      throw new InvalidInputException(
          Reason.OUT_OF_RANGE,
          "statistics of "
              + slice.getWindows()
              + " windows have energy "
              + slice.getEnergy()
              + ", residual energy "
              + slice.getResidualEnergy()
              + " and median energy "
              + slice.getMedianEnergy()
              + ", expected 0 to "
              + MAXIMUM_SUM);
    }
  }

  private static float[] sums(Tensor tensor, int rows, int width) {
    float[] values;
    try {
      values = DictionarySlices.floats(tensor, rows, width);
    } catch (IllegalArgumentException e) {
      throw new InvalidInputException(Reason.MALFORMED, e.getMessage());
    }
    for (float value : values) {
      if (Math.abs(value) > MAXIMUM_SUM) {
        throw new InvalidInputException(
            Reason.OUT_OF_RANGE, "sum is " + value + ", expected at most " + MAXIMUM_SUM);
      }
    }
    return values;
  }

  private static float[] positive(String name, List<Float> values) {
    float[] floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = values.get(i);
      if (!(floats[i] >= 0 && floats[i] <= MAXIMUM_SUM)) {
        throw new InvalidInputException(
            Float.isFinite(floats[i]) ? Reason.OUT_OF_RANGE : Reason.NOT_FINITE,
            name + " is " + floats[i] + ", expected 0 to " + MAXIMUM_SUM);
      }
    }
    return floats;
  }

  private void publish(
      SharedDictionaryState state,
      DictionaryStatistics newest,
      RoundResult result,
      Consumer<? super SpecificRecord> out) {
    VersionCause cause = state.version == 0 ? VersionCause.INITIAL : VersionCause.ROUND;
    DictionaryVersion header =
        DictionarySlices.header(
            state.key, learner.name(), settings.window(), settings.atoms(), cause);
    header.setVersion(state.version);
    header.setWindows(state.learner.windows());
    header.setTimeMicros(cause == VersionCause.INITIAL ? 0 : newest.getTimeMicros());
    header.setRelativeError((float) result.relativeError());
    header.setReplacedAtoms(result.replacedAtoms());
    DictionarySlices.emit(header, state.learner, out);
  }
}
