package io.millrace.flink;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource.NumberSequenceSplit;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiter;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;

/**
 * How far a source may go: {@code perCheckpoint} records, as many more after each checkpoint, and
 * no more than {@code limit} in one attempt. Then it waits without an end.
 */
record Permits(int perCheckpoint, int limit) implements RateLimiterStrategy<NumberSequenceSplit> {
  private static final long serialVersionUID = 1L;

  static final Permits ALL = new Permits(Integer.MAX_VALUE, Integer.MAX_VALUE);
  static final Permits NONE = new Permits(0, 0);

  @Override
  public RateLimiter<NumberSequenceSplit> createRateLimiter(int parallelism) {
    return new Limiter();
  }

  private final class Limiter implements RateLimiter<NumberSequenceSplit> {
    private long granted = perCheckpoint;
    private long taken;
    private CompletableFuture<Void> waiting;

    @Override
    public CompletionStage<Void> acquire(int records) {
      taken += records;
      waiting = new CompletableFuture<>();
      grant();
      return waiting;
    }

    @Override
    public void notifyCheckpointComplete(long checkpoint) {
      granted = Math.min(limit, granted + perCheckpoint);
      grant();
    }

    private void grant() {
      if (waiting != null && taken <= granted) {
        waiting.complete(null);
      }
    }
  }
}
