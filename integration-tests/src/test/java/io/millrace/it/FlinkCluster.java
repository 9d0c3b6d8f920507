package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Stream;

/**
 * A Flink session cluster of processes on this machine: ZooKeeper, which a new JobManager learns
 * the jobs of a dead one from, one JobManager and task managers of two slots each. Its class path
 * is what the app brings for Flink, without the job jar: that one is submitted.
 */
final class FlinkCluster implements AutoCloseable {
  private static final Duration START = Duration.ofSeconds(180);
  private static final Duration ANSWER = Duration.ofSeconds(10);
  private static final String JOB_MANAGER =
      "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint";
  private static final String TASK_MANAGER =
      "org.apache.flink.runtime.taskexecutor.TaskManagerRunner";
  private static final String ZOOKEEPER =
      "org.apache.flink.runtime.zookeeper.FlinkZooKeeperQuorumPeer";

  /** What Flink's own scripts give to Java 17, and the vector module. */
  private static final List<String> JVM =
      List.of(
          "-XX:TieredStopAtLevel=1",
          "--add-modules=jdk.incubator.vector",
          "--add-opens=java.base/java.lang=ALL-UNNAMED",
          "--add-opens=java.base/java.lang.invoke=ALL-UNNAMED",
          "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
          "--add-opens=java.base/java.net=ALL-UNNAMED",
          "--add-opens=java.base/java.nio=ALL-UNNAMED",
          "--add-opens=java.base/java.text=ALL-UNNAMED",
          "--add-opens=java.base/java.time=ALL-UNNAMED",
          "--add-opens=java.base/java.util=ALL-UNNAMED",
          "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
          "--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED",
          "--add-opens=java.base/java.util.concurrent.locks=ALL-UNNAMED",
          "--add-opens=java.base/sun.net.util=ALL-UNNAMED");

  private final Path directory;
  private final int zooKeeperPort = freePort();
  private final int restPort = freePort();
  private final List<Path> classPath = classPath();
  private final HttpClient http = HttpClient.newHttpClient();
  private final ObjectMapper json = new ObjectMapper();
  private final List<JavaProcess> taskManagers = new ArrayList<>();
  private int started;
  private JavaProcess zooKeeper;
  private JavaProcess jobManager;

  private FlinkCluster(Path directory) {
    this.directory = directory;
  }

  /**
   * Starts a cluster; returns when all its task managers are there.
   *
   * @param directory of its configuration, files and logs
   */
  static FlinkCluster start(Path directory, int taskManagers) {
    FlinkCluster cluster = new FlinkCluster(directory.toAbsolutePath());
    try {
      cluster.startAll(taskManagers);
      return cluster;
    } catch (RuntimeException | AssertionError e) {
      cluster.close();
      throw e;
    }
  }

  /** Of its REST interface; outlives JobManagers. */
  URI address() {
    return URI.create("http://127.0.0.1:" + restPort);
  }

  /** Kills a task manager that runs something, and starts another in its place. */
  void replaceBusyTaskManager() {
    int busy = busyTaskManager();
    taskManagers.get(busy).kill();
    taskManagers.set(busy, launchTaskManager());
  }

  /** Kills the JobManager, and starts another in its place. */
  void replaceJobManager() {
    jobManager.kill();
    launchJobManager();
  }

  /** Waits for all task managers that live to be registered. */
  void awaitTaskManagers() {
    Await.until(
        () -> taskManagers.size() + " task managers register\n" + jobManager.logTail(),
        START,
        () -> {
          for (JavaProcess each : taskManagers) {
            assertTrue(each.isAlive(), () -> each.name() + " ended by itself\n" + each.logTail());
          }
          return registered() == taskManagers.size();
        });
  }

  /** Threads of all task managers whose name starts so, from Linux's /proc; elsewhere none. */
  long taskManagerThreads(String name) throws IOException {
    long count = 0;
    for (JavaProcess each : taskManagers) {
      count += each.threads(name);
    }
    return count;
  }

  JsonNode get(String path) throws IOException, InterruptedException {
    HttpResponse<byte[]> answer =
        http.send(
            HttpRequest.newBuilder(URI.create(address() + path)).timeout(ANSWER).build(),
            BodyHandlers.ofByteArray());
    if (answer.statusCode() != 200) {
      throw new IOException(path + " answered " + answer.statusCode());
    }
    return json.readTree(answer.body());
  }

  /** Ids of the jobs of a name, in a state. */
  List<String> jobs(String name, String state) throws IOException, InterruptedException {
    List<String> ids = new ArrayList<>();
    for (JsonNode job : get("/jobs/overview").path("jobs")) {
      if (job.path("name").asText().equals(name) && job.path("state").asText().equals(state)) {
        ids.add(job.path("jid").asText());
      }
    }
    return ids;
  }

  @Override
  public void close() {
    taskManagers.forEach(JavaProcess::close);
    Stream.of(jobManager, zooKeeper).filter(process -> process != null).forEach(JavaProcess::close);
  }

  /** Names are those that {@link #launchTaskManager} gave, in the order of the list. */
  private int busyTaskManager() {
    List<Integer> busy = new ArrayList<>();
    Await.until(
        () -> "a task manager has work\n" + jobManager.logTail(),
        START,
        () -> {
          for (JsonNode found : get("/taskmanagers").path("taskmanagers")) {
            if (found.path("freeSlots").asInt() < found.path("slotsNumber").asInt()) {
              place(found.path("id").asText()).ifPresent(busy::add);
            }
          }
          return !busy.isEmpty();
        });
    return busy.get(0);
  }

  private OptionalInt place(String id) {
    for (int place = 0; place < taskManagers.size(); place++) {
      if (taskManagers.get(place).name().equals(id)) {
        return OptionalInt.of(place);
      }
    }
    return OptionalInt.empty();
  }

  private long registered() throws IOException, InterruptedException {
    int known = 0;
    for (JsonNode found : get("/taskmanagers").path("taskmanagers")) {
      known += place(found.path("id").asText()).isPresent() ? 1 : 0;
    }
    return known;
  }

  private void startAll(int number) {
    write("config.yaml", configuration());
    write("zoo.cfg", zooKeeperConfiguration());
    write("log4j2.properties", logging());
    zooKeeper =
        launch(
            "zookeeper",
            List.of("-Xmx64m"),
            List.of(
                ZOOKEEPER,
                "--zkConfigFile",
                directory.resolve("zoo.cfg").toString(),
                "--peerId",
                "1"));
    launchJobManager();
    for (int i = 0; i < number; i++) {
      taskManagers.add(launchTaskManager());
    }
    awaitTaskManagers();
  }

  private void launchJobManager() {
    jobManager =
        launch(
            "jobmanager",
            List.of("-Xmx384m"),
            List.of(JOB_MANAGER, "--configDir", directory.toString()));
  }

  private JavaProcess launchTaskManager() {
    String name = "taskmanager-" + started++;
    return launch(
        name,
        List.of("-Xmx384m", "-XX:MaxDirectMemorySize=192m"),
        List.of(
            TASK_MANAGER,
            "--configDir",
            directory.toString(),
            "-Dtaskmanager.resource-id=" + name));
  }

  private JavaProcess launch(String name, List<String> heap, List<String> mainAndArguments) {
    List<String> jvm = new ArrayList<>(JVM);
    jvm.addAll(heap);
    jvm.add("-Djava.io.tmpdir=" + directory.resolve("tmp"));
    jvm.add("-Dlog4j2.configurationFile=" + directory.resolve("log4j2.properties"));
    return JavaProcess.startWith(classPath, name, directory, jvm, mainAndArguments);
  }

  private void write(String file, List<String> lines) {
    try {
      Files.createDirectories(directory.resolve("tmp"));
      Files.write(directory.resolve(file), lines);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private List<String> configuration() {
    return List.of(
        "rest.address: 127.0.0.1",
        "rest.bind-address: 127.0.0.1",
        "rest.port: " + restPort,
        "jobmanager.rpc.address: 127.0.0.1",
        "jobmanager.bind-host: 127.0.0.1",
        "high-availability.type: zookeeper",
        "high-availability.zookeeper.quorum: 127.0.0.1:" + zooKeeperPort,
        "high-availability.zookeeper.client.session-timeout: 5 s",
        "high-availability.storageDir: " + directory.resolve("recovery").toUri(),
        // A dead process is a member of the cluster until these end.
        "heartbeat.interval: 500 ms",
        "heartbeat.timeout: 5 s",
        // A machine with other things to do starts slowly, and that is no failure.
        "pekko.startup-timeout: 120 s",
        "pekko.ask.timeout: 60 s",
        "io.tmp.dirs: " + directory.resolve("tmp"),
        "taskmanager.host: 127.0.0.1",
        "taskmanager.bind-host: 127.0.0.1",
        "taskmanager.numberOfTaskSlots: 2",
        // Flink's scripts compute these; a process started without them wants every one.
        "taskmanager.cpu.cores: 1.0",
        "taskmanager.memory.framework.heap.size: 128 mb",
        "taskmanager.memory.framework.off-heap.size: 64 mb",
        "taskmanager.memory.task.heap.size: 256 mb",
        "taskmanager.memory.task.off-heap.size: 0 mb",
        "taskmanager.memory.managed.size: 128 mb",
        "taskmanager.memory.network.min: 64 mb",
        "taskmanager.memory.network.max: 64 mb",
        "taskmanager.memory.jvm-metaspace.size: 128 mb",
        "taskmanager.memory.jvm-overhead.min: 64 mb",
        "taskmanager.memory.jvm-overhead.max: 64 mb");
  }

  private List<String> zooKeeperConfiguration() {
    return List.of(
        "tickTime=500",
        "maxSessionTimeout=60000",
        "dataDir=" + directory.resolve("zookeeper-data"),
        "clientPort=" + zooKeeperPort,
        "clientPortAddress=127.0.0.1",
        "admin.enableServer=false",
        "server.1=127.0.0.1:" + freePort() + ":" + freePort());
  }

  private static List<String> logging() {
    return List.of(
        "appender.err.type = Console",
        "appender.err.name = err",
        "appender.err.target = SYSTEM_ERR",
        "appender.err.layout.type = PatternLayout",
        "appender.err.layout.pattern = %d{HH:mm:ss.SSS} %-5p %c{1} %m%n%throwable",
        "rootLogger.level = info",
        "rootLogger.appenderRef.err.ref = err");
  }

  private static List<Path> classPath() {
    Path target = JavaProcess.appJar().getParent();
    try (Stream<Path> engine = Files.list(target.resolve("engines").resolve("flink"));
        Stream<Path> libraries = Files.list(target.resolve("lib"))) {
      return Stream.concat(
              engine.filter(jar -> !jar.toString().endsWith("-job.jar")),
              libraries.filter(
                  jar -> jar.getFileName().toString().matches("(log4j|slf4j)-.*\\.jar")))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static int freePort() {
    try (ServerSocket probe = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return probe.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
