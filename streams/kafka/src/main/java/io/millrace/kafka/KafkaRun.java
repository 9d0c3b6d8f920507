package io.millrace.kafka;

import io.micrometer.core.instrument.MeterRegistry;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.EngineRun;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** The pipelines of a deployment in this process. */
final class KafkaRun implements EngineRun {
  private final List<KafkaPipeline> pipelines;

  private KafkaRun(List<KafkaPipeline> pipelines) {
    this.pipelines = pipelines;
  }

  static KafkaRun of(Deployment deployment, MeterRegistry registry) {
    return new KafkaRun(
        deployment.pipelines().stream()
            .map(pipeline -> KafkaPipeline.of(deployment, pipeline, registry))
            .toList());
  }

  static KafkaRun of(KafkaPipeline... pipelines) {
    return new KafkaRun(List.of(pipelines));
  }

  @Override
  public void start() {
    pipelines.forEach(KafkaPipeline::start);
  }

  @Override
  public boolean awaitRunning(Duration timeout) throws InterruptedException {
    long until = System.nanoTime() + timeout.toNanos();
    for (KafkaPipeline pipeline : pipelines) {
      if (!pipeline.awaitRunning(Duration.ofNanos(Math.max(0, until - System.nanoTime())))) {
        return false;
      }
    }
    return true;
  }

  @Override
  public Throwable awaitEnd() throws InterruptedException {
    try {
      CompletableFuture.anyOf(
              pipelines.stream().map(KafkaPipeline::ended).toArray(CompletableFuture<?>[]::new))
          .get();
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    }
    return pipelines.stream()
        .map(KafkaPipeline::failureOrNull)
        .filter(Objects::nonNull)
        .findFirst()
        .orElse(null);
  }

  @Override
  public void close() {
    pipelines.parallelStream().forEach(KafkaPipeline::close);
  }
}
