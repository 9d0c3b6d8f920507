package io.millrace.client;

import io.millrace.schema.ClientCommit;
import io.millrace.schema.UpdateChunk;
import java.util.List;

/**
 * An update that was made and whose fate is not known.
 *
 * @param commit the client's word
 * @param chunks in order
 * @param delivered whether all of it is known to lie in the log
 */
record OpenUpdate(ClientCommit commit, List<UpdateChunk> chunks, boolean delivered) {
  OpenUpdate {
    chunks = List.copyOf(chunks);
  }

  /** Number of its task. */
  long sequence() {
    return commit.getTask().getSequence();
  }

  OpenUpdate asDelivered() {
    return new OpenUpdate(commit, chunks, true);
  }
}
