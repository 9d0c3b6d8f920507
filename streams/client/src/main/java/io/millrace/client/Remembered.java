package io.millrace.client;

import io.millrace.operator.federated.AveragingMethod;
import io.millrace.operator.federated.ClientMethod;
import io.millrace.operator.federated.ClientMethods;
import io.millrace.operator.federated.TaskParameters;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * What a client remembers of a model between tasks, chunk by chunk.
 *
 * @param method that it belongs to
 * @param parameters of the last task
 * @param lengths numbers of each chunk
 * @param memories as {@link ClientMethod#save} writes them, little-endian; not to be modified
 */
record Remembered(
    AveragingMethod method, TaskParameters parameters, int[] lengths, byte[][] memories) {
  private static final int MOST_NUMBERS = 1 << 26;

  /** Nothing yet. */
  static Remembered nothing(AveragingMethod method, TaskParameters parameters, int[] lengths) {
    byte[][] memories = new byte[lengths.length][];
    for (int i = 0; i < lengths.length; i++) {
      memories[i] = save(ClientMethods.of(method, parameters, lengths[i]));
    }
    return new Remembered(method, parameters, lengths, memories);
  }

  /**
   * @throws IllegalArgumentException for memories that are not those of the method and the lengths
   */
  void requireWhole() {
    for (int i = 0; i < lengths.length; i++) {
      // Before anything of that length is taken.
      if (lengths[i] < 1
          || lengths[i] > MOST_NUMBERS
          || memories[i].length > 0 && memories[i].length < (long) lengths[i] * Double.BYTES) {
        throw new IllegalArgumentException(
            "chunk of " + lengths[i] + " numbers has a memory of " + memories[i].length + " bytes");
      }
      int expected =
          ClientMethods.of(method, parameters, memories[i].length == 0 ? 1 : lengths[i])
              .savedBytes();
      if (memories[i].length == 0 ? expected != 0 : expected != memories[i].length) {
        throw new IllegalArgumentException(
            "memory of "
                + memories[i].length
                + " bytes for "
                + method.id()
                + ", expected "
                + expected);
      }
      chunk(i, parameters);
    }
  }

  /** Whether a task can go on from this. */
  boolean fits(AveragingMethod other, TaskParameters task) {
    return other == method
        && task.memoryBits() == parameters.memoryBits()
        && task.errorFeedback() == parameters.errorFeedback()
        && (task.momentum() < 1) == (parameters.momentum() < 1);
  }

  /** A chunk's half of the method, as it was. */
  ClientMethod chunk(int chunk, TaskParameters task) {
    ClientMethod half = ClientMethods.of(method, task, lengths[chunk]);
    half.load(ByteBuffer.wrap(memories[chunk]).order(ByteOrder.LITTLE_ENDIAN));
    return half;
  }

  /** All chunks' halves. */
  ClientMethod[] chunks(TaskParameters task) {
    ClientMethod[] halves = new ClientMethod[lengths.length];
    for (int i = 0; i < halves.length; i++) {
      halves[i] = chunk(i, task);
    }
    return halves;
  }

  /** What the halves remember now. */
  Remembered with(TaskParameters task, ClientMethod[] halves) {
    byte[][] saved = new byte[halves.length][];
    for (int i = 0; i < halves.length; i++) {
      saved[i] = save(halves[i]);
    }
    return new Remembered(method, task, lengths, saved);
  }

  /** Whether there is anything at all. */
  boolean isEmpty() {
    for (byte[] memory : memories) {
      if (memory.length > 0) {
        return false;
      }
    }
    return true;
  }

  private static byte[] save(ClientMethod half) {
    ByteBuffer out = ByteBuffer.allocate(half.savedBytes()).order(ByteOrder.LITTLE_ENDIAN);
    half.save(out);
    return out.array();
  }
}
