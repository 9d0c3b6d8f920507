package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import io.millrace.operator.dictionary.DictionaryModel;
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
  private static final int OUTLIERS_PER_MILLE = 20;
  private static final int RESIDUAL_RANK = 2;
  private static final int PRUNED_PERCENT = 50;
  private static final int KEPT_PERCENT = 25;
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
        "transform-2.2",
        "gear-4",
        "gear-2",
        "mustafar-50",
        "mustafar-70",
        "mustafar-70-8",
        "mustafar-70-4",
        "think-50",
        "think-50-kivi-4",
        "think-50-kivi-2",
        "cskv-25",
        "cskv-25-kivi-4",
        "dictionary-2",
        "dictionary-4",
        "dictionary-8",
        "kivi-budget");
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
      case "gear-4" -> Optional.of(new Gear(4, OUTLIERS_PER_MILLE, RESIDUAL_RANK));
      case "gear-2" -> Optional.of(new Gear(2, OUTLIERS_PER_MILLE, RESIDUAL_RANK));
      case "mustafar-50" -> Optional.of(new BitmapSparse(50, 16));
      case "mustafar-70" -> Optional.of(new BitmapSparse(70, 16));
      case "mustafar-70-8" -> Optional.of(new BitmapSparse(70, 8));
      case "mustafar-70-4" -> Optional.of(new BitmapSparse(70, 4));
      case "think-50" -> pruned(new Exact(TokenFormat.FLOAT16), context);
      case "think-50-kivi-4" -> pruned(new Kivi(4, GROUP), context);
      case "think-50-kivi-2" -> pruned(new Kivi(2, GROUP), context);
      case "cskv-25" -> lowRank(new Exact(TokenFormat.FLOAT16), context);
      case "cskv-25-kivi-4" -> lowRank(new Kivi(4, GROUP), context);
      case "dictionary-2" -> dictionary(2, context);
      case "dictionary-4" -> dictionary(4, context);
      case "dictionary-8" -> dictionary(8, context);
      case "kivi-budget" ->
          latest(HeadBudgetModel.class, "/budget", context).map(BudgetedHeads::new);
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
    return switch (id) {
      case OUTLIERS_LOW_RANK -> Gear.reading(parameters);
      case HEAD_BUDGET -> BudgetedHeads.reading(parameters);
      case PRUNED_CHANNELS -> PrunedChannels.reading(parameters);
      case LEARNED_TRANSFORM ->
          new LearnedTransform(required(TransformBasis.class, model), parameters);
      case LOW_RANK_KEYS -> LowRankKeys.reading(parameters, required(TransformBasis.class, model));
      case DICTIONARY -> new DictionaryAtoms(parameters, required(DictionaryModel.class, model));
      default -> withoutModel(id, parameters);
    };
  }

  /**
   * A codec that has learned nothing and stands on no other.
   *
   * @throws IllegalArgumentException for an unknown number or impossible parameters
   */
  static PageCodec withoutModel(byte id, int parameters) {
    int low = parameters & 0xff;
    int high = parameters >>> 8;
    return switch (id) {
      case EXACT_FLOAT32 -> new Exact(TokenFormat.FLOAT32);
      case EXACT_FLOAT16 -> new Exact(TokenFormat.FLOAT16);
      case EXACT_BFLOAT16 -> new Exact(TokenFormat.BFLOAT16);
      case ROUND_TO_NEAREST -> new RoundToNearest(low, high);
      case KIVI -> new Kivi(low, high);
      case ROTATED_CODEBOOK -> new RotatedCodebook(low);
      case BLOCK_FLOAT -> new BlockFloat(low);
      case BITMAP_SPARSE -> new BitmapSparse(low, high);
      default ->
          throw new IllegalArgumentException("page has codec " + id + ", which is not known here");
    };
  }

  private static Optional<PageCodec> pruned(PageCodec base, CodecContext context) {
    return context.queryMeanSquares().length == 0
        ? Optional.empty()
        : Optional.of(new PrunedChannels(PRUNED_PERCENT, base, context.queryMeanSquares()));
  }

  private static Optional<PageCodec> lowRank(PageCodec base, CodecContext context) {
    return latest(TransformBasis.class, "", context)
        .map(basis -> new LowRankKeys(KEPT_PERCENT, base, basis));
  }

  private static Optional<PageCodec> dictionary(int maxAtoms, CodecContext context) {
    return latest(DictionaryModel.class, "/dictionary", context)
        .map(model -> new DictionaryAtoms(maxAtoms, model));
  }

  /** The newest model of a layer's keys or values whose id ends so. */
  private static <T extends Models.Model> Optional<T> latest(
      Class<T> type, String suffix, CodecContext context) {
    return context
        .models()
        .latest(context.basis() + suffix)
        .filter(type::isInstance)
        .map(type::cast);
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
