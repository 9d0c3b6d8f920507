package io.millrace.flink;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.flink.runtime.checkpoint.CheckpointFailureReason;

/** What a run asks of a Flink cluster, through Flink's documented REST interface. Thread-safe. */
final class ClusterRest {
  private static final Duration CONNECT = Duration.ofSeconds(5);
  private static final Duration ANSWER = Duration.ofSeconds(30);
  private static final int METRICS_PER_REQUEST = 40;
  private static final long POLL_MILLIS = 100;

  /** Why a cluster refuses a savepoint while tasks are starting: worth asking again. */
  private static final List<String> STARTING =
      List.of(
          CheckpointFailureReason.NOT_ALL_REQUIRED_TASKS_RUNNING.message(),
          CheckpointFailureReason.CHECKPOINT_DECLINED_TASK_NOT_READY.message());

  private final HttpClient http = HttpClient.newBuilder().connectTimeout(CONNECT).build();
  private final ObjectMapper json = new ObjectMapper();
  private final URI address;

  /**
   * A job of the cluster.
   *
   * @param state Flink's, for example RUNNING
   * @param startMillis when it was submitted, by the cluster's clock
   */
  record Job(String id, String name, String state, long startMillis) {
    /** The first submitted first. */
    static final Comparator<Job> OLDEST =
        Comparator.comparingLong(Job::startMillis).thenComparing(Job::id);

    /** Whether it has not ended and is not about to. */
    boolean isLive() {
      return switch (state) {
        case "INITIALIZING", "CREATED", "RUNNING", "RESTARTING", "FAILING" -> true;
        default -> false;
      };
    }

    /** Whether it can change no more. */
    boolean hasEnded() {
      return switch (state) {
        case "FINISHED", "CANCELED", "FAILED" -> true;
        default -> false;
      };
    }
  }

  /**
   * @param address for example http://127.0.0.1:8081
   */
  ClusterRest(URI address) {
    String text = address.toString();
    this.address = URI.create(text.endsWith("/") ? text.substring(0, text.length() - 1) : text);
  }

  URI address() {
    return address;
  }

  List<Job> jobs() throws IOException, InterruptedException {
    List<Job> jobs = new ArrayList<>();
    for (JsonNode job : get("/jobs/overview").path("jobs")) {
      jobs.add(
          new Job(
              job.path("jid").asText(),
              job.path("name").asText(),
              job.path("state").asText(),
              job.path("start-time").asLong()));
    }
    return jobs;
  }

  /** The oldest of the jobs of a name that have not ended and are not about to. */
  Optional<Job> liveJob(String name) throws IOException, InterruptedException {
    return jobs().stream().filter(job -> job.isLive() && job.name().equals(name)).min(Job.OLDEST);
  }

  /** Whether a job of a name is about to end: until then it has its transactions. */
  boolean isEnding(String name) throws IOException, InterruptedException {
    return jobs().stream()
        .anyMatch(job -> job.name().equals(name) && !job.isLive() && !job.hasEnded());
  }

  /** State, vertices and timestamps of a job. */
  JsonNode job(String id) throws IOException, InterruptedException {
    return get("/jobs/" + id);
  }

  JsonNode checkpoints(String id) throws IOException, InterruptedException {
    return get("/jobs/" + id + "/checkpoints");
  }

  /** The newest failure of a job, the first line of its root cause; empty: none is known yet. */
  Optional<String> failure(String id) throws IOException, InterruptedException {
    String trace =
        get("/jobs/" + id + "/exceptions")
            .path("exceptionHistory")
            .path("entries")
            .path(0)
            .path("stacktrace")
            .asText("");
    return trace
        .lines()
        .filter(line -> line.startsWith("Caused by: "))
        .reduce((first, second) -> second)
        .map(line -> line.substring("Caused by: ".length()))
        .or(() -> trace.lines().findFirst());
  }

  /** Metrics of a job itself. */
  Map<String, Double> jobMetrics(String id, String... names)
      throws IOException, InterruptedException {
    return values(get("/jobs/" + id + "/metrics?get=" + String.join(",", names)), "value");
  }

  /** Names of the metrics that any task of a vertex has. */
  List<String> metricNames(String id, String vertex) throws IOException, InterruptedException {
    List<String> names = new ArrayList<>();
    get(metrics(id, vertex)).forEach(metric -> names.add(metric.path("id").asText()));
    return names;
  }

  /** Sums of metrics over the tasks of a vertex. */
  Map<String, Double> metricSums(String id, String vertex, List<String> names)
      throws IOException, InterruptedException {
    Map<String, Double> sums = new HashMap<>();
    for (int from = 0; from < names.size(); from += METRICS_PER_REQUEST) {
      String some =
          names.subList(from, Math.min(names.size(), from + METRICS_PER_REQUEST)).stream()
              .collect(Collectors.joining(","));
      sums.putAll(values(get(metrics(id, vertex) + "?agg=sum&get=" + some), "sum"));
    }
    return sums;
  }

  void cancel(String id) throws IOException, InterruptedException {
    send(request("/jobs/" + id + "?mode=cancel").method("PATCH", BodyPublishers.noBody()));
  }

  /**
   * Ends a job with a savepoint, from which it goes on without a record lost or doubled. Asks again
   * while tasks of the job are still starting.
   *
   * @param directoryOrEmpty where the savepoint goes; empty: where the cluster puts them
   * @return the savepoint
   * @throws IOException when there is none after {@code timeout}, with the reason
   */
  String stop(String id, String directoryOrEmpty, Duration timeout)
      throws IOException, InterruptedException {
    Map<String, Object> body = new HashMap<>(Map.of("drain", false, "formatType", "NATIVE"));
    if (!directoryOrEmpty.isEmpty()) {
      body.put("targetDirectory", directoryOrEmpty);
    }
    long until = System.nanoTime() + timeout.toNanos();
    String refusal = "";
    while (System.nanoTime() < until) {
      Optional<JsonNode> operation = savepoint(id, body, until);
      if (operation.isEmpty()) {
        break;
      }
      if (operation.get().hasNonNull("location")) {
        return operation.get().path("location").asText();
      }
      refusal = rootCause(operation.get());
      if (STARTING.stream().noneMatch(refusal::contains)) {
        throw new IOException(refusal);
      }
      Thread.sleep(POLL_MILLIS);
    }
    throw new IOException(
        "no savepoint within "
            + timeout.toSeconds()
            + " s"
            + (refusal.isEmpty() ? "" : ": " + refusal));
  }

  /** Asks for a savepoint and waits for what becomes of it; empty when time is up. */
  private Optional<JsonNode> savepoint(String id, Map<String, Object> body, long until)
      throws IOException, InterruptedException {
    String trigger =
        send(request("/jobs/" + id + "/stop")
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofByteArray(json.writeValueAsBytes(body))))
            .path("request-id")
            .asText();
    while (System.nanoTime() < until) {
      JsonNode answer = get("/jobs/" + id + "/savepoints/" + trigger);
      if (answer.path("status").path("id").asText().equals("COMPLETED")) {
        return Optional.of(answer.path("operation"));
      }
      Thread.sleep(POLL_MILLIS);
    }
    return Optional.empty();
  }

  private static String rootCause(JsonNode operation) {
    return operation
        .path("failure-cause")
        .path("stack-trace")
        .asText("no reason is known")
        .lines()
        .reduce((first, second) -> second.startsWith("Caused by") ? second : first)
        .orElse("");
  }

  private static String metrics(String id, String vertex) {
    return "/jobs/" + id + "/vertices/" + vertex + "/subtasks/metrics";
  }

  private static Map<String, Double> values(JsonNode metrics, String field) {
    Map<String, Double> values = new HashMap<>();
    for (JsonNode metric : metrics) {
      double value = metric.path(field).asDouble(Double.NaN);
      if (Double.isFinite(value)) {
        values.put(metric.path("id").asText(), value);
      }
    }
    return values;
  }

  private JsonNode get(String path) throws IOException, InterruptedException {
    return send(request(path).GET());
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(address + path)).timeout(ANSWER);
  }

  private JsonNode send(HttpRequest.Builder builder) throws IOException, InterruptedException {
    HttpRequest request = builder.build();
    HttpResponse<byte[]> response = exchange(request);
    if (response.statusCode() >= 300) {
      throw new IOException(
          request.method() + " " + request.uri().getPath() + " answered " + response.statusCode());
    }
    return response.body().length == 0 ? json.createObjectNode() : json.readTree(response.body());
  }

  /**
   * A cluster takes requests a moment before it has somebody to answer them, after its start and
   * after a change of leader: 503, asked again.
   */
  private HttpResponse<byte[]> exchange(HttpRequest request)
      throws IOException, InterruptedException {
    long until = System.nanoTime() + ANSWER.toNanos();
    while (true) {
      try {
        HttpResponse<byte[]> response = http.send(request, BodyHandlers.ofByteArray());
        if (response.statusCode() != 503 || System.nanoTime() > until) {
          return response;
        }
      } catch (ConnectException e) {
        // the client gives it no message
        throw new IOException("no connection", e);
      }
      Thread.sleep(50);
    }
  }
}
