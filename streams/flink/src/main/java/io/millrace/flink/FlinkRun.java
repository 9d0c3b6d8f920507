package io.millrace.flink;

import com.fasterxml.jackson.databind.JsonNode;
import io.micrometer.core.instrument.MeterRegistry;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.EngineRun;
import io.millrace.runtime.LaunchSettings;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.DeploymentOptions;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The jobs of a deployment, one for each pipeline, in a cluster of this process or in one that is
 * there. A job that already runs in that cluster is watched, not submitted twice.
 */
final class FlinkRun implements EngineRun {
  private static final Logger LOG = LoggerFactory.getLogger(FlinkRun.class);
  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(30);
  private static final long LOOK_MILLIS = 500;

  /** A new JobManager that recovers jobs has them by then, and a failure its reason. */
  private static final int MAXIMUM_LOOKS_WITHOUT = 20;

  private final Deployment deployment;
  private final LaunchSettings launch;
  private final FlinkSettings settings;
  private final List<Plan> plans;
  private final MeterRegistry registry;
  private final List<Watched> jobs = new ArrayList<>();
  private final CountDownLatch ended = new CountDownLatch(1);
  private final Thread watch = new Thread(this::watch, "flink-watch");
  private DirectoryLock lockOrNull;
  private LocalCluster localOrNull;
  private ClusterRest cluster;
  private int looksWithout;
  private volatile boolean closed;
  private volatile Throwable failureOrNull;

  /**
   * A job to be.
   *
   * @param pipeline its name
   * @param build adds it to an environment
   */
  record Plan(String pipeline, Consumer<StreamExecutionEnvironment> build) {}

  private record Watched(String id, String name, JobFigures figures) {}

  FlinkRun(
      Deployment deployment,
      LaunchSettings launch,
      FlinkSettings settings,
      List<Plan> plans,
      MeterRegistry registry) {
    this.deployment = deployment;
    this.launch = launch;
    this.settings = settings;
    this.plans = plans;
    this.registry = registry;
    watch.setDaemon(true);
  }

  @Override
  public void start() throws InterruptedException {
    if (launch.cluster().isPresent()) {
      StoragePlugins.load(settings.client());
      cluster = new ClusterRest(launch.cluster().get());
    } else {
      settings
          .localDirectory()
          .ifPresent(directory -> lockOrNull = DirectoryLock.take(directory, deployment.name()));
      localOrNull =
          LocalCluster.start(settings.localCluster(deployment.engine().threads() * plans.size()));
      cluster = new ClusterRest(localOrNull.address());
    }
    try {
      for (Plan plan : plans) {
        String name = PipelineJob.name(deployment, plan.pipeline());
        String id = oneJob(plan, name);
        jobs.add(new Watched(id, name, new JobFigures(cluster, id, plan.pipeline(), registry)));
      }
    } catch (IOException e) {
      throw new IllegalStateException(
          "Flink cluster " + cluster.address() + " does not answer: " + e.getMessage(), e);
    }
    watch.start();
  }

  @Override
  public boolean awaitRunning(Duration timeout) throws InterruptedException {
    long until = System.nanoTime() + timeout.toNanos();
    while (System.nanoTime() < until && ended.getCount() > 0) {
      if (areRunning()) {
        return true;
      }
      Thread.sleep(100);
    }
    return false;
  }

  @Override
  public Throwable awaitEnd() throws InterruptedException {
    ended.await();
    return failureOrNull;
  }

  @Override
  public Optional<URI> engineUi() {
    return Optional.of(cluster.address());
  }

  @Override
  public void close() {
    closed = true;
    watch.interrupt();
    if (localOrNull != null) {
      jobs.parallelStream().forEach(this::stop);
      localOrNull.close();
    }
    if (lockOrNull != null) {
      lockOrNull.close();
    }
    ended.countDown();
  }

  /** The job of that name, submitted unless it is there: two would fence each other's writes. */
  private String oneJob(Plan plan, String name) throws IOException, InterruptedException {
    for (long until = System.nanoTime() + STOP_TIMEOUT.toNanos();
        cluster.isEnding(name) && System.nanoTime() < until; ) {
      Thread.sleep(100);
    }
    Optional<ClusterRest.Job> live = cluster.liveJob(name);
    if (live.isPresent()) {
      LOG.info("{}: runs already as job {}", name, live.get().id());
      return live.get().id();
    }
    String own = submit(plan, name);
    // Somebody else may have done the same at the same moment: all keep to the oldest.
    String oldest = cluster.liveJob(name).map(ClusterRest.Job::id).orElse(own);
    if (!oldest.equals(own)) {
      LOG.info("{}: was submitted twice; job {} goes on, {} ends", name, oldest, own);
      cluster.cancel(own);
    }
    return oldest;
  }

  private String submit(Plan plan, String name) {
    Configuration configuration = settings.job(name);
    Optional<String> resumed = settings.resume(configuration, name);
    LOG.info("{}: starts from {}", name, resumed.orElse("the beginning of its topics"));
    URI address = cluster.address();
    configuration.set(DeploymentOptions.TARGET, "remote");
    configuration.set(RestOptions.ADDRESS, address.getHost());
    configuration.set(RestOptions.PORT, address.getPort());
    if (localOrNull == null) {
      configuration.set(PipelineOptions.JARS, List.of(JobJar.location().toString()));
    }
    StreamExecutionEnvironment environment = new StreamExecutionEnvironment(configuration);
    environment.setParallelism(deployment.engine().threads());
    plan.build().accept(environment);
    try {
      return environment.executeAsync(name).getJobID().toString();
    } catch (Exception e) {
      throw new IllegalStateException(
          name + " was not accepted by " + address + ": " + e.getMessage(), e);
    }
  }

  private boolean areRunning() throws InterruptedException {
    try {
      for (Watched job : jobs) {
        JsonNode details = cluster.job(job.id());
        for (JsonNode vertex : details.path("vertices")) {
          if (vertex.path("tasks").path("RUNNING").asInt() != vertex.path("parallelism").asInt()) {
            return false;
          }
        }
        if (!details.path("state").asText().equals("RUNNING")) {
          return false;
        }
      }
      return true;
    } catch (IOException e) {
      LOG.debug("{} does not answer: {}", cluster.address(), e.toString());
      return false;
    }
  }

  private void watch() {
    boolean answers = true;
    try {
      while (!closed) {
        try {
          look();
          answers = true;
        } catch (IOException e) {
          if (answers && !closed) {
            LOG.warn("{} does not answer: {}; asking on", cluster.address(), e.toString());
          }
          answers = false;
        }
        TimeUnit.MILLISECONDS.sleep(LOOK_MILLIS);
      }
    } catch (InterruptedException e) {
      LOG.debug("no longer watching");
    } catch (RuntimeException e) {
      LOG.error("no longer watching", e);
      end(e);
    }
  }

  private void look() throws IOException, InterruptedException {
    List<ClusterRest.Job> known = cluster.jobs();
    for (Watched job : jobs) {
      Optional<ClusterRest.Job> found =
          known.stream().filter(candidate -> candidate.id().equals(job.id())).findFirst();
      if (found.isEmpty()) {
        looksWithout++;
        if (looksWithout > MAXIMUM_LOOKS_WITHOUT) {
          end(new IllegalStateException(job.name() + " is unknown to " + cluster.address()));
        }
        return;
      }
      if (found.get().hasEnded()) {
        end(job, found.get().state());
        return;
      }
      job.figures().update();
    }
    looksWithout = 0;
  }

  private void end(Watched job, String state) throws IOException, InterruptedException {
    if (state.equals("FINISHED")) {
      // its topics have no end: it was stopped with a savepoint
      LOG.info("{}: was stopped", job.name());
      end(null);
    } else {
      end(new IllegalStateException(job.name() + " is " + state + ": " + reason(job)));
    }
  }

  /** The cluster answers from a cache of a few seconds, which may be older than the failure. */
  private String reason(Watched job) throws IOException, InterruptedException {
    for (int look = 0; look < MAXIMUM_LOOKS_WITHOUT; look++) {
      Optional<String> reason = cluster.failure(job.id());
      if (reason.isPresent()) {
        return reason.get();
      }
      TimeUnit.MILLISECONDS.sleep(LOOK_MILLIS);
    }
    return "no reason is known";
  }

  private void end(Throwable failureOrNone) {
    if (!closed) {
      failureOrNull = failureOrNone;
      ended.countDown();
    }
  }

  private void stop(Watched job) {
    try {
      String savepoint =
          cluster.stop(job.id(), settings.savepointDirectoryOrEmpty(job.name()), STOP_TIMEOUT);
      LOG.info("{}: stopped with {}", job.name(), savepoint);
    } catch (IOException e) {
      LOG.warn(
          "{}: no savepoint ({}); the next run goes on from its newest checkpoint",
          job.name(),
          e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
