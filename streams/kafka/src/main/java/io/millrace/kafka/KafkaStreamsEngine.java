package io.millrace.kafka;

import io.micrometer.core.instrument.MeterRegistry;
import io.millrace.runtime.ConfigurationException;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.Engine;
import io.millrace.runtime.EngineRun;
import io.millrace.runtime.LaunchSettings;
import java.util.Map;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.Topology;

/** Kafka Streams: every process that runs a deployment takes its share of the partitions. */
public final class KafkaStreamsEngine implements Engine {
  static final String NAME = "kafka-streams";

  /** Properties that settings of a deployment file stand for, and which. */
  private static final Map<String, String> OWNED =
      Map.of(
          "application.id", "made of name and the pipeline's name",
          "processing.guarantee", "set by engine.guarantee",
          "state.dir", "set by state-directory",
          "num.stream.threads", "set by engine.threads",
          "commit.interval.ms", "set by engine.commit-interval-millis",
          "statestore.cache.max.bytes", "always 0: hot state has its own heap budget");

  /** Made by the service loader. */
  public KafkaStreamsEngine() {}

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public EngineRun open(Deployment deployment, LaunchSettings launch, MeterRegistry registry) {
    deployment.requireFree(NAME, OWNED);
    if (launch.cluster().isPresent()) {
      throw new ConfigurationException(
          "--cluster: got "
              + launch.cluster().get()
              + ", expected none: "
              + NAME
              + " has no cluster of its own, start more processes instead");
    }
    if (!launch.resumeFrom().equals(LaunchSettings.LATEST)) {
      throw new ConfigurationException(
          "--from: got "
              + launch.resumeFrom()
              + ", expected "
              + LaunchSettings.LATEST
              + ": "
              + NAME
              + " goes on from its changelog topics");
    }
    return KafkaRun.of(deployment, registry);
  }

  @Override
  public EngineRun openCopy(Deployment deployment, String fromTopic, String toTopic) {
    Topology topology = new Topology();
    topology.addSource(
        AutoOffsetReset.earliest(),
        "in",
        new ByteArrayDeserializer(),
        new ByteArrayDeserializer(),
        fromTopic);
    topology.addSink("out", toTopic, new ByteArraySerializer(), new ByteArraySerializer(), "in");
    return KafkaRun.of(KafkaPipeline.copy(deployment, topology));
  }
}
