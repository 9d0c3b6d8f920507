package io.millrace.operator.kvcache;

import io.millrace.schema.KeyValuePage;
import io.millrace.schema.KeyValueSummary;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.TensorKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Verifies the pages of a head group: each page's chain hash, the chain from page to page, and that
 * no token is missing or there twice. What aged into a summary may be missing. Frames and
 * identities were verified when the {@link PageTable} took them; what it refused is told as well.
 *
 * <p>Hashing costs 76 bytes a page. No state; any number of threads.
 */
public final class ChainCheck {
  /**
   * Something that is wrong.
   *
   * @param key of the record that it was found in, or that should be there
   * @param problem what was got, what was expected
   */
  public record Finding(String key, String problem) {}

  private ChainCheck() {}

  /**
   * All that is wrong with a head group's pages.
   *
   * @param table where it lies
   * @param tenant whose
   * @param groupKey {@link HeadGroupKey#of}
   * @return empty: nothing
   */
  public static List<Finding> of(PageTable table, String tenant, String groupKey) {
    List<Finding> findings = new ArrayList<>();
    for (Map.Entry<String, String> damaged : table.damaged(tenant).entrySet()) {
      if (damaged.getKey().startsWith(groupKey + "/")) {
        findings.add(new Finding(damaged.getKey(), damaged.getValue()));
      }
    }
    table
        .group(tenant, groupKey)
        .ifPresent(
            group -> {
              chain(group, TensorKind.KEYS, findings);
              chain(group, TensorKind.VALUES, findings);
              pairs(group, findings);
            });
    return findings;
  }

  private static void chain(HeadGroupPages group, TensorKind kind, List<Finding> findings) {
    HeldPage previous = null;
    for (HeldPage held : group.pages(kind)) {
      KeyValuePage page = held.envelope();
      if (!PageChain.isLinked(page)) {
        findings.add(
            new Finding(
                held.key(), "chain hash is not that of its content, place and predecessor"));
      }
      if (page.getSequence() == 0 && (page.getFirstToken() != 0 || !PageChain.isSeeded(page))) {
        findings.add(new Finding(held.key(), "begins a chain that is not this head group's"));
      }
      follows(group, kind, previous, held, findings);
      previous = held;
    }
  }

  private static void follows(
      HeadGroupPages group,
      TensorKind kind,
      HeldPage previousOrNull,
      HeldPage held,
      List<Finding> findings) {
    KeyValuePage page = held.envelope();
    if (previousOrNull != null && !isSameTensor(page, previousOrNull.envelope())) {
      findings.add(
          new Finding(held.key(), "format or rotary step is not that of " + previousOrNull.key()));
    }
    long end = previousOrNull == null ? 0 : previousOrNull.end();
    long sequence = previousOrNull == null ? -1 : previousOrNull.envelope().getSequence();
    if (page.getFirstToken() < end) {
      findings.add(
          new Finding(
              held.key(),
              "tokens "
                  + page.getFirstToken()
                  + " to "
                  + (end - 1)
                  + " are there twice, in "
                  + Objects.requireNonNull(previousOrNull).key()
                  + " too"));
    } else if (page.getFirstToken() > end) {
      if (!isSummarized(group, end, page.getFirstToken())) {
        findings.add(
            new Finding(
                HeadGroupKey.page(group.key(), kind, end),
                "tokens " + end + " to " + (page.getFirstToken() - 1) + " are missing"));
      }
    } else if (page.getSequence() != sequence + 1) {
      findings.add(
          new Finding(
              held.key(), "sequence is " + page.getSequence() + ", expected " + (sequence + 1)));
    } else if (previousOrNull != null
        && !page.getPreviousHash().equals(previousOrNull.envelope().getChainHash())) {
      findings.add(
          new Finding(
              held.key(), "previous hash is not the chain hash of " + previousOrNull.key()));
    }
  }

  /** A page may be from before the rotary step where its neighbour is as it came. */
  private static boolean isSameTensor(KeyValuePage a, KeyValuePage b) {
    RotaryPosition x = a.getRotary();
    RotaryPosition y = b.getRotary();
    return a.getFormat() == b.getFormat()
        && (x.getState() == RotaryState.NONE) == (y.getState() == RotaryState.NONE)
        && x.getPairing() == y.getPairing()
        && x.getBase() == y.getBase()
        && x.getDimensions() == y.getDimensions()
        && x.getFrequencyScale().equals(y.getFrequencyScale());
  }

  /** Keys and values of the same tokens: what is there of one alone cannot be attended to. */
  private static void pairs(HeadGroupPages group, List<Finding> findings) {
    for (TensorKind kind : TensorKind.values()) {
      TensorKind other = kind == TensorKind.KEYS ? TensorKind.VALUES : TensorKind.KEYS;
      for (HeldPage held : group.pages(kind)) {
        boolean paired =
            group
                .page(other, held.envelope().getFirstToken())
                .filter(page -> page.end() == held.end())
                .isPresent();
        // the other kind may simply not have come so far yet
        if (!paired && held.envelope().getFirstToken() < group.end()) {
          findings.add(
              new Finding(
                  HeadGroupKey.page(group.key(), other, held.envelope().getFirstToken()),
                  "is missing or covers other tokens than " + held.key()));
        }
      }
    }
  }

  private static boolean isSummarized(HeadGroupPages group, long from, long to) {
    int heads = group.group().getHeads();
    for (int head = 0; head < heads; head++) {
      KeyValueSummary summary = group.summary(head).orElse(null);
      if (summary == null
          || summary.getFirstToken() > from
          || summary.getFirstToken() + summary.getTokens() < to) {
        return false;
      }
    }
    return true;
  }
}
