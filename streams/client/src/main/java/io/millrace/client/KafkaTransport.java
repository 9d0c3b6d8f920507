package io.millrace.client;

import io.millrace.operator.federated.FederatedKeys;
import io.millrace.schema.ClientMemory;
import io.millrace.schema.CodecPlan;
import io.millrace.schema.MaskCohort;
import io.millrace.schema.MaskDelivery;
import io.millrace.schema.MaskSurvivors;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.UpdateOutcome;
import io.millrace.schema.VersionCommit;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;

/**
 * A client straight on Kafka. Reads offers from the end of their topic, or from its beginning
 * within a masked round, versions from its beginning for their lineage, chunks of models once each;
 * writes idempotently, chunk modulo partitions.
 *
 * <p>Beside the version in use it holds chunks of versions that came by after it, of {@value
 * #HELD_VERSIONS} versions at most. One thread.
 */
public final class KafkaTransport implements FederationTransport {
  private static final Duration POLL = Duration.ofMillis(200);
  private static final int HELD_VERSIONS = 2;

  private final Map<String, ?> kafka;
  private final ClientTopics topics;
  private final FederatedClient client;
  private final String model;
  private final String clientKey;
  private final RecordSender sender;
  private final RecordReader news;
  private final RecordReader bulk;
  private final VersionLog versions = new VersionLog();
  private final Map<Long, CodecPlan> plans = new HashMap<>();
  private final TreeMap<Long, TreeMap<Integer, ModelChunk>> held = new TreeMap<>();
  private final SingleObject<TaskOffer> offers = SingleObject.of(TaskOffer.class);
  private final SingleObject<VersionCommit> commits = SingleObject.of(VersionCommit.class);
  private final SingleObject<CodecPlan> codecPlans = SingleObject.of(CodecPlan.class);
  private final SingleObject<ModelChunk> chunks = SingleObject.of(ModelChunk.class);
  private final SingleObject<MaskCohort> cohorts = SingleObject.of(MaskCohort.class);
  private final SingleObject<MaskDelivery> deliveries = SingleObject.of(MaskDelivery.class);
  private final SingleObject<MaskSurvivors> survivors = SingleObject.of(MaskSurvivors.class);
  private final SingleObject<UpdateOutcome> outcomes = SingleObject.of(UpdateOutcome.class);
  private Optional<TaskOffer> newest = Optional.empty();

  /**
   * Connects.
   *
   * @param kafka settings of the connection, at least bootstrap.servers
   * @param client whose records are carried; it is handed what becomes of updates that are open
   * @throws IllegalStateException for a topic that does not exist
   */
  public KafkaTransport(Map<String, ?> kafka, ClientTopics topics, FederatedClient client) {
    this.kafka = Map.copyOf(kafka);
    this.topics = topics;
    this.client = client;
    this.model = client.settings().model();
    this.clientKey = FederatedKeys.client(model, client.settings().client());
    this.sender = new RecordSender(kafka, topics);
    this.news = new RecordReader(this.kafka);
    this.bulk = new RecordReader(this.kafka);
    try {
      // of a masked round that is open, records may have come while nobody was here
      boolean masked = client.masks().isOpen();
      news.follow(topics.tasks(), masked);
      news.follow(topics.versions(), true);
      news.follow(topics.rounds(), masked || client.hasOpenUpdates());
      bulk.follow(topics.models(), true);
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  @Override
  public void send(List<OutgoingRecord> records) {
    sender.send(records);
  }

  @Override
  public Optional<TaskOffer> offer(FederatedClient asking, Duration wait) {
    long deadline = System.nanoTime() + wait.toNanos();
    do {
      news.poll(POLL, this::take);
    } while (newest.isEmpty() && !client.masks().isDue() && System.nanoTime() - deadline < 0);
    Optional<TaskOffer> offer = newest;
    newest = Optional.empty();
    offer.ifPresent(given -> catchUp(given.getTask().getBaseVersion(), deadline));
    return offer;
  }

  /** The base version's commit may come after the offer: they lie on different partitions. */
  private void catchUp(long version, long deadline) {
    while (versions.version(version).isEmpty() && System.nanoTime() - deadline < 0) {
      news.poll(POLL, this::take);
    }
  }

  private void take(RecordReader.Received record) {
    if (record.value().length == 0) {
      return;
    }
    if (record.topic().equals(topics.tasks())) {
      takeTask(record);
    } else if (record.topic().equals(topics.rounds())) {
      if (record.key().equals(clientKey)) {
        client.accept(outcomes.decode(record.value()));
      }
    } else if (record.key().startsWith(model + '@')) {
      VersionCommit commit = commits.decode(record.value());
      versions.accept(commit);
      client.accept(commit);
    } else if (record.key().equals(model + "/plan")) {
      CodecPlan plan = codecPlans.decode(record.value());
      plans.put(plan.getVersion(), plan);
    }
  }

  private void takeTask(RecordReader.Received record) {
    String key = record.key();
    if (key.equals(clientKey)) {
      newest = Optional.of(offers.decode(record.value()));
    } else if (key.equals(FederatedKeys.cohort(model))) {
      client.masks().accept(cohorts.decode(record.value()));
    } else if (key.equals(FederatedKeys.shares(model, client.settings().client()))) {
      client.masks().accept(deliveries.decode(record.value()));
    } else if (key.equals(FederatedKeys.survivors(model))) {
      client.masks().accept(survivors.decode(record.value()));
    }
  }

  @Override
  public ModelVersion model(TaskOffer offer, Duration wait) {
    long version = offer.getTask().getBaseVersion();
    long deadline = System.nanoTime() + wait.toNanos();
    catchUp(version, deadline); // masks may be agreed under an offer of an earlier life
    VersionCommit commit =
        versions
            .version(version)
            .orElseThrow(
                () -> new IllegalStateException("version " + version + " has no commit yet"));
    ModelAssembly assembly =
        new ModelAssembly(commit, offer.getSchemaHash(), offer.getChunkCount());
    held.headMap(version).clear();
    held.getOrDefault(version, new TreeMap<>()).values().forEach(assembly::accept);
    Map<TopicPartition, Long> ends = bulk.ends();
    boolean rewound = false;
    while (!assembly.isComplete()) {
      bulk.poll(POLL, record -> take(record, version, assembly));
      if (!rewound && !assembly.isComplete() && bulk.hasReached(ends)) {
        // it came by before it was wanted, or after a roll-back is wanted again
        bulk.rewind();
        rewound = true;
      }
      if (!assembly.isComplete() && System.nanoTime() - deadline >= 0) {
        throw new IllegalStateException(
            "chunks "
                + assembly.missing()
                + " of version "
                + version
                + " have not come; "
                + assembly.refusal());
      }
    }
    held.remove(version);
    return assembly.version();
  }

  private void take(RecordReader.Received record, long wanted, ModelAssembly assembly) {
    String key = record.key();
    if (record.value().length == 0
        || !key.startsWith(model + '@')
        || key.compareTo(FederatedKeys.version(model, wanted)) < 0) {
      return;
    }
    ModelChunk chunk = chunks.decode(record.value());
    if (chunk.getVersion() == wanted) {
      assembly.accept(chunk);
    } else if (held.containsKey(chunk.getVersion()) || held.size() < HELD_VERSIONS) {
      held.computeIfAbsent(chunk.getVersion(), any -> new TreeMap<>()).put(chunk.getChunk(), chunk);
    }
  }

  @Override
  public List<ClientMemory> memories(FederatedClient asking) {
    SingleObject<ClientMemory> codec = SingleObject.of(ClientMemory.class);
    TreeMap<String, ClientMemory> found = new TreeMap<>();
    try (RecordReader reader = new RecordReader(kafka)) {
      reader.follow(topics.memories(), true);
      Map<TopicPartition, Long> ends = reader.ends();
      while (!reader.hasReached(ends)) {
        reader.poll(
            POLL,
            record -> {
              if (record.key().startsWith(clientKey + '/') && record.value().length > 0) {
                found.put(record.key(), codec.decode(record.value()));
              }
            });
      }
    }
    return List.copyOf(found.values());
  }

  @Override
  public Optional<CodecPlan> plan(long version) {
    return Optional.ofNullable(plans.get(version));
  }

  @Override
  public void close() {
    sender.close();
    news.close();
    bulk.close();
  }
}
