package io.millrace.app.dashboard;

import java.util.List;
import java.util.Optional;

/**
 * What a KV cache pipeline holds and keeps, as its topics have it. NaN: not known.
 *
 * @param bitsPerValue of all pages
 * @param compressedBitsPerValue of fine and coarse pages
 * @param tiers exact, fine, coarse
 * @param summaries heads whose aged tokens are sums
 * @param layers by layer
 * @param sessions most recently heard of first
 * @param sessionsSeen since the page's feed started
 * @param basisVersions versions of bases seen
 * @param bases with a version
 * @param continuation what decoders make of the pages; null where none reads them
 */
public record CacheView(
    double bitsPerValue,
    double compressedBitsPerValue,
    List<TierView> tiers,
    long summaries,
    List<LayerView> layers,
    List<SessionView> sessions,
    long sessionsSeen,
    long basisVersions,
    long bases,
    Optional<ContinuationView> continuation) {

  /**
   * Pages of one tier.
   *
   * @param tier EXACT, FINE or COARSE
   * @param pages of keys and of values
   * @param bytes of their frames
   * @param keyBits a value
   * @param valueBits a value
   * @param codecs that made them
   */
  public record TierView(
      String tier, long pages, long bytes, double keyBits, double valueBits, List<String> codecs) {}

  /** Root mean square of the relative errors that pages say of themselves. */
  public record LayerView(
      int layer, double keysFine, double keysCoarse, double valuesFine, double valuesCoarse) {}

  /**
   * One session.
   *
   * @param name tenant and session
   * @param tokens that came
   * @param windowTokens of them not in pages
   * @param exactPages of keys and values of all layers
   * @param finePages likewise
   * @param coarsePages likewise
   * @param bytes of its frames
   * @param ended whether its end was told
   */
  public record SessionView(
      String name,
      long tokens,
      long windowTokens,
      int exactPages,
      int finePages,
      int coarsePages,
      long bytes,
      boolean ended) {}

  CacheView outline() {
    return new CacheView(
        bitsPerValue,
        compressedBitsPerValue,
        tiers,
        summaries,
        layers,
        List.of(),
        sessionsSeen,
        basisVersions,
        bases,
        Optional.empty());
  }
}
