package io.millrace.app.topics;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.TopicExistsException;

/** Looks at a cluster, says what is missing, and creates that and nothing else. */
public final class TopicCreation {
  private static final Duration LISTED_TIMEOUT = Duration.ofSeconds(10);

  private final Admin admin;

  /**
   * @param admin open connection, stays the caller's
   */
  public TopicCreation(Admin admin) {
    this.admin = Objects.requireNonNull(admin, "admin");
  }

  /**
   * What {@link #apply} would do. Changes nothing.
   *
   * @throws IllegalArgumentException if a topic is asked for twice
   * @throws IllegalStateException if the cluster does not answer
   */
  public TopicPlan plan(List<TopicSpec> wanted) {
    Set<String> names = new HashSet<>();
    for (TopicSpec topic : wanted) {
      if (!names.add(topic.name())) {
        throw new IllegalArgumentException(
            "topic " + topic.name() + " is asked for twice, expected distinct names");
      }
    }
    Set<String> there = new TreeSet<>(ClusterConnection.answer(admin.listTopics().names()));
    there.retainAll(names);
    return TopicPlan.of(wanted, describe(there));
  }

  /**
   * Creates what the plan says is missing. A topic that somebody else created meanwhile is left.
   *
   * @return the names created, in the plan's order
   * @throws IllegalStateException naming the first topic that cannot be created; those before it
   *     were
   */
  public List<String> apply(TopicPlan plan) {
    List<String> created = new ArrayList<>();
    for (TopicSpec topic : plan.missing()) {
      Optional<Integer> partitions = Optional.of(topic.partitions());
      Optional<Short> replication =
          topic.replication() == 0 ? Optional.empty() : Optional.of((short) topic.replication());
      NewTopic request =
          new NewTopic(topic.name(), partitions, replication).configs(topic.configs());
      try {
        admin.createTopics(List.of(request)).all().get();
        created.add(topic.name());
      } catch (ExecutionException e) {
        if (!(e.getCause() instanceof TopicExistsException)) {
          throw new IllegalStateException(
              "topic " + topic.name() + " cannot be created: " + e.getCause().getMessage(), e);
        }
      } catch (InterruptedException e) {
        throw ClusterConnection.interrupted(e);
      }
    }
    awaitListed(created);
    return created;
  }

  /** A broker lists a topic a moment after its controller has created it. */
  private void awaitListed(List<String> created) {
    long end = System.nanoTime() + LISTED_TIMEOUT.toNanos();
    while (!ClusterConnection.answer(admin.listTopics().names()).containsAll(created)) {
      if (System.nanoTime() > end) {
        throw new IllegalStateException(
            "topics " + created + " were created, but the cluster does not list them");
      }
      LockSupport.parkNanos(20_000_000L);
    }
  }

  private Map<String, ExistingTopic> describe(Set<String> names) {
    List<ConfigResource> resources =
        names.stream().map(name -> new ConfigResource(ConfigResource.Type.TOPIC, name)).toList();
    Map<String, TopicDescription> descriptions =
        ClusterConnection.answer(admin.describeTopics(names).allTopicNames());
    Map<ConfigResource, Config> configs =
        ClusterConnection.answer(admin.describeConfigs(resources).all());
    Map<String, ExistingTopic> existing = new HashMap<>();
    for (ConfigResource resource : resources) {
      TopicDescription description = descriptions.get(resource.name());
      Map<String, String> settings = new HashMap<>();
      configs
          .get(resource)
          .entries()
          .forEach(
              entry -> {
                if (entry.value() != null) {
                  settings.put(entry.name(), entry.value());
                }
              });
      existing.put(
          resource.name(),
          new ExistingTopic(
              description.partitions().size(),
              description.partitions().get(0).replicas().size(),
              settings));
    }
    return existing;
  }
}
