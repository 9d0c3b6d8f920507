package io.millrace.operator.federated;

import java.nio.ByteBuffer;

/**
 * Error feedback in its first form (Seide, Fu, Droppo, Li, Yu, 2014; Karimireddy, Rebjock, Stich,
 * Jaggi, 2019, arXiv 1901.09847): what the codec loses of an update y - x is added to the next one.
 * With a constant rate it stalls near the minimum when clients differ.
 *
 * <pre>
 * e: [length] doubles
 * </pre>
 *
 * <p>8 bytes a coordinate, on the client alone: no server can rebuild it. One thread.
 */
public final class ErrorFeedbackClient implements ClientMethod {
  private final double[] error;

  /**
   * @param length of the chunk
   */
  public ErrorFeedbackClient(int length) {
    this.error = new double[length];
  }

  @Override
  public int length() {
    return error.length;
  }

  /** The error is the whole of what is wanted, until {@link #sent}. */
  @Override
  public float[] increment(LocalResult result) {
    for (int i = 0; i < error.length; i++) {
      error[i] += result.end()[i] - result.start()[i];
    }
    return Vectors.floats(error);
  }

  @Override
  public void sent(float[] increment, float[] second) {
    for (int i = 0; i < error.length; i++) {
      error[i] -= increment[i];
    }
  }

  @Override
  public void lost(float[] increment, float[] second) {
    for (int i = 0; i < error.length; i++) {
      error[i] += increment[i];
    }
  }

  @Override
  public int savedBytes() {
    return Vectors.bytes(error);
  }

  @Override
  public void save(ByteBuffer out) {
    Vectors.put(out, error);
  }

  @Override
  public void load(ByteBuffer in) {
    Vectors.get(in, error);
  }
}
