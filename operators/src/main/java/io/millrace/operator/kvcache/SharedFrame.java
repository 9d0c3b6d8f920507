package io.millrace.operator.kvcache;

/**
 * The bytes of a page, held once for all sessions of a tenant that have it. Compared by identity.
 * One thread.
 */
final class SharedFrame {
  private final PageFrame frame;
  private int references;
  private long chosenAt;

  SharedFrame(PageFrame frame) {
    this.frame = frame;
  }

  PageFrame frame() {
    return frame;
  }

  int references() {
    return references;
  }

  void hold() {
    references++;
  }

  /** Whether that was the last reference. */
  boolean release() {
    return --references == 0;
  }

  /** Number of the query that last chose this page by its labels. */
  long chosenAt() {
    return chosenAt;
  }

  void chooseAt(long query) {
    chosenAt = query;
  }

  long bytes() {
    return (long) PageFrame.HEADER_BYTES + frame.payload().remaining() + frame.labels().remaining();
  }
}
