package io.millrace.operator.dictionary;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.operator.Operator;
import io.millrace.schema.DictionaryStatistics;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.VersionCause;
import java.util.OptionalDouble;
import java.util.function.Consumer;
import org.apache.avro.specific.SpecificRecord;

/**
 * The merge stage of a shared dictionary: sums the statistics that workers send, ends a round when
 * enough windows have come, and publishes the next version. Statistics are a commutative monoid
 * within a version; those of earlier versions are added too, as online dictionary learning's own
 * past is, up to {@value #STALE_VERSIONS} versions back.
 *
 * <p>A contribution's slices follow each other in the log, since one producer wrote them in one
 * transaction; each slice is added as it comes, and a round ends only between contributions.
 *
 * <p>State: {@link LearnerState}. Cost per slice O(rows (k + d)), per round that of the learner.
 * One thread.
 */
public final class SharedDictionaryMerge
    implements Operator<DictionaryStatistics, SharedDictionaryState, SpecificRecord> {
  private final SensorDictionarySettings settings;
  private final DictionaryLearner learner;

  public SharedDictionaryMerge(SensorDictionarySettings settings, DictionaryLearner learner) {
    if (!settings.isShared()) {
      throw new IllegalArgumentException("shared dictionary has no name");
    }
    this.settings = settings;
    this.learner = learner;
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
    requireFit(state, slice, rows);
    float[] codeRows;
    float[] recordRows;
    float[] candidates;
    int candidateCount = slice.getCandidateEnergy().size();
    try {
      codeRows = DictionarySlices.floats(slice.getCodeProducts(), rows, atoms);
      recordRows = DictionarySlices.floats(slice.getRecordProducts(), rows, dimension);
      candidates = DictionarySlices.floats(slice.getCandidates(), candidateCount, dimension);
    } catch (IllegalArgumentException e) {
      throw new InvalidInputException(Reason.MALFORMED, e.getMessage());
    }
    float[] usage = new float[rows];
    for (int row = 0; row < rows; row++) {
      usage[row] = slice.getUsage().get(row);
      if (!(usage[row] >= 0 && usage[row] <= 1e9f)) {
        throw new InvalidInputException(Reason.NOT_FINITE, "usage is " + usage[row]);
      }
    }
    state.revision++;
    if (!state.initialPublished) {
      publish(state, slice, new RoundResult(0, 0, 0, OptionalDouble.empty()), out);
      state.initialPublished = true;
    }
    SufficientStatistics sums = state.learner.statistics();
    sums.addRows(slice.getFirstAtom(), rows, codeRows, recordRows, usage);
    state.learner.statisticsChanged();
    if (slice.getFirstAtom() + rows < atoms) {
      return;
    }
    sums.addTotals(
        slice.getWindows(), slice.getEnergy(), slice.getResidualEnergy(), slice.getMedianEnergy());
    for (int c = 0; c < candidateCount; c++) {
      sums.offerCandidate(slice.getCandidateEnergy().get(c), candidates, c * dimension);
    }
    if (sums.windows() >= settings.rounds().roundWindows(state.learner.windows())) {
      RoundResult result = learner.endRound(state.learner);
      state.version++;
      publish(state, slice, result, out);
    }
  }

  private void requireFit(SharedDictionaryState state, DictionaryStatistics slice, int rows) {
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
    if (slice.getVersion() > state.version || slice.getVersion() < 0) {
      throw new InvalidInputException(
          Reason.UNKNOWN_MODEL,
          "statistics are of version " + slice.getVersion() + ", expected 0 to " + state.version);
    }
    if (slice.getWindows() < 1
        || !(slice.getEnergy() >= 0 && slice.getEnergy() <= 1e30)
        || !(slice.getResidualEnergy() >= 0 && slice.getResidualEnergy() <= 1e30)
        || !(slice.getMedianEnergy() >= 0 && slice.getMedianEnergy() <= 1e30f)) {
      throw new InvalidInputException(
          Reason.OUT_OF_RANGE,
          "statistics of "
              + slice.getWindows()
              + " windows have energy "
              + slice.getEnergy()
              + " and residual energy "
              + slice.getResidualEnergy());
    }
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
    DictionarySlices.emit(
        header, state.learner.dictionary(), state.learner.statistics().usage(), out);
  }
}
