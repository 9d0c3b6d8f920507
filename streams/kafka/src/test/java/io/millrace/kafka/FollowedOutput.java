package io.millrace.kafka;

import io.millrace.operator.Models;
import io.millrace.operator.dictionary.DictionaryAssembly;
import io.millrace.operator.dictionary.DictionaryModel;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SingleObject;
import java.util.Optional;
import java.util.TreeMap;

/** Follows a driver's dictionaries output, one version behind no record. */
final class FollowedOutput implements Models {
  private final SingleObject<DictionaryVersion> framing = SingleObject.of(DictionaryVersion.class);
  private final TreeMap<Long, DictionaryAssembly> open = new TreeMap<>();
  private final TreeMap<Long, DictionaryModel> models = new TreeMap<>();
  private final String id;
  private int read;

  FollowedOutput(String id) {
    this.id = id;
  }

  /** Takes what the driver has published since the last call. */
  void follow(PipelineDriver driver) {
    for (; read < driver.outputs.size(); read++) {
      if (driver.outputs.get(read).topic().equals(driver.topic("dictionaries"))) {
        take(framing.decode(driver.outputs.get(read).value().get()));
      }
    }
  }

  private void take(DictionaryVersion slice) {
    if (slice.getDictionary().equals(id)) {
      DictionaryAssembly assembly =
          open.computeIfAbsent(slice.getVersion(), version -> new DictionaryAssembly(slice));
      assembly.add(slice);
      assembly.model().ifPresent(model -> models.put(model.version(), model));
    }
  }

  @Override
  public Optional<Model> latest(String id) {
    return models.isEmpty() ? Optional.empty() : Optional.of(models.lastEntry().getValue());
  }

  @Override
  public Optional<Model> version(String id, long version) {
    return Optional.ofNullable(models.get(version));
  }
}
