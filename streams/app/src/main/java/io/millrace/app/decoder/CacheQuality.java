package io.millrace.app.decoder;

import io.millrace.operator.Models;
import io.millrace.operator.kvcache.KeyValueSettings;
import io.millrace.operator.kvcache.KeyValueSettings.Bases;
import io.millrace.operator.kvcache.KeyValueSettings.Lifetime;
import io.millrace.operator.kvcache.KeyValueSettings.Limits;
import io.millrace.operator.kvcache.KeyValueSettings.Summary;
import io.millrace.operator.kvcache.KeyValueSettings.Tier;
import io.millrace.operator.kvcache.KeyValueSettings.Tiers;
import io.millrace.operator.kvcache.KeyValueSettings.Window;
import io.millrace.operator.kvcache.KeyValueWindow;
import io.millrace.schema.HeadGroup;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * What a page codec does to a decoder: bits, errors, and the loss that the decoder adds when it
 * reads pages instead of what it wrote. One thread.
 */
public final class CacheQuality {
  private static final HeadGroup NAMES =
      new HeadGroup("measure", "decoder", "weights", "session", 0, 0, 1, 1);

  private final Decoder decoder;
  private final int[][] pieces;
  private final double[] exactNats;
  private CacheTraining.Learned learned = new CacheTraining.Learned(Models.NONE, 0);

  /**
   * One row of a table.
   *
   * @param codec that made the pages
   * @param bits per value of all pages, with their frames
   * @param keys ||K - K^|| / ||K|| over compressed tokens
   * @param values likewise
   * @param outputs ||O - O^|| / ||O|| of attention, over queries that see a compressed token, the
   *     decoder itself reading exact keys and values
   * @param addedNats mean loss a token with pages less that without
   * @param worstAddedNats of a piece of text
   */
  public record Row(
      String codec,
      double bits,
      double keys,
      double values,
      double outputs,
      double addedNats,
      double worstAddedNats) {}

  /**
   * Sizes of the cache, in tokens.
   *
   * @param window that is exact
   * @param page of a page
   * @param sinks that stay exact
   */
  public record Sizes(int window, int page, int sinks) {}

  /**
   * Measures on some text.
   *
   * @param pieces tokens, each at most a context long
   */
  public CacheQuality(Decoder decoder, int[][] pieces) {
    this.decoder = decoder;
    this.pieces = pieces;
    this.exactNats =
        Arrays.stream(pieces)
            .mapToDouble(piece -> TextLoss.nats(decoder, piece, decoder.exactCache()))
            .toArray();
  }

  /** Learns what codecs may need, from other text. */
  public void learn(int[][] otherPieces, int atoms) {
    learned = CacheTraining.learn(decoder, NAMES, otherPieces, atoms);
  }

  /** Bytes of the learned bases' records, once a model, in no figure of a row. */
  public long basisBytes() {
    return learned.basisBytes();
  }

  /** Mean loss with exact keys and values. */
  public double exactNats() {
    return Arrays.stream(exactNats).average().orElse(0);
  }

  /**
   * Measures a codec.
   *
   * @param codec a name that {@link io.millrace.operator.kvcache.PageCodecs} knows, or two, of keys
   *     and values, with a + between
   * @param compared pieces to compare attention on, from the first on; all count for the loss
   */
  public Row measure(String codec, Sizes sizes, int compared) {
    KeyValueWindow operator = new KeyValueWindow(settings(codec, sizes));
    PageTally tally = new PageTally();
    double sum = 0;
    double worst = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < pieces.length; i++) {
      PagedCache cache = new PagedCache(decoder, operator, NAMES, learned.models(), tally);
      double added = TextLoss.nats(decoder, pieces[i], cache) - exactNats[i];
      sum += added;
      worst = Math.max(worst, added);
    }
    OutputComparison comparison = new OutputComparison(decoder);
    for (int i = 0; i < compared; i++) {
      comparison.begin(new PagedCache(decoder, operator, NAMES, learned.models(), new PageTally()));
      TextLoss.nats(decoder, pieces[i], comparison);
    }
    return new Row(
        name(tally.codecs(), codec),
        tally.bits(),
        tally.keyError(),
        tally.valueError(),
        comparison.error(),
        sum / pieces.length,
        worst);
  }

  /** What made the pages, where it was not what was asked for. */
  private static String name(Set<String> used, String wanted) {
    return used.isEmpty() || used.equals(new TreeSet<>(List.of(wanted.split("[+]"))))
        ? wanted
        : wanted + " by " + used;
  }

  private static String keyCodec(String codec) {
    return codec.split("[+]")[0];
  }

  private static String valueCodec(String codec) {
    return codec.substring(codec.indexOf('+') + 1);
  }

  private static KeyValueSettings settings(String codec, Sizes sizes) {
    Tier tier = new Tier(keyCodec(codec), valueCodec(codec), 0, 0);
    return new KeyValueSettings(
        new Window(sizes.window(), sizes.page(), sizes.sinks()),
        new Tiers(tier, tier, new Summary(1, 0, 0), 0),
        new Lifetime(0, 0),
        new Bases(true, 0, 1),
        new Limits(65_535, 65_535));
  }
}
