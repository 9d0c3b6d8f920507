package io.millrace.operator.dictionary;

import io.millrace.operator.SettingCheck;
import io.millrace.schema.DictionaryVersion;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Puts the slices of one dictionary version together, in whatever order they come. One thread.
 *
 * <p>Holds 4 k d bytes once the first slice has told k and d; both are bounded.
 */
public final class DictionaryAssembly {
  private final String id;
  private final long version;
  private final int atomCount;
  private final int length;
  private final int channels;
  private final float[] atoms;
  private final TreeMap<Integer, Integer> slices = new TreeMap<>();

  /**
   * @param first any slice of the version
   * @throws IllegalArgumentException for impossible sizes
   */
  public DictionaryAssembly(DictionaryVersion first) {
    id = first.getDictionary();
    version = first.getVersion();
    atomCount = first.getAtomCount();
    length = first.getLength();
    channels = first.getChannels();
    SettingCheck.range("atoms", atomCount, 1, SensorDictionarySettings.MAXIMUM_ATOMS);
    SettingCheck.range("length", length, 1, WindowSettings.MAXIMUM_DIMENSION);
    SettingCheck.range("channels", channels, 1, WindowSettings.MAXIMUM_DIMENSION / length);
    SettingCheck.range(
        "dictionary values",
        (long) atomCount * length * channels,
        1,
        SensorDictionarySettings.MAXIMUM_VALUES);
    atoms = new float[atomCount * length * channels];
  }

  /**
   * Adds a slice; a repeated slice changes nothing.
   *
   * @throws IllegalArgumentException for a slice of another version or shape
   */
  public void add(DictionaryVersion slice) {
    int rows = slice.getUsage().size();
    int first = slice.getFirstAtom();
    if (!slice.getDictionary().equals(id)
        || slice.getVersion() != version
        || slice.getAtomCount() != atomCount
        || slice.getLength() != length
        || slice.getChannels() != channels
        || rows < 1
        || first < 0
        || first > atomCount - rows) {
      throw new IllegalArgumentException(
          "slice of "
              + slice.getDictionary()
              + " version "
              + slice.getVersion()
              + " at atom "
              + first
              + " does not belong to "
              + id
              + " version "
              + version);
    }
    int dimension = length * channels;
    float[] values = DictionarySlices.floats(slice.getAtoms(), rows, dimension);
    System.arraycopy(values, 0, atoms, first * dimension, values.length);
    slices.merge(first, rows, Math::max);
  }

  /** The atoms, [k x d] row-major, once all slices are there; not to be modified. */
  public Optional<float[]> atoms() {
    int covered = 0;
    for (var slice : slices.entrySet()) {
      if (slice.getKey() > covered) {
        return Optional.empty();
      }
      covered = Math.max(covered, slice.getKey() + slice.getValue());
    }
    return covered == atomCount ? Optional.of(atoms) : Optional.empty();
  }

  /** The model, once all slices are there. */
  public Optional<DictionaryModel> model() {
    return atoms()
        .map(
            complete ->
                new DictionaryModel(
                    id,
                    version,
                    Dictionary.of(complete, atomCount, length * channels),
                    length,
                    channels));
  }
}
