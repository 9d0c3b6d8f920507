package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The table of contents of page codecs: by name for settings, by number for pages. A new codec is a
 * number, a line in {@link #named} and one in {@link #reading}.
 */
public final class PageCodecs {
  // numbers on the wire, never reused
  static final byte EXACT_FLOAT32 = 1;
  static final byte EXACT_FLOAT16 = 2;
  static final byte EXACT_BFLOAT16 = 3;
  static final byte ROUND_TO_NEAREST = 4;
  static final byte KIVI = 5;
  static final byte ROTATED_CODEBOOK = 6;
  static final byte BLOCK_FLOAT = 7;
  static final byte LEARNED_TRANSFORM = 8;
  static final byte OUTLIERS_LOW_RANK = 9;
  static final byte LOW_RANK_KEYS = 10;
  static final byte PRUNED_CHANNELS = 11;
  static final byte BITMAP_SPARSE = 12;
  static final byte DICTIONARY = 13;
  static final byte HEAD_BUDGET = 14;

  private static final int GROUP = 32;
  private static final Pattern TRANSFORM =
      Pattern.compile(Pattern.quote(LearnedTransform.NAME) + "([0-9]{1,2}(?:\\.[0-9]{1,2})?)");

  private PageCodecs() {}

  /** Names that settings may use; of transform-BITS, which takes any rate, two examples. */
  public static List<String> names() {
    return List.of(
        "fp32",
        "fp16",
        "bf16",
        "rtn-8",
        "rtn-4",
        "kivi-4",
        "kivi-3",
        "kivi-2",
        "rotated-4",
        "rotated-3",
        "rotated-2",
        "bfp-4",
        "bfp-3",
        "transform-1.2",
        "transform-2.2");
  }

  /**
   * A codec by its name.
   *
   * @param context what may have been learned
   * @return empty where what the codec needs is not there yet
   * @throws IllegalArgumentException for an unknown name
   */
  public static Optional<PageCodec> named(String name, CodecContext context) {
    return switch (name) {
      case "fp32" -> Optional.of(new Exact(TokenFormat.FLOAT32));
      case "fp16" -> Optional.of(new Exact(TokenFormat.FLOAT16));
      case "bf16" -> Optional.of(new Exact(TokenFormat.BFLOAT16));
      case "rtn-8" -> Optional.of(new RoundToNearest(8, GROUP));
      case "rtn-4" -> Optional.of(new RoundToNearest(4, GROUP));
      case "kivi-4" -> Optional.of(new Kivi(4, GROUP));
      case "kivi-3" -> Optional.of(new Kivi(3, GROUP));
      case "kivi-2" -> Optional.of(new Kivi(2, GROUP));
      case "rotated-4" -> Optional.of(new RotatedCodebook(4));
      case "rotated-3" -> Optional.of(new RotatedCodebook(3));
      case "rotated-2" -> Optional.of(new RotatedCodebook(2));
      case "bfp-4" -> Optional.of(new BlockFloat(4));
      case "bfp-3" -> Optional.of(new BlockFloat(3));
      default -> transform(name, context);
    };
  }

  /**
   * The codec that opens a page.
   *
   * @param id {@link PageCodec#id}
   * @param parameters {@link PageCodec#parameters}
   * @param model the version that the page names; empty where it names none
   * @throws IllegalArgumentException for an unknown number, impossible parameters, or another model
   *     than the codec needs
   */
  public static PageCodec reading(byte id, int parameters, Optional<Models.Model> model) {
    int bits = parameters & 0xff;
    int group = parameters >>> 8;
    return switch (id) {
      case EXACT_FLOAT32 -> new Exact(TokenFormat.FLOAT32);
      case EXACT_FLOAT16 -> new Exact(TokenFormat.FLOAT16);
      case EXACT_BFLOAT16 -> new Exact(TokenFormat.BFLOAT16);
      case ROUND_TO_NEAREST -> new RoundToNearest(bits, group);
      case KIVI -> new Kivi(bits, group);
      case ROTATED_CODEBOOK -> new RotatedCodebook(bits);
      case BLOCK_FLOAT -> new BlockFloat(bits);
      case LEARNED_TRANSFORM ->
          new LearnedTransform(required(TransformBasis.class, model), parameters);
      default ->
          throw new IllegalArgumentException("page has codec " + id + ", which is not known here");
    };
  }

  /** transform-BITS with at most two decimals; empty while no basis is known. */
  private static Optional<PageCodec> transform(String name, CodecContext context) {
    Matcher rate = TRANSFORM.matcher(name);
    int hundredths =
        rate.matches() ? new BigDecimal(rate.group(1)).movePointRight(2).intValueExact() : 0;
    if (hundredths < 100 * LearnedTransform.SMALLEST_RATE
        || hundredths > 100 * LearnedTransform.LARGEST_RATE) {
      throw new IllegalArgumentException(
          "codec is "
              + name
              + ", expected one of "
              + names()
              + ", or transform-BITS with 0.5 to 8 bits and at most two decimals");
    }
    return context
        .models()
        .latest(context.basis())
        .map(
            model ->
                new LearnedTransform(
                    required(TransformBasis.class, Optional.of(model)), hundredths));
  }

  /**
   * The model that a codec needs.
   *
   * @throws IllegalArgumentException for none, or one of another type
   */
  static <T extends Models.Model> T required(Class<T> type, Optional<Models.Model> model) {
    return model
        .filter(type::isInstance)
        .map(type::cast)
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "page needs a "
                        + type.getSimpleName()
                        + ", got "
                        + model.map(Object::toString).orElse("none")));
  }

  /**
   * Checks that a payload was read to its end.
   *
   * @throws IllegalArgumentException with the number of bytes left over
   */
  static void requireEnd(ByteBuffer payload) {
    if (payload.hasRemaining()) {
      throw new IllegalArgumentException(
          "page has " + payload.remaining() + " bytes left over, expected none");
    }
  }
}
