package io.millrace.app.cohort;

import io.millrace.app.federation.FederatedTask;
import io.millrace.app.federation.LabelledImages;
import io.millrace.app.federation.Misconduct;
import io.millrace.client.LocalTraining;
import io.millrace.client.TrainedModel;
import io.millrace.client.TrainingTask;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Training on a share of the images; or what a client that is not honest does instead. It knows no
 * update but its own: where its attack needs those of others, it takes what parts of its own images
 * would have led to for them. One thread.
 *
 * @param task what is learned
 * @param share of this client
 * @param misconduct empty: honest
 */
public record ImageTraining(
    FederatedTask task, LabelledImages share, Optional<Misconduct> misconduct)
    implements LocalTraining {
  private static final int PARTS = 4;

  @Override
  public TrainedModel train(TrainingTask wanted) {
    double[] start = wanted.start();
    float[] own = task.update(start, share, wanted.version(), wanted.seed());
    float[] sent =
        misconduct.map(conduct -> conduct.instead(own, guessed(conduct, wanted))).orElse(own);
    double[] trained = new double[start.length];
    double[] end = new double[start.length];
    for (int i = 0; i < end.length; i++) {
      trained[i] = start[i] + own[i];
      end[i] = start[i] + sent[i];
    }
    Map<String, Double> measures =
        Map.of(
            "loss", task.perceptron().loss(trained, share),
            "accuracy", task.perceptron().accuracy(trained, share));
    return new TrainedModel(end, task.steps(share), share.count(), measures);
  }

  private List<float[]> guessed(Misconduct conduct, TrainingTask wanted) {
    List<float[]> guessed = new ArrayList<>();
    boolean needed = conduct == Misconduct.ALIE || conduct == Misconduct.MIMIC;
    for (int part = 0; needed && part < PARTS; part++) {
      LabelledImages images =
          share.range(part * share.count() / PARTS, (part + 1) * share.count() / PARTS);
      guessed.add(task.update(wanted.start(), images, wanted.version(), wanted.seed() + part));
    }
    return guessed;
  }

  /** The order of images follows from the task's seed. */
  @Override
  public boolean repeatable() {
    return true;
  }
}
