package io.millrace.app.dashboard;

import io.millrace.app.dashboard.FederatedView.ClientView;
import io.millrace.app.dashboard.FederatedView.LineageView;
import io.millrace.app.dashboard.FederatedView.RejectionView;
import io.millrace.app.dashboard.FederatedView.RoundView;
import io.millrace.app.dashboard.FederatedView.VersionPoint;
import io.millrace.schema.CodecPlan;
import io.millrace.schema.Contribution;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.ModelPointer;
import io.millrace.schema.PrivacyAccount;
import io.millrace.schema.RoundStatus;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateOutcome;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What the page knows of one federated model. Bounded; not thread-safe. */
final class FederatedModelFeed {
  private static final int MOST_VERSIONS = 300;
  private static final int SHOWN_LINEAGE = 12;
  private static final int SHOWN_CLIENTS = 64;
  private static final int MOST_CLIENTS = 4_096;
  private static final int MOST_REJECTIONS = 40;
  private static final int MOST_REASONS = 32;
  private static final int NAME = 40;
  private static final int RULE = 100;
  private static final int SENTENCE = 300;
  private static final int STALENESS_BINS = 9;
  private static final int LINEAGE_BYTES = 16;
  private static final int ENOUGH_CHUNKS = 2_048;
  private static final String INCLUDED = "INCLUDED";
  private static final String CARRIED = "CARRIED";

  /** What is kept of a client. */
  private static final class Client {
    private long included;
    private long refused;
    private String outcome = "";
    private String message = "";
    private long staleness;
    private double epsilon = Double.NaN;
    private boolean exhausted;
  }

  /** Bytes of chunks seen; the last chunk of a model is shorter than the others. */
  private static final class Sample {
    private long bytes;
    private long chunks;

    void add(long more) {
      bytes += more;
      chunks++;
    }

    void clear() {
      bytes = 0;
      chunks = 0;
    }

    double mean() {
      return bytes / (double) chunks;
    }
  }

  private final Map<String, Client> clients = new TreeMap<>();
  private final TreeMap<Long, VersionPoint> points = new TreeMap<>();
  private final TreeMap<Long, LineageView> lineage = new TreeMap<>();
  private final Map<String, Long> weights = new TreeMap<>();
  private final Map<String, Long> reasons = new TreeMap<>();
  private final Deque<RejectionView> rejections = new ArrayDeque<>();
  private final long[] staleness = new long[STALENESS_BINS];
  private RoundView round = RoundView.NONE;
  private long pointer = -1;
  private String rule = "";
  private String codec = "";
  private long included;
  private long carried;
  private final Sample inner = new Sample();
  private final Sample last = new Sample();
  private double epsilon;
  private double delta;
  private int chunkCount;
  private long chunkLength;
  private long lastChunkLength;

  void status(RoundStatus status) {
    round =
        new RoundView(
            status.getRound(),
            status.getPhase().name(),
            status.getOffered(),
            status.getComplete(),
            status.getMinimum(),
            status.getTarget(),
            millis(status.getDeadlineMicros()),
            millis(status.getTimeMicros()));
  }

  void outcome(UpdateOutcome outcome) {
    String code = PrintableText.of(outcome.getOutcome(), NAME);
    Client client = client(outcome.getClient());
    client.outcome = code;
    client.message = PrintableText.of(outcome.getMessage(), SENTENCE);
    client.staleness = outcome.getStaleness();
    if (code.equals(INCLUDED)) {
      client.included++;
      included++;
      int bin = (int) Math.max(0, Math.min(STALENESS_BINS - 1, outcome.getStaleness()));
      staleness[bin]++;
    } else if (code.equals(CARRIED)) {
      carried++;
    } else {
      client.refused++;
      refuse(outcome, code);
    }
  }

  private void refuse(UpdateOutcome outcome, String code) {
    if (reasons.containsKey(code) || reasons.size() < MOST_REASONS) {
      reasons.merge(code, 1L, Long::sum);
    }
    rejections.addFirst(
        new RejectionView(
            millis(outcome.getTimeMicros()),
            PrintableText.of(outcome.getClient(), NAME),
            outcome.getSequence(),
            outcome.getRound(),
            code,
            PrintableText.of(outcome.getMessage(), SENTENCE)));
    if (rejections.size() > MOST_REJECTIONS) {
      rejections.removeLast();
    }
  }

  void version(VersionCommit commit) {
    long version = commit.getVersion();
    if (points.isEmpty() || version >= points.lastKey()) {
      rule = PrintableText.of(commit.getRule(), RULE);
      epsilon = commit.getEpsilon();
      delta = commit.getDelta();
      weights.clear();
      commit
          .getContributions()
          .forEach(
              one -> weights.merge(clientName(one.getClient()), (long) one.getWeight(), Long::sum));
    }
    Map<String, Double> measures = commit.getMeasures();
    points.put(
        version,
        new VersionPoint(
            version,
            commit.getOpenedMicros() <= 0
                ? Double.NaN
                : (commit.getTimeMicros() - commit.getOpenedMicros()) / 1e6,
            commit.getContributions().size(),
            commit.getRejected().size(),
            measures.getOrDefault("loss", Double.NaN),
            measures.getOrDefault("accuracy", Double.NaN),
            commit.getEpsilon()));
    if (points.size() > MOST_VERSIONS) {
      points.pollFirstEntry();
    }
    lineage.put(version, lineage(commit));
    if (lineage.size() > SHOWN_LINEAGE) {
      lineage.pollFirstEntry();
    }
  }

  private static LineageView lineage(VersionCommit commit) {
    ByteBuffer hash = commit.getLineage().duplicate();
    byte[] start = new byte[Math.min(LINEAGE_BYTES, hash.remaining())];
    hash.get(start);
    return new LineageView(
        commit.getVersion(),
        commit.getParent(),
        commit.getRound(),
        PrintableText.of(commit.getRule(), RULE),
        millis(commit.getTimeMicros()),
        commit.getContributions().stream()
            .map(Contribution::getClient)
            .map(FederatedModelFeed::clientName)
            .limit(SHOWN_CLIENTS)
            .toList(),
        commit.getRejected().size(),
        HexFormat.of().formatHex(start));
  }

  void pointer(ModelPointer newPointer) {
    pointer = newPointer.getVersion();
  }

  void plan(CodecPlan plan) {
    codec("plan " + plan.getVersion());
  }

  /** Under another codec updates have another size. */
  private void codec(String name) {
    if (!name.equals(codec)) {
      codec = name;
      inner.clear();
      last.clear();
    }
  }

  void account(PrivacyAccount account) {
    Client client = client(account.getClient());
    client.epsilon = account.getEpsilon();
    client.exhausted = account.getExhausted();
  }

  void task(TaskOffer offer) {
    codec(
        offer.getPlan() >= 0
            ? "plan " + offer.getPlan()
            : PrintableText.of(offer.getCodec(), NAME));
  }

  void chunk(ModelChunk chunk) {
    long length = chunk.getValues().remaining() / Math.max(1, chunk.getElementBytes());
    chunkCount = chunk.getChunkCount();
    if (chunk.getChunk() == chunkCount - 1) {
      lastChunkLength = length;
    } else {
      chunkLength = length;
    }
  }

  void update(UpdateChunk chunk) {
    Sample sample = chunk.getChunk() == chunk.getChunkCount() - 1 ? last : inner;
    sample.add(chunk.getPayload().remaining() + chunk.getSecond().remaining());
  }

  boolean knowsSize() {
    return last.chunks > 0 && inner.chunks + last.chunks >= ENOUGH_CHUNKS;
  }

  /** NaN: not known. */
  private double updateBytes() {
    if (!knowsLength()) {
      return Double.NaN;
    }
    return chunkCount == 1 ? last.mean() : (chunkCount - 1.0) * inner.mean() + last.mean();
  }

  boolean knowsLength() {
    return lastChunkLength > 0 && (chunkCount == 1 || chunkLength > 0);
  }

  private Client client(String name) {
    String shown = clientName(name);
    Client known = clients.get(shown);
    if (known != null) {
      return known;
    }
    Client made = new Client();
    if (clients.size() < MOST_CLIENTS) {
      clients.put(shown, made);
    }
    return made;
  }

  private static String clientName(String name) {
    return PrintableText.of(name, NAME);
  }

  private static long millis(long micros) {
    return micros < 0 ? -1 : micros / 1_000;
  }

  FederatedView view(String model, List<String> models, Optional<EvaluationView> evaluation) {
    double length = knowsLength() ? (chunkCount - 1.0) * chunkLength + lastChunkLength : Double.NaN;
    return new FederatedView(
        model,
        models,
        round,
        points.isEmpty() ? -1 : points.lastKey(),
        pointer,
        rule,
        included,
        carried,
        new TreeMap<>(reasons),
        staleness.clone(),
        codec,
        updateBytes(),
        length * Float.BYTES,
        epsilon,
        delta,
        (int) clients.values().stream().filter(client -> client.exhausted).count(),
        List.copyOf(points.values()),
        List.copyOf(lineage.descendingMap().values()),
        clientViews(),
        new ArrayList<>(rejections),
        evaluation);
  }

  private List<ClientView> clientViews() {
    return clients.entrySet().stream()
        .limit(SHOWN_CLIENTS)
        .map(
            entry -> {
              Client client = entry.getValue();
              return new ClientView(
                  entry.getKey(),
                  client.included,
                  client.refused,
                  client.outcome,
                  client.message,
                  client.staleness,
                  weights.getOrDefault(entry.getKey(), 0L),
                  client.epsilon,
                  client.exhausted);
            })
        .toList();
  }
}
