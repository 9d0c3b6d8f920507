package io.millrace.operator.dictionary;

import io.millrace.operator.Models;
import io.millrace.schema.DictionaryVersion;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The versions of models, put together from their slices as they come. Keeps all. */
final class MemoryModels implements Models {
  private final Map<String, DictionaryAssembly> assemblies = new HashMap<>();
  private final Map<String, TreeMap<Long, DictionaryModel>> models = new HashMap<>();

  void add(DictionaryVersion slice) {
    String name = slice.getDictionary() + '@' + slice.getVersion();
    DictionaryAssembly assembly =
        assemblies.computeIfAbsent(name, ignored -> new DictionaryAssembly(slice));
    assembly.add(slice);
    assembly.model().ifPresent(this::add);
  }

  void add(DictionaryModel model) {
    models.computeIfAbsent(model.id(), id -> new TreeMap<>()).put(model.version(), model);
  }

  /** What is known when {@code newest} is the newest version. */
  Models upTo(long newest) {
    return new Models() {
      @Override
      public Optional<Model> latest(String id) {
        var versions = models.get(id);
        var entry = versions == null ? null : versions.floorEntry(newest);
        return Optional.ofNullable(entry).map(Map.Entry::getValue);
      }

      @Override
      public Optional<Model> version(String id, long version) {
        return version > newest ? Optional.empty() : MemoryModels.this.version(id, version);
      }
    };
  }

  @Override
  public Optional<Model> latest(String id) {
    return upTo(Long.MAX_VALUE).latest(id);
  }

  @Override
  public Optional<Model> version(String id, long version) {
    var versions = models.get(id);
    return Optional.ofNullable(versions == null ? null : versions.get(version));
  }
}
