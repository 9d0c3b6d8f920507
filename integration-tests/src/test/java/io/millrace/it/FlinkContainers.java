package io.millrace.it;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import org.testcontainers.containers.wait.strategy.Wait;

/** A Flink session cluster of our image: a JobManager, two TaskManagers, checkpoints in S3. */
final class FlinkContainers implements AutoCloseable {
  static final String CHECKPOINTS = "s3://flink/checkpoints";

  /** Its REST interface, seen from other containers. */
  static final String ADDRESS = "http://jobmanager:8081";

  static final int SLOTS = 4;

  private static final int TASK_MANAGERS = 2;
  private static final int REST = 8081;
  private static final int S3 = 9090;
  private static final Duration START = Duration.ofMinutes(3);

  private static final String PROPERTIES =
      String.join(
          "\n",
          "jobmanager.memory.process.size: 1000m",
          "taskmanager.memory.process.size: 1400m",
          "taskmanager.numberOfTaskSlots: " + SLOTS / TASK_MANAGERS,
          "execution.checkpointing.dir: " + CHECKPOINTS,
          "s3.endpoint: http://s3:" + S3,
          "s3.path.style.access: true",
          "s3.access-key: none",
          "s3.secret-key: none",
          // A killed TaskManager is missed after this time.
          "heartbeat.interval: 1000",
          "heartbeat.timeout: 8000");

  private final Path logs;
  private final GenericContainer<?> store;
  private final GenericContainer<?> jobManager;
  private final List<GenericContainer<?>> taskManagers = new ArrayList<>();

  private FlinkContainers(Network network, Path logs) {
    this.logs = logs;
    store =
        new GenericContainer<>(ContainerImages.external("S3MOCK_IMAGE"))
            .withNetwork(network)
            .withNetworkAliases("s3")
            .withEnv("COM_ADOBE_TESTING_S3MOCK_STORE_INITIAL_BUCKETS", "flink")
            .withExposedPorts(S3)
            .waitingFor(Wait.forHttp("/").forPort(S3).withStartupTimeout(START));
    jobManager =
        member(network, "jobmanager").withNetworkAliases("jobmanager").withExposedPorts(REST);
    for (int index = 0; index < TASK_MANAGERS; index++) {
      taskManagers.add(member(network, "taskmanager"));
    }
  }

  /** Starts everything; returns when all slots are there. */
  static FlinkContainers start(Network network, Path logs) {
    FlinkContainers cluster = new FlinkContainers(network, logs);
    try {
      cluster.store.start();
      cluster.jobManager.start();
      cluster.taskManagers.forEach(GenericContainer::start);
      Await.until(
          "all slots are there",
          START,
          () -> cluster.ask("/overview").path("slots-total").asInt() == SLOTS);
      return cluster;
    } catch (RuntimeException | AssertionError e) {
      cluster.close();
      throw e;
    }
  }

  /** Ends a job, so that its slots are free. */
  void cancel(String job) throws IOException, InterruptedException {
    JsonClient.patch(at("/jobs/" + id(job) + "?mode=cancel"));
    Await.until(
        "all slots are free",
        START,
        () -> ask("/overview").path("slots-available").asInt() == SLOTS);
  }

  /** SIGKILL, and a start of the same container. */
  void killAndRestart(int taskManager) {
    String id = taskManagers.get(taskManager).getContainerId();
    var docker = DockerClientFactory.instance().client();
    docker.killContainerCmd(id).withSignal("KILL").exec();
    docker.startContainerCmd(id).exec();
  }

  /** How often a job went back to a checkpoint. */
  int restores(String job) throws IOException, InterruptedException {
    return checkpoints(job).path("counts").path("restored").asInt();
  }

  /** Where the newest completed checkpoint of a job lies. */
  String newestCheckpoint(String job) throws IOException, InterruptedException {
    return checkpoints(job).path("latest").path("completed").path("external_path").asText();
  }

  @Override
  public void close() {
    taskManagers.forEach(GenericContainer::stop);
    jobManager.stop();
    store.stop();
  }

  private JsonNode checkpoints(String job) throws IOException, InterruptedException {
    return ask("/jobs/" + id(job) + "/checkpoints");
  }

  private String id(String job) throws IOException, InterruptedException {
    for (JsonNode candidate : ask("/jobs/overview").path("jobs")) {
      if (candidate.path("name").asText().equals(job)) {
        return candidate.path("jid").asText();
      }
    }
    throw new IllegalStateException("no job " + job);
  }

  private JsonNode ask(String path) throws IOException, InterruptedException {
    return JsonClient.get(at(path));
  }

  private URI at(String path) {
    return URI.create(
        "http://" + jobManager.getHost() + ":" + jobManager.getMappedPort(REST) + path);
  }

  private GenericContainer<?> member(Network network, String role) {
    return new GenericContainer<>(ContainerImages.FLINK)
        .withNetwork(network)
        .withCommand(role)
        .withEnv("JOB_MANAGER_RPC_ADDRESS", "jobmanager")
        .withEnv("FLINK_PROPERTIES", PROPERTIES)
        .withEnv("ENABLE_BUILT_IN_PLUGINS", ContainerImages.listed("FLINK_S3_PLUGIN"))
        .withLogConsumer(new ContainerLog(logs.resolve(role + ".log")))
        .waitingFor(Wait.forHealthcheck().withStartupTimeout(START));
  }
}
