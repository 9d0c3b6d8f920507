package io.millrace.app.replay;

/** Where a replay's readings go. */
interface ReadingSink extends AutoCloseable {
  /** Takes a reading; may return before it is safe. */
  void send(KeyedReading reading);

  /** Readings that are safe. */
  long acknowledged();

  /** Why readings were lost; empty while none was. */
  String failure();

  /** Waits until every reading is safe or lost, and releases what is held. */
  @Override
  void close();
}
