package io.millrace.app.federated;

import io.millrace.runtime.Deployment;
import io.millrace.runtime.FederatedPipeline;
import io.millrace.runtime.MixingPipeline;
import io.millrace.runtime.Pipeline;
import io.millrace.schema.ModelPointer;
import io.millrace.schema.RoundTick;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the rounds of a pipeline what time it is, every model that has a version, and likewise the
 * chunks of nodes that mix. They follow the ticks that are in their log, not this: a second one
 * does no harm, a gap only lets them wait.
 */
public final class RoundTicker implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RoundTicker.class);
  private static final Duration CLOSE = Duration.ofSeconds(5);

  private final Pipeline pipeline;
  private final String followed;
  private final Supplier<OwnerRecords> owner;
  private final Map<String, String> kafka;

  /** Chunks of each model that mixes; 0: its rounds are told. */
  private final TreeMap<String, Integer> models = new TreeMap<>();

  private final SingleObject<ModelPointer> pointers = SingleObject.of(ModelPointer.class);
  private final SingleObject<TaskOffer> offers = SingleObject.of(TaskOffer.class);
  private final ScheduledExecutorService schedule =
      Executors.newSingleThreadScheduledExecutor(
          work -> {
            Thread thread = new Thread(work, "round-ticker");
            thread.setDaemon(true);
            return thread;
          });
  private OwnerRecords recordsOrNull;
  private KafkaConsumer<byte[], byte[]> consumerOrNull;

  /**
   * @param channel where it shows which models there are
   */
  private RoundTicker(
      Pipeline pipeline, String channel, Supplier<OwnerRecords> owner, Map<String, String> kafka) {
    this.pipeline = pipeline;
    this.followed = pipeline.topic(channel);
    this.owner = owner;
    this.kafka = kafka;
  }

  /** Starts one for each pipeline that wants ticks. */
  public static List<RoundTicker> start(Deployment deployment) {
    Map<String, String> kafka = deployment.kafka();
    List<RoundTicker> tickers = new ArrayList<>();
    for (FederatedPipeline rounds : FederatedPipeline.of(deployment)) {
      Supplier<OwnerRecords> owner = () -> new OwnerRecords(rounds, kafka);
      start(new RoundTicker(rounds.pipeline(), "versions", owner, kafka), rounds.tickMillis())
          .ifPresent(tickers::add);
    }
    for (MixingPipeline mixing : MixingPipeline.of(deployment)) {
      Supplier<OwnerRecords> owner = () -> new OwnerRecords(mixing, kafka);
      start(new RoundTicker(mixing.pipeline(), "tasks", owner, kafka), mixing.tickMillis())
          .ifPresent(tickers::add);
    }
    return tickers;
  }

  private static Optional<RoundTicker> start(RoundTicker ticker, long millis) {
    if (millis == 0) {
      return Optional.empty();
    }
    ticker.schedule.scheduleWithFixedDelay(ticker::tickOrWarn, 0, millis, TimeUnit.MILLISECONDS);
    return Optional.of(ticker);
  }

  @Override
  public void close() {
    schedule.execute(this::release);
    schedule.shutdown();
    try {
      if (!schedule.awaitTermination(CLOSE.toMillis(), TimeUnit.MILLISECONDS)) {
        schedule.shutdownNow();
      }
    } catch (InterruptedException e) {
      schedule.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }

  /** One failed tick must not end the schedule, which would happen in silence. */
  private void tickOrWarn() {
    try {
      tick();
    } catch (RuntimeException e) {
      LOG.warn("{}: no tick was sent: {}", pipeline.name(), e.toString());
    }
  }

  private void tick() {
    if (recordsOrNull == null) {
      recordsOrNull = owner.get();
      consumerOrNull = follow(followed);
    }
    for (ConsumerRecord<byte[], byte[]> record : consumerOrNull.poll(Duration.ZERO)) {
      if (record.value() != null) {
        notice(record.value());
      }
    }
    long micros = 1000 * System.currentTimeMillis();
    models.forEach((model, chunks) -> tick(new RoundTick(model, micros), chunks));
  }

  private void notice(byte[] value) {
    switch (SingleObject.recordName(value)) {
      case "ModelPointer" -> models.put(pointers.decode(value).getModel(), 0);
      case "TaskOffer" -> {
        TaskOffer offer = offers.decode(value);
        models.put(offer.getTask().getModel(), offer.getChunkCount());
      }
      default -> {
        // what else lies there names no model that is not named by these
      }
    }
  }

  private void tick(RoundTick tick, int chunks) {
    if (chunks == 0) {
      recordsOrNull.send(tick);
    }
    for (int chunk = 0; chunk < chunks; chunk++) {
      recordsOrNull.send(tick, chunk);
    }
  }

  private KafkaConsumer<byte[], byte[]> follow(String topic) {
    Map<String, Object> properties = new HashMap<>(kafka);
    properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    properties.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
    KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    Collection<TopicPartition> partitions =
        consumer.partitionsFor(topic).stream()
            .map(partition -> new TopicPartition(topic, partition.partition()))
            .toList();
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
    return consumer;
  }

  private void release() {
    if (consumerOrNull != null) {
      consumerOrNull.close();
    }
    if (recordsOrNull != null) {
      recordsOrNull.close();
    }
  }
}
