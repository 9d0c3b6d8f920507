package io.millrace.client;

import java.util.List;

/**
 * Names of the topics between clients and the aggregator.
 *
 * @param updates chunks of updates, written by clients
 * @param control requests and commits, written by clients
 * @param tasks offers
 * @param models chunks of versions
 * @param versions commits of versions, codec plans
 * @param memories what the server remembers of clients
 * @param rounds outcomes of updates
 */
public record ClientTopics(
    String updates,
    String control,
    String tasks,
    String models,
    String versions,
    String memories,
    String rounds) {

  /** PREFIX-updates, PREFIX-control and so on. */
  public static ClientTopics prefixed(String prefix) {
    return new ClientTopics(
        prefix + "-updates",
        prefix + "-control",
        prefix + "-tasks",
        prefix + "-models",
        prefix + "-versions",
        prefix + "-memories",
        prefix + "-rounds");
  }

  /** All of them. */
  public List<String> all() {
    return List.of(updates, control, tasks, models, versions, memories, rounds);
  }
}
