package io.millrace.client;

import io.millrace.operator.federated.Gradient;
import io.millrace.operator.federated.LocalSteps;
import io.millrace.operator.federated.TaskParameters;

/**
 * What a client shall train.
 *
 * @param model name
 * @param version to start from
 * @param sequence number of the task
 * @param start the model's numbers, the training's own copy
 * @param shift to be added to every gradient, as many numbers, zeros in most methods; the
 *     training's own copy
 * @param parameters steps, rate and proximal weight; the rest is done by the client
 * @param seed for the order of examples and the like, this client's own and the same after a crash
 */
public record TrainingTask(
    String model,
    long version,
    long sequence,
    double[] start,
    double[] shift,
    TaskParameters parameters,
    long seed) {

  /**
   * The local steps as they are asked for.
   *
   * @param gradient called once a step, at where the step starts
   */
  public double[] run(Gradient gradient) {
    return new LocalSteps(parameters.steps(), parameters.rate(), parameters.proximal())
        .run(gradient, start, shift);
  }
}
