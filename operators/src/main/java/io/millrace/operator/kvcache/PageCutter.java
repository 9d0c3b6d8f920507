package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import io.millrace.schema.KeyValuePage;
import io.millrace.schema.KeyValueSample;
import io.millrace.schema.PageTier;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Takes pages out of the exact window: links them to their chain, encodes each once in all its
 * tiers, emits the fine one, keeps the bytes of the older ones, and samples tokens for the learning
 * of bases. Allocates by page. One thread.
 */
final class PageCutter {
  private final KeyValueSettings settings;

  PageCutter(KeyValueSettings settings) {
    this.settings = settings;
  }

  /**
   * Takes out the pages that are due.
   *
   * @param state modified
   */
  void cutDue(
      KeyValueState state, TensorKind kind, Models models, Consumer<? super CacheOutput> out) {
    PagedTensor tensor = state.tensorOrNull(kind);
    for (int due = tensor.window.dueTokens(); due > 0; due = tensor.window.dueTokens()) {
      if (tensor.window.start() < state.sizes.sinks()) {
        emitExact(state, kind, due, out);
      } else {
        cut(state, kind, due, models, out);
      }
    }
  }

  /**
   * Takes out all that is left, exact.
   *
   * @param state modified
   */
  void cutTail(KeyValueState state, TensorKind kind, Consumer<? super CacheOutput> out) {
    PagedTensor tensor = state.tensorOrNull(kind);
    while (tensor != null && tensor.window.size() > 0) {
      emitExact(state, kind, tensor.window.tailTokens(), out);
    }
  }

  /** The record of a page. */
  static CacheOutput page(
      KeyValueState state, TensorKind kind, PageSpan span, EncodedPage encoded) {
    TensorLayout layout = state.tensorOrNull(kind).layout;
    long values = (long) span.tokens() * state.channels();
    KeyValuePage page = new KeyValuePage();
    page.setGroup(state.groupOrNull);
    page.setKind(kind);
    page.setRotary(layout.pageRotary(encoded.beforeRotary()));
    page.setFormat(layout.elementFormat());
    page.setFirstToken(span.firstToken());
    page.setTokens(span.tokens());
    page.setTier(encoded.tier());
    page.setCodec(encoded.codec());
    page.setBasis(encoded.basis());
    page.setBasisVersion(encoded.basisVersion());
    page.setRelativeError(encoded.relativeError());
    page.setBitsPerValue((float) (8.0 * encoded.frame().length / values));
    page.setSequence(span.sequence());
    page.setContentHash(ByteBuffer.wrap(span.contentHash()));
    page.setPreviousHash(ByteBuffer.wrap(span.previousHash()));
    page.setChainHash(ByteBuffer.wrap(span.chainHash()));
    page.setTimeMicros(span.lastMicros());
    page.setChecksum(PageCheck.checksum(page));
    page.setFrame(ByteBuffer.wrap(encoded.frame()));
    return new CacheOutput.Page(page);
  }

  private void emitExact(
      KeyValueState state, TensorKind kind, int count, Consumer<? super CacheOutput> out) {
    PagedTensor tensor = state.tensorOrNull(kind);
    long first = tensor.window.start();
    long micros = tensor.window.timeMicros(count);
    byte[] elements = tensor.window.leave(count);
    PageSpan span = tensor.link(first, count, micros, elements);
    PageTokens tokens = tokens(state, kind, first, count, elements);
    out.accept(page(state, kind, span, PageEncoder.exact(tokens)));
  }

  private void cut(
      KeyValueState state,
      TensorKind kind,
      int count,
      Models models,
      Consumer<? super CacheOutput> out) {
    PagedTensor tensor = state.tensorOrNull(kind);
    long first = tensor.window.start();
    long micros = tensor.window.timeMicros(count);
    byte[] elements = tensor.window.leave(count);
    PageSpan span = tensor.link(first, count, micros, elements);
    PageTokens tokens = tokens(state, kind, first, count, elements);
    CodecContext context = context(state, kind, models);
    double labelShare = settings.tiers().labelShare();
    if (kind == TensorKind.KEYS && labelShare > 0) {
      int channels = state.groupOrNull.getHeadDimension();
      tokens.label(state.queryMeanSquares, Math.max(1, (int) (labelShare * channels)));
    }
    EncodedPage fine =
        encode(tokens, PageTier.FINE, settings.tiers().fine(), context)
            .orElseGet(() -> PageEncoder.exact(tokens));
    out.accept(page(state, kind, span, fine));
    Optional<EncodedPage> coarse = coarse(tokens, fine, context);
    if (coarse.isPresent() || settings.summarizes(state)) {
      tensor.aging.add(new AgingPage(span, coarse.orElse(fine), coarse.isEmpty()));
      state.agingChanged(span.sequence());
    }
    if (isSampled(span.sequence(), context)) {
      sample(state, kind, tokens, span, out);
    }
  }

  /** The coarse page, where there is to be one and it is smaller than the fine one. */
  private Optional<EncodedPage> coarse(PageTokens tokens, EncodedPage fine, CodecContext context) {
    KeyValueSettings.Tier tier = settings.tiers().coarse();
    return tier.afterMillis() == 0
        ? Optional.empty()
        : encode(tokens, PageTier.COARSE, tier, context)
            .filter(page -> page.frame().length < fine.frame().length);
  }

  private static Optional<EncodedPage> encode(
      PageTokens tokens, PageTier name, KeyValueSettings.Tier tier, CodecContext context) {
    String codec = tokens.kind() == PageKind.KEYS ? tier.keys() : tier.values();
    return PageEncoder.encode(tokens, name, codec, tier.errorBound(), context);
  }

  private CodecContext context(KeyValueState state, TensorKind kind, Models models) {
    return new CodecContext(
        models,
        HeadGroupKey.basis(state.groupOrNull, kind, settings.bases().shared()),
        kind == TensorKind.KEYS ? state.queryMeanSquares : new float[0]);
  }

  /** All while nothing is learned; then those at which the share's running sum passes a whole. */
  private boolean isSampled(long sequence, CodecContext context) {
    double share = settings.bases().sampleShare();
    return share > 0
        && (Math.floor((sequence + 1) * share) > Math.floor(sequence * share)
            || context.models().latest(context.basis()).isEmpty());
  }

  private void sample(
      KeyValueState state,
      TensorKind kind,
      PageTokens tokens,
      PageSpan span,
      Consumer<? super CacheOutput> out) {
    TensorLayout layout = state.tensorOrNull(kind).layout;
    byte[] elements = tokens.elements();
    if (tokens.cameAfterRotary()) {
      elements = new byte[elements.length];
      ByteBuffer buffer = ByteBuffer.wrap(elements).order(ByteOrder.LITTLE_ENDIAN);
      for (float value : tokens.beforeRotary()) {
        tokens.format().put(buffer, value);
      }
    }
    int tokenBytes = state.channels() * tokens.format().bytes();
    int each = Math.max(1, settings.bases().maximumSampleBytes() / tokenBytes);
    for (int from = 0; from < span.tokens(); from += each) {
      int count = Math.min(each, span.tokens() - from);
      KeyValueSample sample = new KeyValueSample();
      sample.setBasis(HeadGroupKey.basis(state.groupOrNull, kind, settings.bases().shared()));
      sample.setModel(state.groupOrNull.getModel());
      sample.setWeights(state.groupOrNull.getWeights());
      sample.setLayer(state.groupOrNull.getLayer());
      sample.setKind(kind);
      sample.setFirstHead(state.groupOrNull.getFirstHead());
      sample.setHeads(state.groupOrNull.getHeads());
      sample.setHeadDimension(state.groupOrNull.getHeadDimension());
      sample.setRotary(layout.pageRotary(tokens.cameBeforeRotary() || tokens.cameAfterRotary()));
      sample.setFormat(layout.elementFormat());
      sample.setTokens(count);
      sample.setTimeMicros(span.lastMicros());
      sample.setElements(
          ByteBuffer.wrap(
              Arrays.copyOfRange(elements, from * tokenBytes, (from + count) * tokenBytes)));
      out.accept(new CacheOutput.Sample(sample));
    }
  }

  private static PageTokens tokens(
      KeyValueState state, TensorKind kind, long first, int count, byte[] elements) {
    return new PageTokens(
        state.shape(count), state.tensorOrNull(kind).layout, pageKind(kind), first, elements);
  }

  static PageKind pageKind(TensorKind kind) {
    return kind == TensorKind.KEYS ? PageKind.KEYS : PageKind.VALUES;
  }
}
