package io.millrace.app.bench;

import io.millrace.client.ClientIdentity;
import io.millrace.client.ClientSettings;
import io.millrace.client.ClientStore;
import io.millrace.client.ClientTopics;
import io.millrace.client.FederatedClient;
import io.millrace.client.ModelVersion;
import io.millrace.client.OutgoingRecord;
import io.millrace.client.RecordReader;
import io.millrace.client.RecordSender;
import io.millrace.client.TrainedModel;
import io.millrace.client.TrainingTask;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.VersionCommit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * The clients of one round: they ask for their tasks, make their updates before anything is
 * measured, and send them all at once. One thread.
 */
final class FederatedLoad implements AutoCloseable {
  static final String MODEL = "bench";

  private static final Duration POLL = Duration.ofMillis(5);
  private static final long MINUTES = 2;

  private final Shape shape;
  private final RecordSender sender;
  private final RecordReader reader;
  private final Map<String, FederatedClient> clients = new LinkedHashMap<>();
  private final TreeMap<String, TaskOffer> offers = new TreeMap<>();
  private final TreeMap<Long, VersionCommit> versions = new TreeMap<>();
  private final SingleObject<TaskOffer> tasks = SingleObject.of(TaskOffer.class);
  private final SingleObject<VersionCommit> commits = SingleObject.of(VersionCommit.class);
  private final ClientTopics topics;

  /**
   * Sizes of a round.
   *
   * @param clients whose updates make the version
   * @param chunks of the model
   * @param chunkLength numbers of a chunk
   */
  record Shape(int clients, int chunks, int chunkLength) {
    /** Chunks of all updates. */
    int records() {
      return clients * chunks;
    }

    /** Numbers of the model. */
    int length() {
      return chunks * chunkLength;
    }
  }

  FederatedLoad(String servers, ClientTopics topics, Shape shape) {
    this.shape = shape;
    this.topics = topics;
    Map<String, Object> kafka =
        Map.of("bootstrap.servers", servers, "linger.ms", 5, "batch.size", 1 << 19);
    sender = new RecordSender(kafka, topics);
    reader = new RecordReader(Map.of("bootstrap.servers", servers));
    reader.follow(topics.tasks(), true);
    reader.follow(topics.versions(), true);
    for (int i = 0; i < shape.clients(); i++) {
      String name = "client-" + i;
      clients.put(
          name,
          new FederatedClient(
              ClientSettings.of(MODEL, name, ClientIdentity.random()),
              FederatedLoad::train,
              ClientStore.inMemory()));
    }
  }

  /**
   * Asks for tasks, waits for all of them, and makes the updates.
   *
   * @return chunks and commits, client by client
   */
  List<OutgoingRecord> updates() {
    await(() -> versions.containsKey(0L), "version 0");
    List<OutgoingRecord> requests = new ArrayList<>();
    clients.values().forEach(client -> requests.add(client.request(0)));
    sender.send(requests);
    await(() -> offers.size() == clients.size(), "a task for every client");
    double[][] chunks = new double[shape.chunks()][shape.chunkLength()];
    double[][] controls = new double[shape.chunks()][0];
    ModelVersion model = new ModelVersion(versions.get(0L), chunks, controls);
    List<OutgoingRecord> updates = new ArrayList<>();
    clients.forEach(
        (name, client) ->
            updates.addAll(client.train(offers.get(name), model, List.of(), Optional.empty())));
    return updates;
  }

  /** Sends records and waits until they lie in their topics. */
  void send(List<OutgoingRecord> records) {
    sender.send(records);
  }

  /** Waits until the version that the updates make can be read. */
  void awaitVersion() {
    await(() -> versions.containsKey(1L), "version 1");
  }

  @Override
  public void close() {
    sender.close();
    reader.close();
  }

  private void await(BooleanSupplier there, String what) {
    long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(MINUTES);
    while (!there.getAsBoolean()) {
      if (System.nanoTime() - deadline > 0) {
        throw new IllegalStateException(what + " did not come in " + MINUTES + " minutes");
      }
      reader.poll(POLL, this::take);
    }
  }

  private void take(RecordReader.Received record) {
    if (record.value().length == 0) {
      return;
    }
    if (record.topic().equals(topics.tasks())) {
      TaskOffer offer = tasks.decode(record.value());
      offers.put(offer.getTask().getClient(), offer);
    } else if (record.key().startsWith(MODEL + '@')) {
      VersionCommit commit = commits.decode(record.value());
      versions.put(commit.getVersion(), commit);
    }
  }

  /** A step of small numbers that no other client's is like. */
  private static TrainedModel train(TrainingTask task) {
    Random random = new Random(task.sequence());
    double[] end = task.start().clone();
    for (int i = 0; i < end.length; i++) {
      end[i] += (random.nextFloat() - 0.5f) * 0.01f;
    }
    return new TrainedModel(end, 1, 1, Map.of());
  }
}
