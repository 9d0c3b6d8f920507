package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import io.millrace.operator.Operator;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * Keeps the newest keys and values of a head group exactly and pages out what leaves that window.
 * The first S tokens leave as an exact page when all have come; the oldest P of the others leave
 * whenever R + P are held. A page is encoded once, from its own exact tokens, in all tiers that it
 * will pass through: the fine one leaves at once, the coarse one supersedes it at its age, and at
 * last the tokens enter random-feature sums of constant size and the pages are removed. Pages are a
 * function of the tokens, the codecs and the basis versions known at the cut, never of how tokens
 * were cut into blocks.
 *
 * <p>Rules: tokens of a kind come in order; what was taken before is cut off, a gap is refused, and
 * so is a block of another shape, format or rotary position than the group's first of its kind.
 * Blocks are ordered by token, not by time: the event time of a token is the latest that its group
 * had seen when it came, and ages and deadlines follow that. Silence longer than the idle time, or
 * a {@code SessionEnd}, ends the session: the window leaves in exact pages, and after the retention
 * time every page and summary of the group is removed. Blocks after the end are refused; another
 * end changes nothing.
 *
 * <p>A page whose measured error breaks the bound of its tier stays in the tier before; see {@link
 * PageEncoder} for what codes while no basis is known. Sliding window and sinks as in KIVI (Liu et
 * al., 2024, arXiv 2402.02750) and KVTC (Staniszewski, Lancucki, 2025, arXiv 2511.01815), except
 * that the window slides: theirs shrinks to nothing when it is flushed.
 *
 * <p>Cost of a block: its bytes, checked and copied; of a page: SHA-256 of its bytes and the codecs
 * of its tiers, each with one restoring. State: see {@link KeyValueState}. One thread.
 */
public final class KeyValueWindow implements Operator<CacheInput, KeyValueState, CacheOutput> {
  private final KeyValueSettings settings;
  private final KeyValueSettings.Lifetime lifetime;
  private final CacheInputCheck check;
  private final PageCutter cutter;
  private final AgedPages aged;

  public KeyValueWindow(KeyValueSettings settings) {
    this.settings = settings;
    this.lifetime = settings.lifetime();
    this.check = new CacheInputCheck(settings.limits());
    this.cutter = new PageCutter(settings);
    this.aged = new AgedPages(settings);
  }

  @Override
  public KeyValueState createState(String key) {
    return new KeyValueState(key, settings.window());
  }

  @Override
  public long eventTimeMillis(CacheInput input) {
    return Math.floorDiv(timeMicros(input), 1000L);
  }

  @Override
  public void accept(
      KeyValueState state,
      CacheInput input,
      long eventTimeMillis,
      Models models,
      Consumer<? super CacheOutput> out) {
    if (input instanceof CacheInput.Block block) {
      ByteBuffer elements = check.block(state, block.block());
      begin(state, block.block().getGroup(), input);
      take(state, block.block(), elements, models, out);
    } else if (input instanceof CacheInput.Moments moments) {
      float[] meanSquares = check.moments(state, moments.moments());
      begin(state, moments.moments().getGroup(), input);
      state.queryMeanSquares = meanSquares;
      state.momentsRevision++;
    } else if (input instanceof CacheInput.End end) {
      check.end(state, end.end());
      if (state.isEnded()) {
        return;
      }
      begin(state, end.end().getGroup(), input);
      end(state, state.newestMillis(), out);
    }
    // a page that leaves after a long silence may be of age already
    long now = state.newestMillis();
    OptionalLong due = nextDeadlineMillis(state);
    while (due.isPresent() && due.getAsLong() <= now) {
      onDeadline(state, due.getAsLong(), models, out);
      due = nextDeadlineMillis(state);
    }
  }

  @Override
  public OptionalLong nextDeadlineMillis(KeyValueState state) {
    if (state.complete) {
      return OptionalLong.empty();
    }
    long next = aged.nextDeadlineMillis(state).orElse(Long.MAX_VALUE);
    if (state.isEnded() && lifetime.retentionMillis() > 0) {
      next = Math.min(next, state.endMillis + lifetime.retentionMillis());
    }
    if (!state.isEnded() && lifetime.idleMillis() > 0 && state.newestMicros >= 0) {
      next = Math.min(next, state.newestMillis() + lifetime.idleMillis());
    }
    return next == Long.MAX_VALUE ? OptionalLong.empty() : OptionalLong.of(next);
  }

  @Override
  public void onDeadline(
      KeyValueState state, long deadlineMillis, Models models, Consumer<? super CacheOutput> out) {
    state.revision++;
    aged.age(state, deadlineMillis, models, out);
    if (!state.isEnded()
        && lifetime.idleMillis() > 0
        && state.newestMillis() + lifetime.idleMillis() <= deadlineMillis) {
      end(state, deadlineMillis, out);
    }
    if (state.isEnded()
        && lifetime.retentionMillis() > 0
        && state.endMillis + lifetime.retentionMillis() <= deadlineMillis) {
      remove(state, out);
    }
    completeIfIdle(state);
  }

  @Override
  public boolean isComplete(KeyValueState state) {
    return state.complete;
  }

  private static long timeMicros(CacheInput input) {
    if (input instanceof CacheInput.Block block) {
      return block.block().getTimeMicros();
    }
    return input instanceof CacheInput.End end
        ? end.end().getTimeMicros()
        : ((CacheInput.Moments) input).moments().getTimeMicros();
  }

  /** What every accepted record does. */
  private static void begin(KeyValueState state, HeadGroup group, CacheInput input) {
    state.revision++;
    state.newestMicros = Math.max(state.newestMicros, timeMicros(input));
    if (state.groupOrNull == null) {
      state.groupOrNull = HeadGroup.newBuilder(group).build();
    }
  }

  private void take(
      KeyValueState state,
      KeyValueBlock block,
      ByteBuffer elements,
      Models models,
      Consumer<? super CacheOutput> out) {
    TensorKind kind = block.getKind();
    if (state.tensorOrNull(kind) == null) {
      TensorLayout layout = TensorLayout.of(block.getFormat(), block.getRotary());
      PagedTensor started = PagedTensor.start(state.groupOrNull, kind, layout, state.sizes);
      if (kind == TensorKind.KEYS) {
        state.keysOrNull = started;
      } else {
        state.valuesOrNull = started;
      }
    }
    TokenWindow window = state.tensorOrNull(kind).window;
    int taken = block.getTokens() - window.fresh(block.getFirstToken(), block.getTokens());
    while (taken < block.getTokens()) {
      int count = Math.min(block.getTokens() - taken, window.free());
      window.append(elements, taken, count, state.newestMicros);
      taken += count;
      cutter.cutDue(state, kind, models, out);
    }
  }

  private void end(KeyValueState state, long endMillis, Consumer<? super CacheOutput> out) {
    state.endMillis = endMillis;
    for (TensorKind kind : TensorKind.values()) {
      cutter.cutTail(state, kind, out);
    }
    state.complete = state.tokens() == 0;
    completeIfIdle(state);
  }

  /** Removes every page and summary that is still on the topic. */
  private void remove(KeyValueState state, Consumer<? super CacheOutput> out) {
    for (TensorKind kind : TensorKind.values()) {
      PagedTensor tensor = state.tensorOrNull(kind);
      if (tensor == null) {
        continue;
      }
      long first = 0;
      while (first < tensor.window.next()) {
        boolean summed =
            first >= state.summaryFirst && first < state.summaryFirst + state.summaryTokens();
        if (!summed) {
          out.accept(new CacheOutput.Removed(HeadGroupKey.page(state.key, kind, first)));
        }
        first = first < state.sizes.sinks() ? state.sizes.sinks() : first + state.sizes.page();
      }
      tensor.aging.forEach(page -> state.agingChanged(page.span().sequence()));
      tensor.clear();
    }
    for (int head = 0; head < state.summaries.length; head++) {
      out.accept(new CacheOutput.Removed(HeadGroupKey.summary(state.key, head)));
    }
    state.complete = true;
  }

  /** An ended session without retention time is complete when nothing ages any more. */
  private void completeIfIdle(KeyValueState state) {
    if (state.isEnded() && nextDeadlineMillis(state).isEmpty()) {
      state.complete = true;
    }
  }
}
