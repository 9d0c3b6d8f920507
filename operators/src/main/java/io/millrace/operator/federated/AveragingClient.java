package io.millrace.operator.federated;

/**
 * A client that remembers nothing: of FedAvg (McMahan, Moore, Ramage, Hampson, Arcas, 2016, arXiv
 * 1602.05629), FedProx, whose local steps differ (Li et al., 2018, arXiv 1812.06127), FedAsync (Xie
 * et al., 2019, arXiv 1903.03934) and FedBuff (Nguyen et al., 2021, arXiv 2106.06639), that send y
 * - x; and of AFA-CD (Yang et al., 2021, arXiv 2108.09875), that sends the mean of its gradients,
 * as a step: (y - x) / (K rate), so that as many local steps as a client likes weigh the same.
 *
 * @param length of the chunk
 * @param perDistance divide the step by the distance
 */
public record AveragingClient(int length, boolean perDistance) implements ClientMethod {
  @Override
  public float[] increment(LocalResult result) {
    double divisor = perDistance ? result.distance() : 1;
    float[] increment = new float[length];
    for (int i = 0; i < length; i++) {
      increment[i] = (float) ((result.end()[i] - result.start()[i]) / divisor);
    }
    return increment;
  }
}
