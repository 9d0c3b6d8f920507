package io.millrace.client;

import io.millrace.client.OutgoingRecord.Channel;
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
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A client behind the HTTP gateway. Asks for offers now and then, and learns what became of its
 * updates from the versions and from the newest outcome. One thread.
 */
public final class GatewayTransport implements FederationTransport {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final long PAUSE_MILLIS = 500;
  private static final int NOT_FOUND = 404;
  private static final int UNAVAILABLE = 503;
  private static final long RETRY_MILLIS = 200;

  private final URI gateway;
  private final String model;
  private final String client;
  private final HttpClient http = HttpClient.newBuilder().connectTimeout(TIMEOUT).build();
  private final VersionLog versions = new VersionLog();
  private long lastSequence = -1;
  private List<Integer> lastMissing = List.of();
  private long nextVersion = -1;

  /**
   * @param gateway address, for example http://127.0.0.1:8391/
   * @param client whose records are carried
   */
  public GatewayTransport(URI gateway, ClientSettings client) {
    this.gateway = gateway;
    this.model = client.model();
    this.client = client.client();
  }

  @Override
  public void send(List<OutgoingRecord> records) {
    for (OutgoingRecord record : records) {
      HttpResponse<byte[]> answer =
          exchange(
              HttpRequest.newBuilder(gateway.resolve(path(record)))
                  .header("Content-Type", "application/octet-stream")
                  .POST(BodyPublishers.ofByteArray(record.value())));
      if (answer.statusCode() / 100 != 2) {
        throw new IllegalStateException(
            "the gateway answers " + answer.statusCode() + " to " + path(record));
      }
    }
  }

  private String path(OutgoingRecord record) {
    if (record.channel() == Channel.UPDATES) {
      return "models/" + model + "/chunks/" + record.chunk();
    }
    String place =
        switch (SingleObject.recordName(record.value())) {
          case "ClientCommit" -> "/commits";
          case "TaskRequest" -> "/requests";
          default -> "/masks";
        };
    return "models/" + model + place;
  }

  /** An offer that has been returned comes again only with other chunks missing. */
  @Override
  public Optional<TaskOffer> offer(FederatedClient asking, Duration wait) {
    long deadline = System.nanoTime() + wait.toNanos();
    while (true) {
      Optional<TaskOffer> offer =
          get("clients/" + client + "/offer").map(SingleObject.of(TaskOffer.class)::decode);
      if (offer.isPresent() && isNew(offer.get())) {
        lastSequence = offer.get().getTask().getSequence();
        lastMissing = List.copyOf(offer.get().getMissing());
        catchUp(asking, offer.get().getTask().getBaseVersion());
        return offer;
      }
      masks(asking.masks());
      long left = deadline - System.nanoTime();
      if (left <= 0 || asking.masks().isDue()) {
        return Optional.empty();
      }
      pause(Math.min(PAUSE_MILLIS, left / 1_000_000 + 1));
    }
  }

  /** What a masked round says; the same again is nothing new to it. */
  private void masks(ClientMasks masks) {
    if (masks.isOpen()) {
      get("cohort").map(SingleObject.of(MaskCohort.class)::decode).ifPresent(masks::accept);
      get("clients/" + client + "/shares")
          .map(SingleObject.of(MaskDelivery.class)::decode)
          .ifPresent(masks::accept);
      get("survivors").map(SingleObject.of(MaskSurvivors.class)::decode).ifPresent(masks::accept);
    }
  }

  private boolean isNew(TaskOffer offer) {
    return offer.getTask().getSequence() != lastSequence || !offer.getMissing().equals(lastMissing);
  }

  /**
   * Versions up to the base, from the first that this has not seen; at the start the base alone.
   */
  private void catchUp(FederatedClient asking, long base) {
    SingleObject<VersionCommit> codec = SingleObject.of(VersionCommit.class);
    for (long version = nextVersion < 0 ? base : nextVersion; version <= base; version++) {
      get("versions/" + version)
          .map(codec::decode)
          .ifPresent(
              commit -> {
                versions.accept(commit);
                asking.accept(commit);
              });
    }
    nextVersion = Math.max(nextVersion, base + 1);
    get("clients/" + client + "/outcome")
        .map(SingleObject.of(UpdateOutcome.class)::decode)
        .ifPresent(asking::accept);
  }

  @Override
  public ModelVersion model(TaskOffer offer, Duration wait) {
    long version = offer.getTask().getBaseVersion();
    if (versions.version(version).isEmpty()) {
      get("versions/" + version)
          .map(SingleObject.of(VersionCommit.class)::decode)
          .ifPresent(versions::accept);
    }
    VersionCommit commit =
        versions
            .version(version)
            .filter(found -> found.getVersion() == version && found.getModel().equals(model))
            .orElseThrow(
                () -> new IllegalStateException("version " + version + " has no commit yet"));
    ModelAssembly assembly =
        new ModelAssembly(commit, offer.getSchemaHash(), offer.getChunkCount());
    SingleObject<ModelChunk> codec = SingleObject.of(ModelChunk.class);
    for (int chunk = 0; chunk < offer.getChunkCount(); chunk++) {
      get("versions/" + version + "/chunks/" + chunk)
          .map(codec::decode)
          .ifPresent(assembly::accept);
    }
    return assembly.version();
  }

  @Override
  public List<ClientMemory> memories(FederatedClient asking) {
    SingleObject<ClientMemory> codec = SingleObject.of(ClientMemory.class);
    List<ClientMemory> memories = new ArrayList<>();
    // without a memory of the first chunk there is none of any
    for (int chunk = 0; chunk < FederatedKeys.MOST_CHUNKS; chunk++) {
      Optional<ClientMemory> memory =
          get("clients/" + client + "/memories/" + chunk).map(codec::decode);
      if (memory.isEmpty()) {
        break;
      }
      memories.add(memory.get());
    }
    return memories;
  }

  @Override
  public Optional<CodecPlan> plan(long version) {
    return get("plan")
        .map(SingleObject.of(CodecPlan.class)::decode)
        .filter(plan -> plan.getVersion() == version);
  }

  private Optional<byte[]> get(String path) {
    HttpResponse<byte[]> answer =
        exchange(HttpRequest.newBuilder(gateway.resolve("models/" + model + "/" + path)).GET());
    if (answer.statusCode() == NOT_FOUND) {
      return Optional.empty();
    }
    if (answer.statusCode() != 200) {
      throw new IllegalStateException("the gateway answers " + answer.statusCode() + " to " + path);
    }
    return Optional.of(answer.body());
  }

  /** Waits for a gateway that has just been started and still reads its topics. */
  private HttpResponse<byte[]> exchange(HttpRequest.Builder builder) {
    HttpRequest request = builder.timeout(TIMEOUT).build();
    long end = System.nanoTime() + TIMEOUT.toNanos();
    try {
      while (true) {
        HttpResponse<byte[]> answer = http.send(request, BodyHandlers.ofByteArray());
        if (answer.statusCode() != UNAVAILABLE || System.nanoTime() - end >= 0) {
          return answer;
        }
        Thread.sleep(RETRY_MILLIS);
      }
    } catch (IOException e) {
      throw new IllegalStateException("the gateway does not answer: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while the gateway was asked", e);
    }
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for an offer", e);
    }
  }

  @Override
  public void close() {}
}
