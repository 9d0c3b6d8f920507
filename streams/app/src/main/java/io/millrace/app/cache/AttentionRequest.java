package io.millrace.app.cache;

import io.millrace.operator.kvcache.AttentionPartial;
import io.millrace.operator.kvcache.HeadGroupPages;
import io.millrace.operator.kvcache.KeyValueReader;
import java.util.ArrayList;
import java.util.List;

/**
 * Queries of one head group. As JSON:
 *
 * <pre>
 * {"group": "MODEL/WEIGHTS/SESSION/LAYER/FIRSTHEAD",
 *  "before": 4096,          tokens from here on are the asker's; absent: all that are held
 *  "labelledPages": 16,     as many of the pages with labels; absent: all
 *  "scale": 0.125,          of the softmax; absent: 1 / sqrt(d)
 *  "queries": [{"head": 0, "query": [d numbers]}, ...]}      head within the group
 *
 * {"partials": [{"head": 0, "tokens": 4096, "exponent": 7, "sum": 1.25, "weighted": [d numbers]}]}
 * </pre>
 *
 * <p>As application/octet-stream the body is queries of one head, float32 little-endian [n, d], the
 * rest are parameters, {@code head} and {@code headDimension} (d) among them; the answer is float64
 * little-endian [n, d + 2]: each row exponent, sum, weighted.
 *
 * <p>Sums are in units of 2^exponent. Partials of one query add up, whoever computed them, once
 * they are in one unit; the attention is weighted / sum.
 *
 * @param before token; -1: all
 * @param labelledPages at most; -1: all
 * @param scale NaN: 1 / sqrt(d)
 */
record AttentionRequest(
    String group, long before, int labelledPages, double scale, List<Query> queries) {
  /** Work of one request: queries times tokens. */
  static final long MAXIMUM_SCORES = 1 << 24;

  /**
   * One query.
   *
   * @param head within the group
   * @param query [d]
   */
  record Query(int head, float[] query) {}

  /**
   * What some tokens add to a query's attention.
   *
   * @param tokens that were attended to
   */
  record Partial(int head, long tokens, int exponent, double sum, double[] weighted) {}

  /**
   * Attends.
   *
   * @throws CacheServer.Refusal for what does not fit the group, or too much of it
   * @throws IllegalArgumentException naming a record that is missing or damaged
   */
  List<Partial> run(KeyValueReader reader, HeadGroupPages pages) {
    int d = pages.group().getHeadDimension();
    int heads = pages.group().getHeads();
    long end = before < 0 ? pages.end() : before;
    if (end > pages.end()) {
      throw new CacheServer.Refusal(
          400, "before is " + end + ", the head group has " + pages.end() + " tokens");
    }
    if (queries.size() * Math.max(1, end) > MAXIMUM_SCORES) {
      throw new CacheServer.Refusal(
          413,
          queries.size()
              + " queries of "
              + end
              + " tokens, expected at most "
              + MAXIMUM_SCORES
              + " scores at once");
    }
    KeyValueReader.Extent extent =
        new KeyValueReader.Extent(end, labelledPages < 0 ? Integer.MAX_VALUE : labelledPages);
    float factor = (float) (Double.isNaN(scale) ? 1 / Math.sqrt(d) : scale);
    List<Partial> partials = new ArrayList<>();
    for (Query query : queries) {
      if (query.head() < 0 || query.head() >= heads || query.query().length != d) {
        throw new CacheServer.Refusal(
            400,
            "query of "
                + query.query().length
                + " channels to head "
                + query.head()
                + ", expected "
                + d
                + " channels and a head below "
                + heads);
      }
      float[] scaled = new float[d];
      for (int i = 0; i < d; i++) {
        scaled[i] = query.query()[i] * factor;
        if (!Float.isFinite(scaled[i])) {
          throw new CacheServer.Refusal(400, "query has a number that is not finite");
        }
      }
      AttentionPartial partial = new AttentionPartial(d);
      long tokens = reader.attend(pages, query.head(), scaled, 0, extent, partial);
      double[] weighted = new double[d];
      for (int i = 0; i < d; i++) {
        weighted[i] = partial.weighted(i);
      }
      partials.add(new Partial(query.head(), tokens, partial.exponent(), partial.sum(), weighted));
    }
    return partials;
  }
}
