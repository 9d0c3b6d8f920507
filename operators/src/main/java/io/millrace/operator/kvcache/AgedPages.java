package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import io.millrace.schema.KeyValueSummary;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * Moves pages on by age: coarse ones supersede fine ones under the same key, and at last the tokens
 * of a key page and its value page enter the sums of each head and both pages are removed. Spans
 * enter in order and without gaps. One whose basis version is not known here stays as it is and is
 * tried again after the summary's age, then twice that, and so on. One thread.
 */
final class AgedPages {
  private static final int MAXIMUM_DOUBLINGS = 16;

  private final KeyValueSettings settings;
  private final KeyValueSettings.Tiers tiers;

  /** Of the shape that came last: all heads of a model have one. */
  private RandomFeatures featuresOrNull;

  AgedPages(KeyValueSettings settings) {
    this.settings = settings;
    this.tiers = settings.tiers();
  }

  /** When the next page moves on. */
  OptionalLong nextDeadlineMillis(KeyValueState state) {
    long next = Long.MAX_VALUE;
    for (TensorKind kind : TensorKind.values()) {
      PagedTensor tensor = state.tensorOrNull(kind);
      if (tensor != null && tensor.firstUnpublished() < tensor.aging.size()) {
        PageSpan span = tensor.aging.get(tensor.firstUnpublished()).span();
        next = Math.min(next, span.lastMillis() + tiers.coarse().afterMillis());
      }
    }
    if (hasPair(state)) {
      next = Math.min(next, pairDeadlineMillis(state));
    }
    return next == Long.MAX_VALUE ? OptionalLong.empty() : OptionalLong.of(next);
  }

  /**
   * Moves on what is due.
   *
   * @param state modified
   */
  void age(
      KeyValueState state, long deadlineMillis, Models models, Consumer<? super CacheOutput> out) {
    for (TensorKind kind : TensorKind.values()) {
      if (state.tensorOrNull(kind) != null) {
        publishCoarse(state, kind, deadlineMillis, out);
      }
    }
    dropUnmatched(state);
    boolean added = false;
    while (hasPair(state) && pairDeadlineMillis(state) <= deadlineMillis) {
      if (summarize(state, models)) {
        removePair(state, out);
        state.summaryRetries = 0;
        added = true;
      } else {
        int doublings = Math.min(state.summaryRetries++, MAXIMUM_DOUBLINGS);
        state.summaryRetryMillis = deadlineMillis + (tiers.summary().afterMillis() << doublings);
      }
    }
    if (added) {
      emitSummaries(state, deadlineMillis, out);
    }
  }

  private void publishCoarse(
      KeyValueState state,
      TensorKind kind,
      long deadlineMillis,
      Consumer<? super CacheOutput> out) {
    PagedTensor tensor = state.tensorOrNull(kind);
    List<AgingPage> aging = tensor.aging;
    int index = tensor.firstUnpublished();
    while (index < aging.size()
        && aging.get(index).span().lastMillis() + tiers.coarse().afterMillis() <= deadlineMillis) {
      AgingPage page = aging.get(index);
      out.accept(PageCutter.page(state, kind, page.span(), page.page()));
      state.agingChanged(page.span().sequence());
      aging.set(index, page.publishedNow());
      index = tensor.firstUnpublished();
    }
  }

  /**
   * Gives up the bytes of pages that can never enter the sums, because settings changed while they
   * aged: they stay pages.
   */
  private void dropUnmatched(KeyValueState state) {
    for (TensorKind kind : TensorKind.values()) {
      PagedTensor tensor = state.tensorOrNull(kind);
      while (tensor != null && !tensor.aging.isEmpty() && isUnmatched(state, kind)) {
        state.agingChanged(tensor.aging.get(0).span().sequence());
        tensor.remove(0);
      }
    }
  }

  private boolean isUnmatched(KeyValueState state, TensorKind kind) {
    AgingPage oldest = state.tensorOrNull(kind).aging.get(0);
    if (!oldest.published() || !settings.summarizes(state)) {
      return oldest.published();
    }
    PagedTensor other =
        state.tensorOrNull(kind == TensorKind.KEYS ? TensorKind.VALUES : TensorKind.KEYS);
    boolean passed =
        other != null
            && !other.aging.isEmpty()
            && other.aging.get(0).span().sequence() > oldest.span().sequence();
    return passed
        || state.summaryTokens() > 0
            && oldest.span().firstToken() != state.summaryFirst + state.summaryTokens();
  }

  /**
   * Whether the oldest pages of both kinds are of one span and have only the summary before them.
   */
  private boolean hasPair(KeyValueState state) {
    if (state.keysOrNull == null || state.valuesOrNull == null || !settings.summarizes(state)) {
      return false;
    }
    List<AgingPage> keys = state.keysOrNull.aging;
    List<AgingPage> values = state.valuesOrNull.aging;
    return !keys.isEmpty()
        && !values.isEmpty()
        && keys.get(0).published()
        && values.get(0).published()
        && keys.get(0).span().sequence() == values.get(0).span().sequence();
  }

  private long pairDeadlineMillis(KeyValueState state) {
    long youngest =
        Math.max(
            state.keysOrNull.aging.get(0).span().lastMillis(),
            state.valuesOrNull.aging.get(0).span().lastMillis());
    return Math.max(youngest + tiers.summary().afterMillis(), state.summaryRetryMillis);
  }

  /** Adds the oldest pair to the sums; false where a page cannot be read now. */
  private boolean summarize(KeyValueState state, Models models) {
    PageSpan span = state.keysOrNull.aging.get(0).span();
    Optional<float[]> keys = restored(state.keysOrNull, models);
    Optional<float[]> values = restored(state.valuesOrNull, models);
    if (keys.isEmpty() || values.isEmpty()) {
      return false;
    }
    int c = state.channels();
    int d = state.groupOrNull.getHeadDimension();
    if (state.summaries.length == 0) {
      state.summaryFirst = span.firstToken();
      state.summaries = new AttentionSummary[state.groupOrNull.getHeads()];
      for (int head = 0; head < state.summaries.length; head++) {
        state.summaries[head] = new AttentionSummary(features(d));
      }
    }
    for (int head = 0; head < state.summaries.length; head++) {
      int from = head * d;
      state.summaries[head].add(keys.get(), from, c, values.get(), from, c, span.tokens());
    }
    state.summaryRevision++;
    return true;
  }

  private RandomFeatures features(int headDimension) {
    if (featuresOrNull == null || featuresOrNull.headDimension() != headDimension) {
      KeyValueSettings.Summary summary = tiers.summary();
      featuresOrNull = new RandomFeatures(summary.features(), headDimension, summary.seed());
    }
    return featuresOrNull;
  }

  /** The oldest page's vectors as queries meet them; empty where it cannot be read here. */
  private static Optional<float[]> restored(PagedTensor tensor, Models models) {
    EncodedPage page = tensor.aging.get(0).page();
    // to ask for a version that does not exist would wait for it
    Optional<Models.Model> model =
        page.basis().isEmpty()
            ? Optional.empty()
            : models.version(page.basis(), page.basisVersion());
    try {
      PageFrame frame = PageFrame.decode(ByteBuffer.wrap(page.frame()));
      float[] values = new float[frame.shape().values()];
      PageCodecs.reading(frame.codec(), frame.parameters(), model)
          .open(frame.shape(), frame.kind(), frame.payload())
          .restore(values);
      if (frame.beforeRotary()) {
        RotaryEmbedding.of(tensor.layout.rotary())
            .turn(frame.shape(), values, frame.firstToken(), false);
      }
      return Optional.of(values);
    } catch (IllegalArgumentException e) {
      // the version is not known, or has another shape
      return Optional.empty();
    }
  }

  private static void removePair(KeyValueState state, Consumer<? super CacheOutput> out) {
    for (TensorKind kind : TensorKind.values()) {
      PagedTensor tensor = state.tensorOrNull(kind);
      PageSpan span = tensor.aging.get(0).span();
      tensor.remove(0);
      state.agingChanged(span.sequence());
      out.accept(new CacheOutput.Removed(HeadGroupKey.page(state.key, kind, span.firstToken())));
    }
  }

  private static void emitSummaries(
      KeyValueState state, long deadlineMillis, Consumer<? super CacheOutput> out) {
    RotaryPosition rotary = state.keysOrNull.layout.rotary();
    if (rotary.getState() == RotaryState.BEFORE) {
      rotary = TensorLayout.with(rotary, RotaryState.AFTER);
    }
    for (int head = 0; head < state.summaries.length; head++) {
      AttentionSummary sums = state.summaries[head];
      KeyValueSummary summary = new KeyValueSummary();
      summary.setGroup(state.groupOrNull);
      summary.setHead(head);
      summary.setRotary(rotary);
      summary.setFeatures(sums.features().features());
      summary.setSeed(sums.features().seed());
      summary.setFirstToken(state.summaryFirst);
      summary.setTokens(sums.tokens());
      summary.setExponent(sums.exponent());
      summary.setNormalizer(ByteBuffer.wrap(sums.normalizer()));
      summary.setWeighted(ByteBuffer.wrap(sums.weighted()));
      summary.setTimeMicros(1000 * deadlineMillis);
      out.accept(new CacheOutput.Summary(summary));
    }
  }
}
