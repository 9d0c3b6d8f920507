package io.millrace.app.cohort;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.app.dashboard.CheckpointView;
import io.millrace.app.dashboard.PipelineCounters;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.IntSupplier;

/**
 * Counts of pipelines that run in another process, from the snapshot on its page. A process that
 * was killed counts from zero again: what it had counted before is added. While it is not there the
 * counts stay as they were. For the feed's thread.
 */
public final class AggregatorCounters implements PipelineCounters {
  private static final Duration PATIENCE = Duration.ofMillis(1_500);

  private final HttpClient http = HttpClient.newBuilder().connectTimeout(PATIENCE).build();
  private final ObjectMapper json = new ObjectMapper();
  private final URI snapshot;
  private final IntSupplier restarts;
  private int lifeSeen;
  private Counts earlier = Counts.NONE;
  private Counts newest = Counts.NONE;

  /**
   * @param snapshot where it is
   * @param restarts how often the process was started again
   */
  public AggregatorCounters(URI snapshot, IntSupplier restarts) {
    this.snapshot = snapshot;
    this.restarts = restarts;
  }

  @Override
  public Counts of(String pipeline) {
    int life = restarts.getAsInt();
    if (life != lifeSeen) {
      lifeSeen = life;
      earlier = sum(earlier, newest);
      newest = kept(newest);
    }
    read(pipeline).ifPresent(counts -> newest = counts);
    Counts both = sum(earlier, newest);
    return new Counts(
        both.recordsIn(),
        both.recordsOut(),
        newest.lagRecords(),
        newest.stateBytes(),
        newest.keys(),
        both.restarts() + life,
        newest.checkpoints(),
        both.deadLetters());
  }

  /** What stays true of a process that has just ended. */
  private static Counts kept(Counts last) {
    return new Counts(
        0, 0, last.lagRecords(), last.stateBytes(), last.keys(), 0, last.checkpoints(), Map.of());
  }

  private static Counts sum(Counts a, Counts b) {
    Map<String, Long> refused = new TreeMap<>(a.deadLetters());
    b.deadLetters().forEach((reason, count) -> refused.merge(reason, count, Long::sum));
    return new Counts(
        a.recordsIn() + b.recordsIn(),
        a.recordsOut() + b.recordsOut(),
        0,
        0,
        0,
        a.restarts() + b.restarts(),
        Optional.empty(),
        refused);
  }

  private Optional<Counts> read(String pipeline) {
    try {
      String body =
          http.send(
                  HttpRequest.newBuilder(snapshot).timeout(PATIENCE).build(),
                  BodyHandlers.ofString())
              .body();
      for (JsonNode one : json.readTree(body).path("pipelines")) {
        if (one.path("name").asText().equals(pipeline)) {
          return Optional.of(counts(one));
        }
      }
      return Optional.empty();
    } catch (IOException notThere) {
      return Optional.empty();
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }

  private static Counts counts(JsonNode view) {
    Map<String, Long> refused = new TreeMap<>();
    view.path("deadLetterReasons")
        .properties()
        .forEach(entry -> refused.put(entry.getKey(), entry.getValue().asLong()));
    JsonNode checkpoints = view.path("checkpoints");
    return new Counts(
        view.path("recordsIn").asLong(),
        view.path("recordsOut").asLong(),
        view.path("lag").asLong(),
        view.path("stateBytes").asLong(),
        view.path("keys").asLong(),
        view.path("restarts").asLong(),
        checkpoints.isObject()
            ? Optional.of(
                new CheckpointView(
                    checkpoints.path("completed").asLong(),
                    checkpoints.path("failed").asLong(),
                    checkpoints.path("durationMillis").asLong(),
                    checkpoints.path("writtenBytes").asLong(),
                    checkpoints.path("stateBytes").asLong(),
                    checkpoints.path("ageMillis").asLong()))
            : Optional.empty(),
        refused);
  }
}
