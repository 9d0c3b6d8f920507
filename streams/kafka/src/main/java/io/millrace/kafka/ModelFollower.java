package io.millrace.kafka;

import io.millrace.operator.Models;
import io.millrace.operator.dictionary.DictionaryAssembly;
import io.millrace.operator.dictionary.DictionaryModel;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UnreadableRecordException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows a topic of dictionary versions with a consumer of its own (read-committed, from the
 * beginning) and hands complete versions to every task of this process. Keeps the newest {@value
 * #KEPT_VERSIONS} versions of each id.
 *
 * <p>Slices of one version lie in several partitions, so they come in any order, and while it
 * catches up those of many versions are open at once.
 *
 * <p>Memory per id: 4 k d bytes for each kept or open version, 4 (k d + k^2) more for each that was
 * used. Thread-safe.
 */
final class ModelFollower implements Models, AutoCloseable {
  static final int KEPT_VERSIONS = 64;

  private static final Logger LOG = LoggerFactory.getLogger(ModelFollower.class);
  private static final Duration POLL = Duration.ofMillis(200);
  private static final long AWAIT_NANOS = Duration.ofSeconds(30).toNanos();

  private final Consumer<byte[], byte[]> consumer;
  private final String topic;
  private final Set<String> followed;
  private final SingleObject<DictionaryVersion> framing = SingleObject.of(DictionaryVersion.class);
  private final Map<String, TreeMap<Long, DictionaryAssembly>> open = new HashMap<>();
  private final Map<String, ConcurrentSkipListMap<Long, Version>> versions =
      new ConcurrentHashMap<>();
  private final Object arrival = new Object();
  private final Thread thread;
  private boolean caughtUp;
  private volatile boolean closed;
  private volatile RuntimeException failureOrNull;

  /** A complete version, prepared for coding (d k^2 operations) when it is used first. */
  private static final class Version {
    private final DictionaryAssembly assembly;
    private DictionaryModel modelOrNull;

    Version(DictionaryAssembly assembly) {
      this.assembly = assembly;
    }

    synchronized DictionaryModel model() {
      if (modelOrNull == null) {
        modelOrNull = assembly.model().orElseThrow();
      }
      return modelOrNull;
    }
  }

  ModelFollower(Map<String, Object> kafka, String topic, Set<String> followed) {
    this(consumer(kafka), topic, followed);
  }

  /**
   * @param consumer without a group, read-committed; owned by the follower from now on
   */
  ModelFollower(Consumer<byte[], byte[]> consumer, String topic, Set<String> followed) {
    this.consumer = consumer;
    this.topic = topic;
    this.followed = Set.copyOf(followed);
    this.thread = new Thread(this::follow, "model-follower-" + topic);
    this.thread.setDaemon(true);
  }

  /**
   * Reads up to the present end, then goes on in the background.
   *
   * @throws IllegalStateException when the topic does not exist
   */
  void start() {
    List<PartitionInfo> infos = consumer.partitionsFor(topic);
    if (infos == null || infos.isEmpty()) {
      throw new IllegalStateException(
          "model topic " + topic + " does not exist: create it with the command topics");
    }
    List<TopicPartition> partitions =
        infos.stream().map(info -> new TopicPartition(info.topic(), info.partition())).toList();
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
    Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
    Set<TopicPartition> behind = new HashSet<>(partitions);
    behind.removeIf(partition -> consumer.position(partition) >= ends.get(partition));
    while (!behind.isEmpty()) {
      poll();
      behind.removeIf(partition -> consumer.position(partition) >= ends.get(partition));
    }
    caughtUp = true;
    thread.start();
  }

  /**
   * @throws IllegalStateException when the topic can no longer be followed
   */
  @Override
  public Optional<Models.Model> latest(String id) {
    requireFollowing();
    var known = versions.get(id);
    var newest = known == null ? null : known.lastEntry();
    return newest == null ? Optional.empty() : Optional.of(newest.getValue().model());
  }

  /**
   * {@inheritDoc}
   *
   * <p>Waits for one newer than the latest known, up to 30 s: the state that names it proves that
   * it was published, but a task that moved here from another process may be ahead of this
   * follower.
   *
   * @throws IllegalStateException when the topic can no longer be followed
   */
  @Override
  public Optional<Models.Model> version(String id, long version) {
    Version known = knownOrNull(id, version);
    if (known == null && isAhead(id, version)) {
      known = awaitOrNull(id, version);
    }
    requireFollowing();
    return known == null ? Optional.empty() : Optional.of(known.model());
  }

  @Override
  public void close() {
    closed = true;
    if (!thread.isAlive()) {
      // never started, or ended by a failure that has closed it: closing again does nothing
      consumer.close();
      return;
    }
    consumer.wakeup();
    try {
      thread.join(10_000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static Consumer<byte[], byte[]> consumer(Map<String, Object> kafka) {
    Map<String, Object> properties = new HashMap<>(kafka);
    properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    properties.remove(ConsumerConfig.GROUP_ID_CONFIG);
    return new KafkaConsumer<>(
        properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  private void requireFollowing() {
    if (failureOrNull != null) {
      throw new IllegalStateException("no longer following " + topic, failureOrNull);
    }
  }

  private Version knownOrNull(String id, long version) {
    var known = versions.get(id);
    return known == null ? null : known.get(version);
  }

  private boolean isAhead(String id, long version) {
    var known = versions.get(id);
    return followed.contains(id) && (known == null || known.isEmpty() || known.lastKey() < version);
  }

  private Version awaitOrNull(String id, long version) {
    long until = System.nanoTime() + AWAIT_NANOS;
    synchronized (arrival) {
      Version known = knownOrNull(id, version);
      long left = AWAIT_NANOS;
      while (known == null && left > 0 && !closed && failureOrNull == null) {
        try {
          arrival.wait(1 + left / 1_000_000);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          return null;
        }
        known = knownOrNull(id, version);
        left = until - System.nanoTime();
      }
      return known;
    }
  }

  private void follow() {
    try (consumer) {
      while (!closed) {
        try {
          poll();
        } catch (RetriableException e) {
          LOG.warn("following {}: {}; goes on", topic, e.toString());
        }
      }
    } catch (WakeupException e) {
      LOG.debug("stopped following {}", topic);
    } catch (RuntimeException e) {
      LOG.error("no longer following {}: {}", topic, e.toString(), e);
      failureOrNull = e;
    } finally {
      synchronized (arrival) {
        arrival.notifyAll();
      }
    }
  }

  private void poll() {
    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
      if (record.value() != null) {
        take(record);
      }
    }
  }

  private void take(ConsumerRecord<byte[], byte[]> record) {
    try {
      DictionaryVersion slice = framing.decode(record.value());
      if (followed.contains(slice.getDictionary())) {
        take(slice);
      }
    } catch (UnreadableRecordException | IllegalArgumentException e) {
      LOG.warn(
          "skipped {}-{} offset {}: {}",
          record.topic(),
          record.partition(),
          record.offset(),
          e.getMessage());
    }
  }

  private void take(DictionaryVersion slice) {
    TreeMap<Long, DictionaryAssembly> assemblies =
        open.computeIfAbsent(slice.getDictionary(), id -> new TreeMap<>());
    DictionaryAssembly assembly = assemblies.get(slice.getVersion());
    if (assembly == null) {
      assembly = new DictionaryAssembly(slice);
    }
    assembly.add(slice);
    if (assembly.atoms().isPresent()) {
      assemblies.remove(slice.getVersion());
      keep(slice.getDictionary(), slice.getVersion(), new Version(assembly));
      return;
    }
    assemblies.put(slice.getVersion(), assembly);
    if (assemblies.size() > KEPT_VERSIONS) {
      // older than as many others: it would not be kept
      assemblies.pollFirstEntry();
    }
  }

  private void keep(String id, long number, Version version) {
    if (caughtUp) {
      // here rather than in a stream thread; of those read at the start few are ever used
      version.model();
    }
    var kept = versions.computeIfAbsent(id, name -> new ConcurrentSkipListMap<>());
    kept.put(number, version);
    while (kept.size() > KEPT_VERSIONS) {
      kept.pollFirstEntry();
    }
    synchronized (arrival) {
      arrival.notifyAll();
    }
  }
}
