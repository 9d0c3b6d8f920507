package io.millrace.app.federated;

import io.millrace.runtime.Deployment;
import io.millrace.runtime.FederatedPipeline;
import io.millrace.schema.ModelPointer;
import io.millrace.schema.RoundTick;
import io.millrace.schema.SingleObject;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the rounds of a pipeline what time it is, every model that has a version. Rounds follow the
 * ticks that are in their log, not this: a second one does no harm, a gap only lets rounds wait.
 */
public final class RoundTicker implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RoundTicker.class);
  private static final Duration CLOSE = Duration.ofSeconds(5);

  private final FederatedPipeline pipeline;
  private final Map<String, String> kafka;
  private final TreeSet<String> models = new TreeSet<>();
  private final SingleObject<ModelPointer> pointers = SingleObject.of(ModelPointer.class);
  private final ScheduledExecutorService schedule =
      Executors.newSingleThreadScheduledExecutor(
          work -> {
            Thread thread = new Thread(work, "round-ticker");
            thread.setDaemon(true);
            return thread;
          });
  private OwnerRecords recordsOrNull;
  private KafkaConsumer<byte[], byte[]> consumerOrNull;

  private RoundTicker(FederatedPipeline pipeline, Map<String, String> kafka) {
    this.pipeline = pipeline;
    this.kafka = kafka;
  }

  /** Starts one for each pipeline that wants ticks. */
  public static List<RoundTicker> start(Deployment deployment) {
    return FederatedPipeline.of(deployment).stream()
        .filter(pipeline -> pipeline.tickMillis() > 0)
        .map(pipeline -> start(pipeline, deployment.kafka()))
        .toList();
  }

  private static RoundTicker start(FederatedPipeline pipeline, Map<String, String> kafka) {
    RoundTicker ticker = new RoundTicker(pipeline, kafka);
    ticker.schedule.scheduleWithFixedDelay(
        ticker::tickOrWarn, 0, pipeline.tickMillis(), TimeUnit.MILLISECONDS);
    return ticker;
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
      LOG.warn("{}: no tick was sent: {}", pipeline.pipeline().name(), e.toString());
    }
  }

  private void tick() {
    if (recordsOrNull == null) {
      recordsOrNull = new OwnerRecords(pipeline, kafka);
      consumerOrNull = follow(pipeline.pipeline().topic("versions"));
    }
    for (ConsumerRecord<byte[], byte[]> record : consumerOrNull.poll(Duration.ZERO)) {
      if (record.value() != null
          && SingleObject.recordName(record.value()).equals("ModelPointer")) {
        models.add(pointers.decode(record.value()).getModel());
      }
    }
    long micros = 1000 * System.currentTimeMillis();
    models.forEach(model -> recordsOrNull.send(new RoundTick(model, micros)));
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
