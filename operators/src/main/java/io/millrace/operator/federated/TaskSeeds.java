package io.millrace.operator.federated;

import io.millrace.schema.UpdateTask;

/**
 * Seeds that follow from a task, the same after every crash: of a chunk's codec, and of a client's
 * own choices. Public numbers, never for privacy. Stateless.
 */
public final class TaskSeeds {
  private static final long OWN = 1L << 32;

  private TaskSeeds() {}

  /** What every chunk is unpacked with: the same for all clients of a round. */
  public static long unpack(UpdateTask task) {
    return task.getSeed();
  }

  /**
   * What a chunk is packed with: a linear codec's choices are shared by a round's clients; those of
   * the others are each client's own, or their errors would add up instead of cancelling.
   *
   * @param draw number of what is packed under this task
   * @param linear whether the codec is
   */
  public static long pack(UpdateTask task, int draw, boolean linear) {
    return linear ? unpack(task) : SeededBits.seed(own(task), draw);
  }

  /** For what a client draws itself, such as the order of its examples. */
  public static long own(UpdateTask task) {
    long seed = SeededBits.seed(task.getSeed(), OWN);
    for (int i = 0; i < task.getClient().length(); i++) {
      seed = SeededBits.seed(seed, task.getClient().charAt(i));
    }
    return seed;
  }
}
