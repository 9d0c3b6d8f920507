package io.millrace.operator.federated;

/** Aggregation of one chunk of a federated model. To come. */
public final class ChunkAggregation {
  private ChunkAggregation() {}
}
