package io.millrace.app.topics;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Questions to a cluster whose failures read like sentences. */
public final class ClusterConnection {
  private static final int TIMEOUT_MILLIS = 10_000;

  private ClusterConnection() {}

  /**
   * A connection that gives up after 10 s.
   *
   * @param clientProperties at least {@code bootstrap.servers}
   * @throws IllegalStateException if the properties are not usable or no broker answers
   */
  public static Admin open(Map<String, String> clientProperties) {
    Map<String, Object> properties = new HashMap<>(clientProperties);
    properties.putIfAbsent(AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, TIMEOUT_MILLIS / 2);
    properties.putIfAbsent(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, TIMEOUT_MILLIS);
    String servers = clientProperties.getOrDefault("bootstrap.servers", "nowhere");
    Admin admin;
    try {
      admin = Admin.create(properties);
    } catch (RuntimeException e) {
      throw new IllegalStateException("cluster " + servers + ": " + rootMessage(e), e);
    }
    try {
      answer(admin.describeCluster().clusterId());
      return admin;
    } catch (IllegalStateException e) {
      admin.close();
      throw new IllegalStateException(
          "cluster " + servers + " does not answer: " + e.getMessage(), e);
    }
  }

  /**
   * Checks that a topic is there.
   *
   * @throws IllegalStateException if not, naming those that are
   */
  public static void requireTopic(Admin admin, String topic) {
    try {
      admin.describeTopics(List.of(topic)).topicNameValues().get(topic).get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof UnknownTopicOrPartitionException) {
        throw new IllegalStateException(
            "topic "
                + topic
                + " does not exist, the cluster has "
                + new TreeSet<>(answer(admin.listTopics().names()))
                + "; create it first, a pipeline's with: millrace topics",
            e);
      }
      throw new IllegalStateException("topic " + topic + ": " + rootMessage(e), e);
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
  }

  static <T> T answer(KafkaFuture<T> future) {
    try {
      return future.get();
    } catch (ExecutionException e) {
      throw new IllegalStateException(rootMessage(e), e.getCause());
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
  }

  static IllegalStateException interrupted(InterruptedException e) {
    Thread.currentThread().interrupt();
    return new IllegalStateException("interrupted while the cluster was asked", e);
  }

  private static String rootMessage(Throwable e) {
    Throwable root = e;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root.getMessage();
  }
}
