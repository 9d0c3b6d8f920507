package io.millrace.runtime;

import io.millrace.operator.kvcache.CacheOutput;
import io.millrace.schema.KeyValuePage;
import io.millrace.schema.KeyValueSample;
import io.millrace.schema.KeyValueSummary;
import io.millrace.schema.SingleObject;
import java.util.List;

/**
 * Routes and frames what the window of a KV cache emits. Summaries take the place of pages and lie
 * on their topic; a removal is a record without value there. One thread.
 */
final class KeyValueOutput implements OutputCodec<CacheOutput> {
  static final String PAGES = "pages";
  static final String SAMPLES = "samples";

  private final SingleObject<KeyValuePage> pages = SingleObject.of(KeyValuePage.class);
  private final SingleObject<KeyValueSummary> summaries = SingleObject.of(KeyValueSummary.class);
  private final SingleObject<KeyValueSample> samples = SingleObject.of(KeyValueSample.class);

  @Override
  public List<String> channels() {
    return List.of(PAGES, SAMPLES);
  }

  @Override
  public String channel(CacheOutput output) {
    return output instanceof CacheOutput.Sample ? SAMPLES : PAGES;
  }

  @Override
  public String key(CacheOutput output, String stateKey) {
    return output.key(stateKey);
  }

  @Override
  public byte[] encode(CacheOutput output) {
    if (output instanceof CacheOutput.Page page) {
      return pages.encode(page.page());
    }
    if (output instanceof CacheOutput.Summary summary) {
      return summaries.encode(summary.summary());
    }
    return output instanceof CacheOutput.Sample sample ? samples.encode(sample.sample()) : null;
  }
}
