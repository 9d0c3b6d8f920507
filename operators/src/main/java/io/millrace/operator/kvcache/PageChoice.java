package io.millrace.operator.kvcache;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Chooses pages by their label columns before they are read, and tells the hot tier which were not
 * chosen lately. One thread.
 */
final class PageChoice {
  /** Keys and values of the same tokens, of which the first {@code tokens} are asked for. */
  record Pair(HeldPage keys, HeldPage values, int tokens) {}

  /** Queries after which a page that no labels chose may go. */
  private static final int LATELY = 64;

  private final OpenedPages opened;
  private long queries;

  PageChoice(OpenedPages opened) {
    this.opened = opened;
  }

  /**
   * Pages without labels, and of the others those with the largest scores, in order of tokens.
   *
   * @param labelledPages how many of the others
   * @throws IllegalArgumentException naming the record of labels that cannot be read
   */
  List<Pair> of(List<Pair> pairs, int head, float[] query, int queryFrom, int labelledPages) {
    queries++;
    List<Pair> labelled = new ArrayList<>();
    Map<Pair, Float> scores = new HashMap<>();
    float[] scratch = new float[0];
    for (Pair pair : pairs) {
      if (pair.keys().frame().labels().hasRemaining()) {
        int tokens = pair.keys().envelope().getTokens();
        scratch = scratch.length < tokens ? new float[tokens] : scratch;
        scores.put(pair, opened.labels(pair.keys()).largestScore(head, query, queryFrom, scratch));
        labelled.add(pair);
      }
    }
    if (labelled.size() <= labelledPages) {
      return pairs;
    }
    // a stable order: of equal scores the earlier tokens
    labelled.sort((a, b) -> Float.compare(scores.get(b), scores.get(a)));
    Set<Pair> left = new HashSet<>(labelled.subList(labelledPages, labelled.size()));
    List<Pair> chosen = new ArrayList<>();
    for (Pair pair : pairs) {
      boolean isLeft = left.contains(pair);
      for (HeldPage page : List.of(pair.keys(), pair.values())) {
        if (isLeft) {
          opened.pages().advise(page.shared(), queries - page.shared().chosenAt() > LATELY);
        } else {
          page.shared().chooseAt(queries);
        }
      }
      if (!isLeft) {
        chosen.add(pair);
      }
    }
    return chosen;
  }
}
