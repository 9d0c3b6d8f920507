package io.millrace.runtime;

import io.millrace.operator.Models;
import io.millrace.operator.dictionary.DictionaryAssembly;
import io.millrace.operator.dictionary.DictionaryModel;
import io.millrace.schema.DictionaryVersion;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * The newest {@value #KEPT_VERSIONS} complete versions of each followed dictionary, put together
 * from the slices of a model topic. Slices of one version lie in several partitions, so they come
 * in any order, and while a follower catches up those of many versions are open at once.
 *
 * <p>Memory per id: 4 k d bytes for each kept or open version, 4 (k d + k^2) more for each that was
 * used. One thread takes slices, any may ask.
 */
public final class ModelShelf implements Models {
  /** Versions of one id that are kept. */
  public static final int KEPT_VERSIONS = 64;

  private final Set<String> followed;
  private final Map<String, TreeMap<Long, DictionaryAssembly>> open = new HashMap<>();
  private final Map<String, ConcurrentSkipListMap<Long, Version>> versions =
      new ConcurrentHashMap<>();

  /** A complete version, prepared for coding (d k^2 operations) when it is used first. */
  private static final class Version {
    private final DictionaryAssembly assembly;
    private DictionaryModel modelOrNull;

    Version(DictionaryAssembly assembly) {
      this.assembly = assembly;
    }

    synchronized DictionaryModel model() {
      if (modelOrNull == null) {
        modelOrNull = assembly.model().orElseThrow();
      }
      return modelOrNull;
    }
  }

  /**
   * @param followed ids; slices of others are passed over
   */
  public ModelShelf(Set<String> followed) {
    this.followed = Set.copyOf(followed);
  }

  /**
   * Takes a slice.
   *
   * @return whether it completed its version
   * @throws IllegalArgumentException for one that does not fit the slices before it
   */
  public boolean take(DictionaryVersion slice) {
    if (!followed.contains(slice.getDictionary())) {
      return false;
    }
    TreeMap<Long, DictionaryAssembly> assemblies =
        open.computeIfAbsent(slice.getDictionary(), id -> new TreeMap<>());
    DictionaryAssembly assembly = assemblies.get(slice.getVersion());
    if (assembly == null) {
      assembly = new DictionaryAssembly(slice);
    }
    assembly.add(slice);
    if (assembly.atoms().isPresent()) {
      assemblies.remove(slice.getVersion());
      keep(slice.getDictionary(), slice.getVersion(), new Version(assembly));
      return true;
    }
    assemblies.put(slice.getVersion(), assembly);
    if (assemblies.size() > KEPT_VERSIONS) {
      // older than as many others: it would not be kept
      assemblies.pollFirstEntry();
    }
    return false;
  }

  /** Whether slices of a version are here, all of them or some. */
  public boolean holds(String id, long version) {
    var known = versions.get(id);
    return (known != null && known.containsKey(version))
        || open.getOrDefault(id, new TreeMap<>()).containsKey(version);
  }

  /** Whether a version is followed and newer than every complete one. */
  public boolean isAhead(String id, long version) {
    var known = versions.get(id);
    return followed.contains(id) && (known == null || known.isEmpty() || known.lastKey() < version);
  }

  @Override
  public Optional<Model> latest(String id) {
    var known = versions.get(id);
    var newest = known == null ? null : known.lastEntry();
    return newest == null ? Optional.empty() : Optional.of(newest.getValue().model());
  }

  @Override
  public Optional<Model> version(String id, long version) {
    var known = versions.get(id);
    var found = known == null ? null : known.get(version);
    return found == null ? Optional.empty() : Optional.of(found.model());
  }

  private void keep(String id, long number, Version version) {
    var kept = versions.computeIfAbsent(id, name -> new ConcurrentSkipListMap<>());
    kept.put(number, version);
    while (kept.size() > KEPT_VERSIONS) {
      kept.pollFirstEntry();
    }
  }
}
