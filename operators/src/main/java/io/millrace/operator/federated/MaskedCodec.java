package io.millrace.operator.federated;

import java.util.Optional;

/**
 * The codec of masked updates: {@code masked}, or {@code masked+CODEC} with a linear codec below
 * the masks, whose packed updates of one seed add up to the packed sum, so that masks and sums are
 * as short as what is packed, and the sum is unpacked once.
 *
 * @param below name of the codec below, {@code plain} or that of a linear one
 */
public record MaskedCodec(String below) {
  private static final String MASKED = "masked";
  private static final String PLAIN = "plain";

  /**
   * @throws IllegalArgumentException for a codec that is not linear: nobody can unpack masked words
   */
  public MaskedCodec {
    if (!below.equals(PLAIN) && UpdateCodecs.linear(below).isEmpty()) {
      throw new IllegalArgumentException(
          "codec below masks is " + below + ", expected plain or a linear one such as srht-0.1");
    }
  }

  /** Whether a name is that of a masked codec, known or not. */
  public static boolean isMasked(String name) {
    return name.equals(MASKED) || name.startsWith(MASKED + '+');
  }

  /**
   * A masked codec by its name.
   *
   * @throws IllegalArgumentException for another name
   */
  public static MaskedCodec named(String name) {
    if (!isMasked(name)) {
      throw new IllegalArgumentException("update is not masked");
    }
    return new MaskedCodec(name.equals(MASKED) ? PLAIN : name.substring(MASKED.length() + 1));
  }

  /** Its name, in offers and chunks. */
  public String name() {
    return isPlain() ? MASKED : MASKED + '+' + below;
  }

  boolean isPlain() {
    return below.equals(PLAIN);
  }

  private Optional<LinearCodec> linear() {
    return isPlain() ? Optional.empty() : UpdateCodecs.linear(below);
  }

  /** Numbers that a chunk becomes. */
  int packedLength(int length) {
    return linear().map(codec -> codec.packedLength(length)).orElse(length);
  }

  /**
   * What is to be masked of a chunk.
   *
   * @param x not modified
   * @param seed of the round
   * @return [packedLength]
   */
  public float[] pack(float[] x, long seed) {
    return linear().map(codec -> codec.pack(x, seed)).orElse(x);
  }

  /**
   * Unpacks a sum.
   *
   * @param packed [packedLength(out.length)], not modified
   * @param out overwritten
   */
  void unpack(double[] packed, long seed, double[] out) {
    linear()
        .ifPresentOrElse(
            codec -> codec.unpack(packed, seed, out),
            () -> System.arraycopy(packed, 0, out, 0, out.length));
  }
}
