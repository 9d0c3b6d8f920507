package io.millrace.operator.kvcache;

import io.millrace.kernel.Kernels;
import io.millrace.operator.Models;
import io.millrace.schema.PageTier;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;

/**
 * Encodes pages from their exact tokens and measures what that costs them. Where the wanted codec
 * has not learned its basis yet or cannot take the shape, the rotated code book of nearly as many
 * bits steps in, then plain rounding; where nothing is within the bound, the tokens stay as they
 * are. One thread.
 */
final class PageEncoder {
  private static final int FALLBACK_BITS = 4;
  private static final String PLAIN = "rtn-4";

  /** Heads narrower than this are not spread by a rotation. */
  private static final int LEAST_ROTATION = 16;

  /** Squares of a page whose energy is below this may be too small for a float. */
  private static final double LEAST_ENERGY = 1e-24;

  private PageEncoder() {}

  /** The tokens as they came. */
  static EncodedPage exact(PageTokens tokens) {
    PageCodec codec = new Exact(tokens.format());
    byte[] frame = frame(tokens, codec, tokens.cameBeforeRotary(), tokens.elements());
    return new EncodedPage(
        PageTier.EXACT, codec.name(), "", -1, tokens.cameBeforeRotary(), 0f, frame);
  }

  /**
   * A page in a tier.
   *
   * @param name codec that is wanted
   * @param errorBound 0: none
   * @return empty where the page breaks the bound
   */
  static Optional<EncodedPage> encode(
      PageTokens tokens, PageTier tier, String name, double errorBound, CodecContext context) {
    for (String candidate : candidates(name, tokens.shape())) {
      Optional<PageCodec> codec = PageCodecs.named(candidate, context);
      Optional<byte[]> payload = codec.flatMap(found -> payload(found, tokens));
      if (payload.isPresent()) {
        return framed(tokens, tier, codec.get(), payload.get(), errorBound);
      }
    }
    return Optional.empty();
  }

  private static Optional<EncodedPage> framed(
      PageTokens tokens, PageTier tier, PageCodec codec, byte[] payload, double errorBound) {
    float error = relativeError(codec, tokens, payload);
    if (!Float.isFinite(error) || errorBound > 0 && error > errorBound) {
      return Optional.empty();
    }
    boolean before =
        tokens.cameBeforeRotary() || tokens.cameAfterRotary() && codec.codesBeforeRotary();
    byte[] frame = frame(tokens, codec, before, payload);
    Optional<Models.Model> model = codec.model();
    return Optional.of(
        new EncodedPage(
            tier,
            codec.name(),
            model.map(Models.Model::id).orElse(""),
            model.map(Models.Model::version).orElse(-1L),
            before,
            error,
            frame));
  }

  private static byte[] frame(
      PageTokens tokens, PageCodec codec, boolean beforeRotary, byte[] payload) {
    PageFrame frame =
        PageFrame.of(
            codec, tokens.shape(), tokens.kind(), beforeRotary, tokens.firstToken(), payload);
    return (tokens.labels().length > 0 ? frame.withLabels(tokens.labels()) : frame).encode();
  }

  /** The wanted codec, and what steps in for it. */
  private static List<String> candidates(String name, PageShape shape) {
    int bits = Math.max(2, Math.min(4, wantedBits(name)));
    String rotated = "rotated-" + bits;
    return Integer.lowestOneBit(shape.headDimension()) >= LEAST_ROTATION
        ? List.of(name, rotated, PLAIN)
        : List.of(name, PLAIN, rotated);
  }

  /** The number behind the last dash of a codec's name, to the nearest whole. */
  private static int wantedBits(String name) {
    String last = name.substring(name.lastIndexOf('-') + 1);
    return last.matches("\\d{1,2}(\\.\\d{1,6})?")
        ? (int) Math.round(Double.parseDouble(last))
        : FALLBACK_BITS;
  }

  /** Empty where the codec cannot take the shape. */
  private static Optional<byte[]> payload(PageCodec codec, PageTokens tokens) {
    try {
      return Optional.of(codec.encode(tokens.shape(), tokens.kind(), input(codec, tokens)));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private static float[] input(PageCodec codec, PageTokens tokens) {
    return codec.codesBeforeRotary() ? tokens.beforeRotary() : tokens.values();
  }

  /** ||x - x^|| / ||x||; of values too small to tell, 0 if none changed, else infinite. */
  private static float relativeError(PageCodec codec, PageTokens tokens, byte[] payload) {
    float[] restored = new float[tokens.shape().values()];
    codec
        .open(
            tokens.shape(), tokens.kind(), ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN))
        .restore(restored);
    float[] exact = input(codec, tokens);
    int c = tokens.shape().channels();
    double difference = 0;
    double energy = 0;
    boolean same = true;
    for (int from = 0; from < exact.length; from += c) {
      energy += Kernels.dot(exact, from, exact, from, c);
      Kernels.axpy(-1f, exact, from, restored, from, c);
      difference += Kernels.dot(restored, from, restored, from, c);
    }
    if (energy >= LEAST_ENERGY) {
      return (float) Math.sqrt(difference / energy);
    }
    // squares may have vanished
    for (float lost : restored) {
      same &= lost == 0;
    }
    return same ? 0f : Float.POSITIVE_INFINITY;
  }
}
