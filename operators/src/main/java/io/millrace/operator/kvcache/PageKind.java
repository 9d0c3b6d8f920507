package io.millrace.operator.kvcache;

/** What a page holds. */
public enum PageKind {
  /** Keys: read by inner products with queries. */
  KEYS,
  /** Values: read by weighted sums. */
  VALUES
}
