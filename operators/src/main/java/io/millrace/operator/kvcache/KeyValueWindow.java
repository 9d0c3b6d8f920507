package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import io.millrace.operator.Operator;
import java.util.function.Consumer;

/** Keeps an exact sliding window of keys and values and pages out what leaves it. */
public final class KeyValueWindow implements Operator<CacheInput, KeyValueState, CacheOutput> {
  private final KeyValueSettings settings;

  public KeyValueWindow(KeyValueSettings settings) {
    this.settings = settings;
  }

  @Override
  public KeyValueState createState(String key) {
    return new KeyValueState(key);
  }

  @Override
  public long eventTimeMillis(CacheInput input) {
    long micros =
        input instanceof CacheInput.Block block
            ? block.block().getTimeMicros()
            : input instanceof CacheInput.End end
                ? end.end().getTimeMicros()
                : ((CacheInput.Moments) input).moments().getTimeMicros();
    return Math.floorDiv(micros, 1000L);
  }

  @Override
  public void accept(
      KeyValueState state,
      CacheInput input,
      long eventTimeMillis,
      Models models,
      Consumer<? super CacheOutput> out) {
    throw new UnsupportedOperationException("not written yet: " + settings);
  }
}
