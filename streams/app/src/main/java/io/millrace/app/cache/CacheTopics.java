package io.millrace.app.cache;

import io.millrace.runtime.ConfigurationException;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.Pipeline;
import java.util.List;
import java.util.Map;

/**
 * Where a KV-cache pipeline writes.
 *
 * @param pipeline its name
 * @param kafka client properties
 * @param pages topic of pages and summaries
 * @param bases topic of the models that pages name
 */
record CacheTopics(String pipeline, Map<String, String> kafka, String pages, String bases) {
  private static final String FAMILY = "kv-cache";

  /**
   * The topics of the one KV-cache pipeline among some.
   *
   * @throws ConfigurationException when there is none, or more than one
   */
  static CacheTopics of(Deployment deployment, List<Pipeline> pipelines) {
    List<Pipeline> caches =
        pipelines.stream().filter(pipeline -> pipeline.family().equals(FAMILY)).toList();
    if (caches.size() != 1) {
      throw new ConfigurationException(
          "--pipeline: got "
              + (caches.isEmpty() ? "none of family " + FAMILY : names(caches))
              + ", expected one "
              + (caches.isEmpty() ? "among " + names(pipelines) : "of them"));
    }
    Pipeline cache = caches.get(0);
    return new CacheTopics(
        cache.name(), deployment.kafka(), cache.topic("pages"), cache.topic("bases"));
  }

  private static List<String> names(List<Pipeline> pipelines) {
    return pipelines.stream().map(Pipeline::name).toList();
  }
}
