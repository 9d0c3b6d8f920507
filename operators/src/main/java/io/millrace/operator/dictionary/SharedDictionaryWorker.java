package io.millrace.operator.dictionary;

import io.millrace.operator.Models;
import io.millrace.schema.DictionaryStatistics;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.avro.specific.SpecificRecord;

/**
 * A sensor's side of a shared dictionary: which version codes its windows, and the sums that leave
 * for {@link SharedDictionaryMerge}. Holds nothing that belongs to a key. One thread.
 */
final class SharedDictionaryWorker {
  private final SensorDictionarySettings settings;
  private final Dictionary initial;

  /**
   * @param initial version 0, the same bits that the merge stage publishes
   */
  SharedDictionaryWorker(SensorDictionarySettings settings, Dictionary initial) {
    this.settings = settings;
    this.initial = initial;
  }

  /** The newest version, if it is newer than the state's. */
  Optional<DictionaryModel> newer(SensorState state, Models models) {
    return models
        .latest(settings.sharedDictionary())
        .map(this::requireFit)
        .filter(latest -> latest.version() > state.version);
  }

  /** The version that the state codes with; empty when it is no longer known. */
  Optional<Dictionary> present(SensorState state, Models models) {
    if (state.sharedOrNull == null) {
      state.sharedOrNull =
          state.version == 0
              ? initial
              : models
                  .version(settings.sharedDictionary(), state.version)
                  .map(model -> requireFit(model).dictionary())
                  .orElse(null);
    }
    return Optional.ofNullable(state.sharedOrNull);
  }

  /** Codes with {@code version} from now on. */
  void adopt(SensorState state, DictionaryModel version) {
    state.roundWindows = 0;
    state.version = version.version();
    state.sharedOrNull = version.dictionary();
  }

  /** Sends the sums to the merge stage and starts new ones. */
  void contribute(SensorState state, Consumer<? super SpecificRecord> out) {
    SufficientStatistics partial = state.partialOrNull;
    if (partial.windows() == 0) {
      return;
    }
    DictionaryStatistics header = new DictionaryStatistics();
    header.setDictionary(settings.sharedDictionary());
    header.setVersion(state.version);
    header.setContributor(state.key);
    header.setSequence(state.contributions++);
    header.setLength(settings.window().length());
    header.setChannels(settings.window().channels());
    header.setAtomCount(settings.atoms());
    header.setWindows(partial.windows());
    header.setEnergy(partial.energy());
    header.setResidualEnergy(partial.residualEnergy());
    header.setMedianEnergy(partial.medianEnergy());
    header.setTimeMicros(state.newestMicros);
    DictionarySlices.emit(header, partial, out);
    clear(state);
  }

  /** Drops batch and sums. */
  void forget(SensorState state) {
    state.batchCodes.clear();
    clear(state);
  }

  private static void clear(SensorState state) {
    state.partialOrNull.clear();
    state.partialRevision++;
  }

  private DictionaryModel requireFit(Models.Model model) {
    WindowSettings windows = settings.window();
    if (!(model instanceof DictionaryModel dictionary)
        || dictionary.length() != windows.length()
        || dictionary.channels() != windows.channels()
        || dictionary.dictionary().atomCount() != settings.atoms()) {
      throw new IllegalStateException(
          "shared dictionary is "
              + model
              + ", expected length "
              + windows.length()
              + ", "
              + windows.channels()
              + " channels, "
              + settings.atoms()
              + " atoms");
    }
    return dictionary;
  }
}
