package io.millrace.operator.kvcache;

import io.millrace.schema.KeyValuePage;

/**
 * A page that a {@link PageTable} holds: its record, whose frame was verified and is kept apart.
 *
 * @param key of the record
 * @param envelope the record without its frame; not to be modified
 * @param shared the frame
 */
public record HeldPage(String key, KeyValuePage envelope, SharedFrame shared) {

  /** The verified frame; not to be modified. */
  public PageFrame frame() {
    return shared.frame();
  }

  /** Sessions of the tenant that hold these bytes, this one among them. */
  public int references() {
    return shared.references();
  }

  /** Bytes of the frame, header and labels too. */
  public long frameBytes() {
    return shared.bytes();
  }

  /** The token after the last. */
  long end() {
    return envelope.getFirstToken() + envelope.getTokens();
  }
}
