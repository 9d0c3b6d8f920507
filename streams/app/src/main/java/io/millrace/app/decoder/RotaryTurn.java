package io.millrace.app.decoder;

/**
 * The rotary step (Su et al., 2021, arXiv 2104.09864) of a decoder: neighbours (2i, 2i + 1) of a
 * head turn by position x 10000^(-2i/d). Sines and cosines are those of StrictMath, rounded to
 * float. Immutable.
 */
public final class RotaryTurn {
  /** Base of the angles. */
  public static final double BASE = 10_000;

  private final int headDimension;

  /** [context x d/2] each. */
  private final float[] cosines;

  private final float[] sines;

  /** Tables for all positions of a decoder's context. */
  public RotaryTurn(DecoderShape shape) {
    headDimension = shape.headDimension();
    int pairs = headDimension / 2;
    cosines = new float[shape.context() * pairs];
    sines = new float[shape.context() * pairs];
    for (int pair = 0; pair < pairs; pair++) {
      double frequency = StrictMath.pow(BASE, -2.0 * pair / headDimension);
      for (int position = 0; position < shape.context(); position++) {
        cosines[position * pairs + pair] = (float) StrictMath.cos(position * frequency);
        sines[position * pairs + pair] = (float) StrictMath.sin(position * frequency);
      }
    }
  }

  /**
   * Turns the vectors of one token.
   *
   * @param vectors [length / d x d] from {@code from}, modified
   * @param position of the token, below the context
   */
  public void turn(float[] vectors, int from, int length, int position) {
    int pairs = headDimension / 2;
    for (int i = 0; i < length; i += 2) {
      int angle = position * pairs + i / 2 % pairs;
      float x = vectors[from + i];
      float y = vectors[from + i + 1];
      vectors[from + i] = x * cosines[angle] - y * sines[angle];
      vectors[from + i + 1] = x * sines[angle] + y * cosines[angle];
    }
  }
}
