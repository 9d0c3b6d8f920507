package io.millrace.operator.dictionary;

import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.VersionCause;
import java.util.List;
import java.util.function.Consumer;

/** Publishes what a learner has learned outside the sensor family. */
public final class DictionaryPublication {
  private DictionaryPublication() {}

  /**
   * A round that has ended.
   *
   * @param id of the dictionary
   * @param version that the round made
   * @param learner catalogue name
   * @param dimension d, length of the vectors
   * @param timeMicros event time of the newest of them
   */
  public record Round(
      String id,
      long version,
      String learner,
      int dimension,
      long timeMicros,
      RoundResult result) {}

  /** Emits the version in slices that stay under a broker's record limit. */
  public static void emit(
      Round round, LearnerState state, Consumer<? super DictionaryVersion> out) {
    DictionaryVersion header = new DictionaryVersion();
    header.setDictionary(round.id());
    header.setVersion(round.version());
    header.setCause(VersionCause.ROUND);
    header.setLearner(round.learner());
    header.setLength(round.dimension());
    header.setChannels(1);
    header.setAtomCount(state.dictionary().atomCount());
    header.setUsage(List.of());
    header.setWindows(state.windows());
    header.setTimeMicros(round.timeMicros());
    header.setRelativeError((float) round.result().relativeError());
    header.setReplacedAtoms(round.result().replacedAtoms());
    DictionarySlices.emit(header, state, out);
  }
}
