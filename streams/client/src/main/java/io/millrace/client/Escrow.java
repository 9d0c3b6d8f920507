package io.millrace.client;

import io.millrace.operator.federated.ClientMethod;
import io.millrace.schema.ClientMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** What the server remembers of a client, for one that has lost its own memory. Stateless. */
final class Escrow {
  private Escrow() {}

  /**
   * Takes the server's memory over, whole or not at all.
   *
   * @param halves a chunk each, modified
   * @param memories of this client, a chunk each at most, or none
   * @throws IllegalArgumentException for memories of different tasks, or such as no sum has
   */
  static void restore(ClientMethod[] halves, List<ClientMemory> memories, ClientSettings settings) {
    long sequence = -1;
    boolean[] seen = new boolean[halves.length];
    for (ClientMemory memory : memories) {
      int chunk = memory.getChunk();
      if (!memory.getModel().equals(settings.model())
          || !memory.getClient().equals(settings.client())
          || chunk < 0
          || chunk >= halves.length
          || seen[chunk]
          || sequence >= 0 && memory.getSequence() != sequence) {
        throw new IllegalArgumentException(
            "memory of chunk "
                + chunk
                + " is of "
                + memory.getClient()
                + " after task "
                + memory.getSequence()
                + ", expected each chunk of "
                + settings.client()
                + " once, all after one task");
      }
      seen[chunk] = true;
      sequence = memory.getSequence();
      halves[chunk].restore(memory.getBits(), sums(memory.getSums(), halves[chunk].length()));
    }
    if (!memories.isEmpty() && memories.size() != halves.length) {
      throw new IllegalArgumentException(
          memories.size() + " chunks of the memory are there, expected " + halves.length);
    }
  }

  private static long[] sums(ByteBuffer bytes, int length) {
    if (bytes.remaining() != (long) length * Long.BYTES) {
      throw new IllegalArgumentException(
          "memory has " + bytes.remaining() + " bytes, expected " + (long) length * Long.BYTES);
    }
    long[] sums = new long[length];
    bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(sums);
    return sums;
  }

  static byte[] bytes(ByteBuffer value) {
    byte[] bytes = new byte[value.remaining()];
    value.duplicate().get(bytes);
    return bytes;
  }
}
