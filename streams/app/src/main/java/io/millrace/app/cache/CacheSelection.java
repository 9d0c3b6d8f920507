package io.millrace.app.cache;

import io.millrace.app.PipelineSelection;
import io.millrace.app.inspect.TopicScan;
import io.millrace.runtime.ConfigurationException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import picocli.CommandLine.Mixin;

/** The options that name a KV-cache pipeline, and its topics read once. */
final class CacheSelection {
  private static final long CACHE_BYTES = 256L << 20;

  @Mixin private PipelineSelection selection;

  /**
   * Its topics.
   *
   * @throws ConfigurationException when no pipeline, or more than one, is a KV cache
   */
  CacheTopics topics() {
    var deployment = selection.deployment();
    return CacheTopics.of(deployment, selection.pipelines(deployment));
  }

  /**
   * Everything that its topics have now, committed records only.
   *
   * @param prefix of the record keys that are wanted
   * @throws IllegalStateException when a topic does not exist
   */
  CacheStore scan(String prefix) {
    CacheTopics topics = topics();
    CacheStore store = new CacheStore(topics, CACHE_BYTES, Duration.ofDays(1));
    TopicScan scan = new TopicScan(topics.kafka());
    scan.forEach(topics.bases(), record -> store.takeModel(record.value()));
    scan.forEach(
        topics.pages(),
        record -> {
          byte[] key = record.key() == null ? new byte[0] : record.key();
          if (new String(key, StandardCharsets.UTF_8).startsWith(prefix)) {
            store.takePage(key, record.value());
          }
        });
    return store;
  }
}
