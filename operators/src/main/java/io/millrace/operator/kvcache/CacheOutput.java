package io.millrace.operator.kvcache;

import io.millrace.schema.KeyValuePage;
import io.millrace.schema.KeyValueSample;
import io.millrace.schema.KeyValueSummary;

/** What {@link KeyValueWindow} emits. */
public sealed interface CacheOutput {

  /**
   * The key of its record.
   *
   * @param group key of the head group, that is of the state
   */
  String key(String group);

  /** A page, or the same tokens in another tier: supersedes what its key had. */
  record Page(KeyValuePage page) implements CacheOutput {
    @Override
    public String key(String group) {
      return HeadGroupKey.page(group, page.getKind(), page.getFirstToken());
    }
  }

  /**
   * A page or summary is no more: an empty record on the pages topic.
   *
   * @param key of the page or summary
   */
  record Removed(String key) implements CacheOutput {
    @Override
    public String key(String group) {
      return key;
    }
  }

  /** What is left of a head's aged tokens; on the pages topic. */
  record Summary(KeyValueSummary summary) implements CacheOutput {
    @Override
    public String key(String group) {
      return HeadGroupKey.summary(group, summary.getHead());
    }
  }

  /** Tokens for the learning of a basis. */
  record Sample(KeyValueSample sample) implements CacheOutput {
    @Override
    public String key(String group) {
      return sample.getBasis();
    }
  }
}
