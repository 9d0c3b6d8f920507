package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Versions of models that come and go. */
final class KnownModels implements Models {
  private final Map<String, TreeMap<Long, Model>> known = new HashMap<>();

  void add(Model model) {
    known.computeIfAbsent(model.id(), id -> new TreeMap<>()).put(model.version(), model);
  }

  void forget(Model model) {
    known.get(model.id()).remove(model.version());
  }

  @Override
  public Optional<Model> latest(String id) {
    TreeMap<Long, Model> versions = known.getOrDefault(id, new TreeMap<>());
    return Optional.ofNullable(versions.lastEntry()).map(Map.Entry::getValue);
  }

  @Override
  public Optional<Model> version(String id, long version) {
    return Optional.ofNullable(known.getOrDefault(id, new TreeMap<>()).get(version));
  }
}
