package io.millrace.operator.federated;

import java.util.List;

/**
 * Moves a chunk of the model by an aggregated update, which it takes for the negative of a
 * gradient. Element by element, so that chunks need nothing of each other; state is per chunk, and
 * starts at step 0. Plain double arithmetic: the same bits everywhere. One thread.
 */
interface ServerOptimiser {
  /**
   * One step.
   *
   * @param model [length], modified
   * @param update [length], the aggregated update D, finite; not modified
   * @param rate of this step, the server's learning rate
   */
  void step(double[] model, double[] update, double rate);

  /**
   * What it remembers between steps: the arrays themselves, always as many and as long, so that
   * filling them restores it.
   */
  List<double[]> memory();
}
