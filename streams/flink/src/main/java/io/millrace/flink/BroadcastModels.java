package io.millrace.flink;

import io.millrace.operator.Models;
import io.millrace.runtime.Following;
import io.millrace.runtime.ModelShelf;
import io.millrace.runtime.ModelSlice;
import io.millrace.runtime.TopicRecord;
import io.millrace.schema.UnreadableRecordException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Followed models of one task, with the slices that they were put together from, for checkpoints.
 * Memory: twice that of {@link ModelShelf}. One thread.
 */
final class BroadcastModels implements Models {
  private static final Logger LOG = LoggerFactory.getLogger(BroadcastModels.class);

  private final ModelShelf shelf;
  private final TreeMap<String, TreeMap<Long, TreeMap<Integer, byte[]>>> slices = new TreeMap<>();

  BroadcastModels(Following following) {
    this.shelf = new ModelShelf(following);
  }

  /** Takes a record of the model topic; what is no slice of a model is passed over with a line. */
  void take(TopicRecord record) {
    if (record.value() == null) {
      return;
    }
    try {
      take(record.value());
    } catch (UnreadableRecordException | IllegalArgumentException e) {
      LOG.warn(
          "skipped {}-{} offset {}: {}",
          record.topic(),
          record.partition(),
          record.offset(),
          e.getMessage());
    }
  }

  /** Takes a framed slice. */
  void take(byte[] value) {
    ModelSlice slice = shelf.read(value);
    shelf.take(slice);
    String id = slice.id();
    if (!shelf.holds(id, slice.version())) {
      return;
    }
    TreeMap<Long, TreeMap<Integer, byte[]>> versions =
        slices.computeIfAbsent(id, name -> new TreeMap<>());
    versions.computeIfAbsent(slice.version(), version -> new TreeMap<>()).put(slice.first(), value);
    versions.keySet().removeIf(version -> !shelf.holds(id, version));
  }

  /** The framed slices of every version that is kept or open, in a fixed order. */
  List<byte[]> slices() {
    List<byte[]> all = new ArrayList<>();
    slices.values().forEach(versions -> versions.values().forEach(s -> all.addAll(s.values())));
    return all;
  }

  @Override
  public Optional<Model> latest(String id) {
    return shelf.latest(id);
  }

  @Override
  public Optional<Model> version(String id, long version) {
    return shelf.version(id, version);
  }
}
