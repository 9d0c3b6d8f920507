package io.millrace.operator.kvcache;

import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.QueryMoments;
import io.millrace.schema.SessionEnd;

/** What {@link KeyValueWindow} takes, all keyed by head group. */
public sealed interface CacheInput {

  /** Keys or values of consecutive tokens. */
  record Block(KeyValueBlock block) implements CacheInput {}

  /** No further tokens will come. */
  record End(SessionEnd end) implements CacheInput {}

  /** Sizes of the queries that read this group's keys. */
  record Moments(QueryMoments moments) implements CacheInput {}
}
