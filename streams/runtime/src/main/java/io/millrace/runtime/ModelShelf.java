package io.millrace.runtime;

import io.millrace.operator.Models;
import io.millrace.schema.UnreadableRecordException;
import java.lang.ref.WeakReference;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * The newest complete versions of each followed model, put together from the slices of a model
 * topic. Slices of one version lie in several partitions, so they come in any order, and while a
 * follower catches up those of many versions are open at once.
 *
 * <p>Memory per id, for each kept or open version: of a dictionary 4 k d bytes, 4 (k d + k^2) more
 * once it was used; of a basis 2 r c bytes, 4 r c more while it is used or the newest. One thread
 * takes slices, any may ask.
 */
public final class ModelShelf implements Models {
  private final Following following;
  private final ModelSliceReader reader = new ModelSliceReader();
  private final Map<String, TreeMap<Long, ModelAssembly>> open = new HashMap<>();
  private final Map<String, ConcurrentSkipListMap<Long, Version>> versions =
      new ConcurrentHashMap<>();

  /** A complete version, prepared for coding when it is used first. */
  private static final class Version {
    private final ModelAssembly assembly;
    private Model modelOrNull;
    private WeakReference<Model> used = new WeakReference<>(null);
    private boolean superseded;

    Version(ModelAssembly assembly) {
      this.assembly = assembly;
    }

    synchronized Model model() {
      Model model = modelOrNull == null ? used.get() : modelOrNull;
      if (model == null) {
        model = assembly.model();
        used = new WeakReference<>(model);
        modelOrNull = superseded ? null : model;
      }
      return model;
    }

    /** From now on held only by those who use it, where it is cheap to make again. */
    synchronized void supersede() {
      if (assembly.isCheap()) {
        superseded = true;
        modelOrNull = null;
      }
    }
  }

  /**
   * @param following which models; slices of others are passed over
   */
  public ModelShelf(Following following) {
    this.following = following;
  }

  /**
   * The slice in a record of the model topic.
   *
   * @param value framed; not modified; may be null
   * @throws UnreadableRecordException for anything else
   */
  public ModelSlice read(byte[] value) {
    return reader.read(value);
  }

  /**
   * Takes a slice.
   *
   * @return whether it completed its version
   * @throws IllegalArgumentException for one that does not fit the slices before it
   */
  public boolean take(ModelSlice slice) {
    if (!following.has(slice.id())) {
      return false;
    }
    TreeMap<Long, ModelAssembly> assemblies =
        open.computeIfAbsent(slice.id(), id -> new TreeMap<>());
    ModelAssembly assembly = assemblies.get(slice.version());
    if (assembly == null) {
      assembly = ModelAssembly.of(slice.record());
    }
    assembly.add(slice.record());
    if (assembly.isComplete()) {
      assemblies.remove(slice.version());
      keep(slice.id(), slice.version(), new Version(assembly));
      return true;
    }
    assemblies.put(slice.version(), assembly);
    if (assemblies.size() > following.versions()) {
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
    return following.has(id) && (known == null || known.isEmpty() || known.lastKey() < version);
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
    while (kept.size() > following.versions()) {
      kept.pollFirstEntry();
    }
    kept.headMap(kept.lastKey()).values().forEach(Version::supersede);
  }
}
