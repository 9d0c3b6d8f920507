package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import io.millrace.schema.KeyValueSummary;
import io.millrace.schema.TensorKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Reads what a {@link PageTable} holds: restores keys and values, or attends to them where they
 * lie. Keys are given as queries meet them: pages from before the rotary step are turned.
 *
 * <p>Opened pages stay in a {@link PageCache}; a page is opened once for all sessions of a tenant
 * that share it. Restoring costs what the codec says; attention over n tokens 2 n d multiply-adds
 * and n exponentials a query head. One thread.
 */
public final class KeyValueReader {
  /** At most as many values in one restored range. */
  public static final int MAXIMUM_VALUES = 1 << 26;

  private final OpenedPages opened;
  private final PageChoice choice;
  private Optional<RandomFeatures> features = Optional.empty();

  /**
   * @param models bases and dictionaries that pages name
   * @param cacheBytes for opened pages, counted as dense floats, and an eighth of it for labels
   */
  public KeyValueReader(Models models, long cacheBytes) {
    this.opened = new OpenedPages(models, cacheBytes);
    this.choice = new PageChoice(opened);
  }

  /** Opened pages. */
  public PageCache<?, ?> cache() {
    return opened.pages();
  }

  /**
   * Opens a page.
   *
   * @return keys turned where they need it; owned by this reader's thread
   * @throws IllegalArgumentException naming the record, for a model that is not known here or a
   *     payload that is none
   */
  public Page open(HeldPage held) {
    return opened.page(held);
  }

  /**
   * Restores tokens.
   *
   * @param from first token
   * @param to the token after the last, above {@code from}
   * @return [to - from, h, d] row-major
   * @throws IllegalArgumentException naming the record that is missing or cannot be opened
   */
  public float[] restore(HeadGroupPages group, TensorKind kind, long from, long to) {
    int channels = channels(group);
    if (from < 0 || to <= from || to - from > MAXIMUM_VALUES / channels) {
      throw new IllegalArgumentException(
          "tokens "
              + from
              + " to "
              + to
              + " of "
              + channels
              + " channels: expected a range of at most "
              + MAXIMUM_VALUES / channels
              + " tokens");
    }
    // nothing is allocated for tokens that are not there
    for (long token = from; token < to; ) {
      token = pageOf(group, kind, token).end();
    }
    float[] out = new float[(int) (to - from) * channels];
    for (long token = from; token < to; ) {
      HeldPage held = pageOf(group, kind, token);
      Page page = opened.page(held);
      float[] values = new float[page.shape().values()];
      page.restore(values);
      long first = held.envelope().getFirstToken();
      int count = (int) (Math.min(to, held.end()) - token);
      System.arraycopy(
          values,
          (int) (token - first) * channels,
          out,
          (int) (token - from) * channels,
          count * channels);
      token = held.end();
    }
    return out;
  }

  /**
   * Adds the attention of a query to all tokens before one: pages, and the summary of those that
   * aged. Tokens from {@code before} on, which the caller may hold exactly, it adds itself.
   *
   * @param head within the group
   * @param query [d] from {@code queryFrom}, multiplied by the softmax scale already; not modified
   * @param before the token after the last one to attend to, at most {@link HeadGroupPages#end}
   * @param partial modified; where an exception is thrown it holds a part and is of no use
   * @throws IllegalArgumentException naming the record that is missing or cannot be read
   */
  public void attend(
      HeadGroupPages group,
      int head,
      float[] query,
      int queryFrom,
      long before,
      AttentionPartial partial) {
    attend(group, head, query, queryFrom, new Extent(before, Integer.MAX_VALUE), partial);
  }

  /**
   * How far a query looks.
   *
   * @param before the token after the last one to attend to
   * @param labelledPages of the pages that have label columns, as many with the largest labels'
   *     scores are read; the others count as if they were not there
   */
  public record Extent(long before, int labelledPages) {}

  /**
   * As {@link #attend(HeadGroupPages, int, float[], int, long, AttentionPartial)}, with labels
   * choosing what is read (Double Sparsity, see {@link LabelColumn}).
   *
   * @return tokens attended to, aged ones among them
   */
  public long attend(
      HeadGroupPages group,
      int head,
      float[] query,
      int queryFrom,
      Extent extent,
      AttentionPartial partial) {
    requireQuery(group, head, query, queryFrom, extent, partial);
    long attended = 0;
    List<PageChoice.Pair> pairs = new ArrayList<>();
    Optional<KeyValueSummary> summary = group.summary(head).filter(s -> s.getTokens() > 0);
    for (long token = 0; token < extent.before(); ) {
      if (summary.isPresent() && summary.get().getFirstToken() == token) {
        token += summary.get().getTokens();
        attended += summary.get().getTokens();
        if (token > extent.before()) {
          throw new IllegalArgumentException(
              HeadGroupKey.summary(group.key(), head)
                  + " covers tokens to "
                  + (token - 1)
                  + ", expected before "
                  + extent.before());
        }
        summary(group, summary.get()).accumulate(query, queryFrom, partial);
        continue;
      }
      HeldPage keys = pageOf(group, TensorKind.KEYS, token);
      HeldPage values = pageOf(group, TensorKind.VALUES, token);
      if (keys.envelope().getFirstToken() != token
          || values.envelope().getFirstToken() != token
          || keys.end() != values.end()) {
        throw new IllegalArgumentException(
            keys.key() + " and " + values.key() + " cover other tokens, expected from " + token);
      }
      pairs.add(
          new PageChoice.Pair(
              keys, values, (int) Math.min(keys.envelope().getTokens(), extent.before() - token)));
      token = keys.end();
    }
    for (PageChoice.Pair pair : choice.of(pairs, head, query, queryFrom, extent.labelledPages())) {
      partial.add(
          opened.page(pair.keys()),
          opened.page(pair.values()),
          head,
          query,
          queryFrom,
          pair.tokens());
      attended += pair.tokens();
    }
    return attended;
  }

  /**
   * Lets the opened pages of sessions that are past their idle time go before others.
   *
   * @param idleMicros in event time, against the newest record of the table
   */
  public void retire(PageTable table, long idleMicros) {
    for (String tenant : table.tenants()) {
      for (HeadGroupPages group : table.groups(tenant)) {
        if (table.newestMicros() - group.timeMicros() > idleMicros) {
          for (TensorKind kind : TensorKind.values()) {
            group.pages(kind).forEach(held -> opened.pages().advise(held.shared(), true));
          }
        }
      }
    }
  }

  /**
   * Verifies a head group: the chain and its coverage, see {@link ChainCheck}, and that every page
   * opens and is what its record says. A flipped byte of a page's record is found wherever it lies.
   *
   * @return all that is wrong, each with its record's key; empty: nothing
   */
  public List<ChainCheck.Finding> verify(PageTable table, String tenant, String groupKey) {
    List<ChainCheck.Finding> findings = new ArrayList<>(ChainCheck.of(table, tenant, groupKey));
    Optional<HeadGroupPages> group = table.group(tenant, groupKey);
    for (TensorKind kind : TensorKind.values()) {
      for (HeldPage held : group.map(g -> g.pages(kind)).orElse(List.of())) {
        try {
          PageCheck.require(held, opened);
        } catch (IllegalArgumentException e) {
          findings.add(new ChainCheck.Finding(held.key(), e.getMessage()));
        }
      }
    }
    for (KeyValueSummary summary : group.map(HeadGroupPages::summaries).orElse(List.of())) {
      try {
        summary(group.get(), summary);
      } catch (IllegalArgumentException e) {
        findings.add(
            new ChainCheck.Finding(
                HeadGroupKey.summary(groupKey, summary.getHead()), e.getMessage()));
      }
    }
    return findings;
  }

  /** The page of a token. */
  private static HeldPage pageOf(HeadGroupPages group, TensorKind kind, long token) {
    return group
        .pageOf(kind, token)
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "no page has token "
                        + token
                        + " of "
                        + kind
                        + " of "
                        + group.key()
                        + ", expected "
                        + HeadGroupKey.page(group.key(), kind, token)));
  }

  private AttentionSummary summary(HeadGroupPages group, KeyValueSummary record) {
    try {
      RandomFeatures directions =
          features
              .filter(
                  known ->
                      known.features() == record.getFeatures()
                          && known.headDimension() == record.getGroup().getHeadDimension()
                          && known.seed() == record.getSeed())
              .orElseGet(
                  () ->
                      new RandomFeatures(
                          record.getFeatures(),
                          record.getGroup().getHeadDimension(),
                          record.getSeed()));
      features = Optional.of(directions);
      return AttentionSummary.decode(
          directions,
          record.getExponent(),
          record.getTokens(),
          record.getNormalizer(),
          record.getWeighted());
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          HeadGroupKey.summary(group.key(), record.getHead()) + ": " + e.getMessage(), e);
    }
  }

  private static void requireQuery(
      HeadGroupPages group,
      int head,
      float[] query,
      int queryFrom,
      Extent extent,
      AttentionPartial partial) {
    int heads = group.group().getHeads();
    int d = group.group().getHeadDimension();
    if (head < 0 || head >= heads) {
      throw new IllegalArgumentException(
          "head is " + head + ", expected 0 to " + (heads - 1) + " of " + group.key());
    }
    if (partial.headDimension() != d || query.length - queryFrom < d) {
      throw new IllegalArgumentException(
          "query has "
              + (query.length - queryFrom)
              + " channels, partial "
              + partial.headDimension()
              + ", expected "
              + d);
    }
    if (extent.before() < 0 || extent.before() > group.end() || extent.labelledPages() < 0) {
      throw new IllegalArgumentException(
          extent.labelledPages()
              + " labelled pages and tokens before "
              + extent.before()
              + " are asked for, "
              + group.key()
              + " has those before "
              + group.end());
    }
  }

  private static int channels(HeadGroupPages group) {
    return group.group().getHeads() * group.group().getHeadDimension();
  }
}
