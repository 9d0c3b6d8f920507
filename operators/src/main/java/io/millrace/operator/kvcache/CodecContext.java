package io.millrace.operator.kvcache;

import io.millrace.operator.Models;

/**
 * What a codec may have learned when it is made.
 *
 * @param models versions of bases and dictionaries
 * @param basis id of the basis of this layer's keys or values
 * @param queryMeanSquares [h x d] mean square of the queries on each channel; empty: not known
 */
public record CodecContext(Models models, String basis, float[] queryMeanSquares) {
  /** Nothing learned. */
  public static final CodecContext NONE = new CodecContext(Models.NONE, "", new float[0]);
}
