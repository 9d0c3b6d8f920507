package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import io.millrace.schema.KeyValuePage;
import io.millrace.schema.RotaryState;
import java.nio.ByteOrder;
import java.util.Optional;

/**
 * Opens pages and label columns, and keeps those asked for lately; see {@link PageCache}. A frame
 * that sessions share is opened once. One thread.
 */
final class OpenedPages {
  private final Models models;
  private final PageCache<SharedFrame, Page> pages;
  private final PageCache<SharedFrame, LabelColumn> labels;

  /**
   * @param models bases and dictionaries that pages name
   * @param bytes for pages, counted as dense floats, and an eighth of it for labels
   */
  OpenedPages(Models models, long bytes) {
    this.models = models;
    this.pages = new PageCache<>(bytes, page -> (long) Float.BYTES * page.shape().values());
    this.labels = new PageCache<>(bytes / 8, LabelColumn::memoryBytes);
  }

  PageCache<SharedFrame, Page> pages() {
    return pages;
  }

  /**
   * Opens a page, keys turned where they need it.
   *
   * @throws IllegalArgumentException naming the record, for a model that is not known here or a
   *     payload that is none
   */
  Page page(HeldPage held) {
    return pages.get(held.shared(), false, frame -> open(held, frame.frame()));
  }

  /**
   * Opens a page's label column.
   *
   * @throws IllegalArgumentException naming the record, for a column that is none
   */
  LabelColumn labels(HeldPage held) {
    return labels.get(
        held.shared(),
        false,
        frame -> {
          try {
            return LabelColumn.open(frame.frame().shape(), frame.frame().labels());
          } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(held.key() + ": " + e.getMessage(), e);
          }
        });
  }

  private Page open(HeldPage held, PageFrame frame) {
    KeyValuePage record = held.envelope();
    try {
      Page page = payload(codec(record, frame), frame);
      return record.getRotary().getState() == RotaryState.BEFORE ? turned(record, page) : page;
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(held.key() + ": " + e.getMessage(), e);
    }
  }

  /**
   * The codec that opens a page.
   *
   * @throws IllegalArgumentException for a model that is not known here
   */
  PageCodec codec(KeyValuePage record, PageFrame frame) {
    Optional<Models.Model> model = Optional.empty();
    if (!record.getBasis().isEmpty()) {
      model = models.version(record.getBasis(), record.getBasisVersion());
      if (model.isEmpty()) {
        throw new IllegalArgumentException(
            "needs version "
                + record.getBasisVersion()
                + " of "
                + record.getBasis()
                + ", which is not known here");
      }
    }
    return PageCodecs.reading(frame.codec(), frame.parameters(), model);
  }

  /**
   * Opens a payload as it is.
   *
   * @throws IllegalArgumentException for one that is none
   */
  static Page payload(PageCodec codec, PageFrame frame) {
    return codec.open(
        frame.shape(), frame.kind(), frame.payload().duplicate().order(ByteOrder.LITTLE_ENDIAN));
  }

  private static Page turned(KeyValuePage record, Page page) {
    float[] keys = new float[page.shape().values()];
    page.restore(keys);
    RotaryEmbedding.of(record.getRotary()).turn(page.shape(), keys, record.getFirstToken(), false);
    return new ExactPage(page.shape(), keys);
  }
}
