package io.millrace.operator.federated;

/**
 * A client that remembers nothing: of FedAvg (McMahan, Moore, Ramage, Hampson, Arcas, 2016, arXiv
 * 1602.05629), FedProx, whose local steps differ (Li et al., 2018, arXiv 1812.06127), FedAsync (Xie
 * et al., 2019, arXiv 1903.03934) and FedBuff (Nguyen et al., 2021, arXiv 2106.06639), that send y
 * - x; and of AFA-CD (Yang et al., 2021, arXiv 2108.09875), that sends the mean of its gradients,
 * (x - y) / (K rate), so that as many local steps as a client likes weigh the same.
 *
 * @param length of the chunk
 * @param sendsGradient the mean gradient in place of the step
 */
public record AveragingClient(int length, boolean sendsGradient) implements ClientMethod {
  @Override
  public float[] increment(LocalResult result) {
    float[] increment = new float[length];
    for (int i = 0; i < length; i++) {
      double step = result.end()[i] - result.start()[i];
      increment[i] = (float) (sendsGradient ? result.meanGradient(i) : step);
    }
    return increment;
  }
}
