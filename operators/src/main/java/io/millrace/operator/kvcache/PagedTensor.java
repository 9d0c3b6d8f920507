package io.millrace.operator.kvcache;

import io.millrace.schema.HeadGroup;
import io.millrace.schema.TensorKind;
import java.util.ArrayList;
import java.util.List;

/**
 * The keys, or the values, of a head group: the exact window, the hash chain of what has left it,
 * and the pages that have a step of age before them. One thread.
 */
final class PagedTensor {
  final TensorLayout layout;
  final TokenWindow window;

  /** Spans that have left the window; the number of the next. */
  long sequence;

  /** Chain hash of all of them. */
  byte[] chainHash;

  /** By sequence, so by age too. */
  final List<AgingPage> aging = new ArrayList<>();

  /** Index in {@link #aging} before which all are published. */
  private int firstUnpublished;

  PagedTensor(TensorLayout layout, TokenWindow window, byte[] chainHash) {
    this.layout = layout;
    this.window = window;
    this.chainHash = chainHash;
  }

  /** Of a group that has sent nothing of the kind yet. */
  static PagedTensor start(
      HeadGroup group, TensorKind kind, TensorLayout layout, KeyValueSettings.Window sizes) {
    return new PagedTensor(
        layout,
        new TokenWindow(sizes, group.getHeads() * group.getHeadDimension(), layout.format()),
        PageChain.seed(group, kind, layout.rotary()));
  }

  /** First token of a span that is cut in whole pages, from its number. */
  static long firstToken(KeyValueSettings.Window sizes, long sequence) {
    return sizes.sinks() == 0
        ? sequence * sizes.page()
        : sizes.sinks() + (sequence - 1) * sizes.page();
  }

  /** Adds what has left the window to the chain. */
  PageSpan link(long firstToken, int tokens, long lastMicros, byte[] elements) {
    byte[] content = PageChain.content(layout.elementFormat(), layout.rotary(), elements);
    byte[] previous = chainHash;
    chainHash = PageChain.next(previous, content, firstToken, tokens);
    return new PageSpan(sequence++, firstToken, tokens, lastMicros, content, previous, chainHash);
  }

  /** Index of the oldest page that has not left yet; the size of {@link #aging} if all have. */
  int firstUnpublished() {
    while (firstUnpublished < aging.size() && aging.get(firstUnpublished).published()) {
      firstUnpublished++;
    }
    return firstUnpublished;
  }

  /** Takes all aging pages out. */
  void clear() {
    aging.clear();
    firstUnpublished = 0;
  }

  /** Takes an aging page out. */
  void remove(int index) {
    aging.remove(index);
    if (index < firstUnpublished) {
      firstUnpublished--;
    }
  }
}
