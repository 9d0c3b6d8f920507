package io.millrace.client;

import io.millrace.operator.federated.Gradient;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;

/** The user's part: trains on data that never leaves the client. */
@FunctionalInterface
public interface LocalTraining {
  /**
   * Trains: by default steps y -= rate (g(y) + shift + proximal (y - start)), from start; another
   * optimiser may take them, but control-variate methods need the shift in every gradient.
   *
   * @throws RuntimeException when it cannot; nothing is sent or remembered then
   */
  TrainedModel train(TrainingTask task);

  /**
   * Whether the same task brings the same numbers, bit for bit, on this machine and after a
   * restart. Only then a client that lost its memory in the middle of an update may finish it:
   * other numbers under the same task would count as deceit.
   */
  default boolean repeatable() {
    return false;
  }

  /**
   * Training by gradients alone, with the steps that the task asks for; repeatable.
   *
   * @param gradients of a task's random numbers: draws batches from them, and from nothing else
   */
  static LocalTraining ofGradients(int examples, Function<Random, Gradient> gradients) {
    return new LocalTraining() {
      @Override
      public TrainedModel train(TrainingTask task) {
        double[] end = task.run(gradients.apply(new Random(task.seed())));
        return new TrainedModel(end, task.parameters().steps(), examples, Map.of());
      }

      @Override
      public boolean repeatable() {
        return true;
      }
    };
  }
}
