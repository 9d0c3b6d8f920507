package io.millrace.app.dashboard;

import io.millrace.app.dashboard.DashboardSnapshot.AtomView;
import io.millrace.app.dashboard.DashboardSnapshot.DictionaryView;
import io.millrace.app.dashboard.DashboardSnapshot.VersionView;
import io.millrace.schema.DictionaryVersion;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * The newest versions of the most recently used dictionaries of one pipeline, put together from
 * their slices.
 *
 * <p>At most 64 dictionaries, the atoms of 4 versions each and 64 MiB of atoms in all: what is
 * least recently used goes first. Slices that do not fit their own dimensions are ignored. Not
 * thread-safe.
 */
final class DictionaryShelf {
  private static final int MAX_DICTIONARIES = 64;
  private static final int MAX_VERSIONS_WITH_ATOMS = 4;
  private static final int MAX_VERSIONS_LISTED = 200;
  private static final int MAX_FLOATS_PER_VERSION = 1 << 22;
  private static final int MAX_FLOATS = 1 << 24;
  private static final int MAX_DIMENSION = 1 << 14;
  private static final int MAX_ATOMS_SHOWN = 64;
  private static final int MAX_FLOATS_SHOWN = 1 << 15;
  private static final float IN_USE = 0.001f;

  private final Map<String, Shelved> dictionaries = new LinkedHashMap<>(16, 0.75f, true);
  private int floats;
  private long versionsSeen;

  /** Atoms of one version, some of them possibly still on their way. */
  private static final class Held {
    private final DictionaryVersion first;
    private final float[] atoms;
    private final float[] usage;
    private final boolean[] present;
    private int missing;

    private Held(DictionaryVersion slice, int dimension) {
      first = slice;
      atoms = new float[slice.getAtomCount() * dimension];
      usage = new float[slice.getAtomCount()];
      present = new boolean[slice.getAtomCount()];
      missing = slice.getAtomCount();
    }

    private boolean complete() {
      return missing == 0;
    }
  }

  private static final class Shelved {
    private final TreeMap<Long, Held> held = new TreeMap<>();

    /** By version: partitions may hand versions over in any order. */
    private final TreeMap<Long, VersionView> listed = new TreeMap<>();

    private Optional<Held> newest() {
      return held.descendingMap().values().stream().filter(Held::complete).findFirst();
    }
  }

  /** A slice of a version; its atoms are copied. */
  void accept(DictionaryVersion slice) {
    int dimension = dimension(slice);
    int rows = dimension == 0 ? 0 : slice.getAtoms().getBytes().remaining() / 4 / dimension;
    if (rows == 0
        || slice.getAtoms().getBytes().remaining() != 4 * dimension * rows
        || slice.getUsage().size() != rows
        || slice.getFirstAtom() < 0
        || slice.getFirstAtom() > slice.getAtomCount() - rows) {
      return;
    }
    Shelved shelved = dictionaries.computeIfAbsent(slice.getDictionary(), id -> new Shelved());
    Held held = shelved.held.get(slice.getVersion());
    if (held == null) {
      held = new Held(slice, dimension);
      floats += held.atoms.length;
      shelved.held.put(slice.getVersion(), held);
    } else if (held.atoms.length != slice.getAtomCount() * dimension
        || held.first.getLength() != slice.getLength()) {
      return;
    }
    copy(slice, dimension, rows, held);
    boolean tooOld =
        shelved.listed.size() == MAX_VERSIONS_LISTED
            && slice.getVersion() < shelved.listed.firstKey();
    if (held.complete() && !tooOld && !shelved.listed.containsKey(slice.getVersion())) {
      list(shelved, held.first);
    }
    makeRoom(shelved);
  }

  /** 0: out of bounds. */
  private static int dimension(DictionaryVersion slice) {
    long dimension = (long) slice.getLength() * slice.getChannels();
    boolean fits =
        slice.getLength() > 0
            && slice.getChannels() > 0
            && dimension <= MAX_DIMENSION
            && slice.getAtomCount() > 0
            && slice.getAtomCount() * dimension <= MAX_FLOATS_PER_VERSION
            && slice.getVersion() >= 0
            && slice.getDictionary().length() <= SensorTraces.MAX_KEY_BYTES;
    return fits ? (int) dimension : 0;
  }

  private static void copy(DictionaryVersion slice, int dimension, int rows, Held held) {
    ByteBuffer bytes = slice.getAtoms().getBytes().duplicate().order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().get(held.atoms, slice.getFirstAtom() * dimension, rows * dimension);
    for (int row = 0; row < rows; row++) {
      int atom = slice.getFirstAtom() + row;
      held.usage[atom] = slice.getUsage().get(row);
      if (!held.present[atom]) {
        held.present[atom] = true;
        held.missing--;
      }
    }
  }

  private void list(Shelved shelved, DictionaryVersion version) {
    versionsSeen++;
    shelved.listed.put(
        version.getVersion(),
        new VersionView(
            version.getVersion(),
            version.getTimeMicros() / 1000.0,
            version.getCause().name(),
            version.getRelativeError(),
            version.getWindows(),
            version.getReplacedAtoms()));
    if (shelved.listed.size() > MAX_VERSIONS_LISTED) {
      shelved.listed.pollFirstEntry();
    }
  }

  private void makeRoom(Shelved newest) {
    while (newest.held.size() > MAX_VERSIONS_WITH_ATOMS) {
      floats -= newest.held.pollFirstEntry().getValue().atoms.length;
    }
    Iterator<Shelved> eldest = dictionaries.values().iterator();
    while (dictionaries.size() > MAX_DICTIONARIES
        || (floats > MAX_FLOATS && dictionaries.size() > 1)) {
      for (Held held : eldest.next().held.values()) {
        floats -= held.atoms.length;
      }
      eldest.remove();
    }
  }

  /**
   * @return [atomCount x d] row-major, not to be modified; empty: not at hand, or not complete
   */
  Optional<float[]> atoms(String dictionary, long version) {
    return Optional.ofNullable(dictionaries.get(dictionary))
        .map(shelved -> shelved.held.get(version))
        .filter(Held::complete)
        .map(held -> held.atoms);
  }

  long versionsSeen() {
    return versionsSeen;
  }

  List<DictionaryView> view() {
    return dictionaries.entrySet().stream()
        .flatMap(
            entry ->
                entry.getValue().newest().stream()
                    .map(held -> view(entry.getKey(), held, entry.getValue().listed)))
        .toList();
  }

  private static DictionaryView view(String id, Held held, TreeMap<Long, VersionView> listed) {
    DictionaryVersion version = held.first;
    int dimension = version.getLength() * version.getChannels();
    int shown = Math.max(1, Math.min(MAX_ATOMS_SHOWN, MAX_FLOATS_SHOWN / dimension));
    int inUse = 0;
    for (float usage : held.usage) {
      inUse += usage >= IN_USE ? 1 : 0;
    }
    List<AtomView> atoms =
        IntStream.range(0, version.getAtomCount())
            .boxed()
            .sorted(Comparator.comparing((Integer atom) -> -held.usage[atom]))
            .limit(shown)
            .map(
                atom ->
                    new AtomView(
                        atom,
                        held.usage[atom],
                        Arrays.copyOfRange(held.atoms, atom * dimension, (atom + 1) * dimension)))
            .toList();
    return new DictionaryView(
        id,
        version.getVersion(),
        version.getLearner(),
        version.getWindows(),
        version.getLength(),
        version.getChannels(),
        version.getAtomCount(),
        inUse,
        atoms,
        List.copyOf(listed.values()));
  }
}
