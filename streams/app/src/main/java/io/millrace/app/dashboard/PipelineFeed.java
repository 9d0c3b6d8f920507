package io.millrace.app.dashboard;

import io.millrace.app.dashboard.DashboardSnapshot.DeadLetterView;
import io.millrace.app.dashboard.DashboardSnapshot.DictionaryView;
import io.millrace.app.dashboard.DashboardSnapshot.PipelineView;
import io.millrace.app.dashboard.FeedSettings.FollowedPipeline;
import io.millrace.schema.Anomaly;
import io.millrace.schema.DeadLetter;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SparseCode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** What the page knows of one pipeline: its records in, a view out. Not thread-safe. */
final class PipelineFeed {
  private static final int MAX_DEAD_LETTERS = 50;
  private static final int MAX_REASONS = 32;
  private static final int MAX_PAGE_KEY_BYTES = 1024;
  private static final Set<Role> FEDERATED = EnumSet.range(Role.ROUNDS, Role.UPDATES);

  /** What a topic is to a pipeline. */
  enum Role {
    READINGS,
    CODES,
    ANOMALIES,
    DICTIONARIES,
    DEAD_LETTERS,
    BLOCKS,
    PAGES,
    BASES,
    ROUNDS,
    MODEL_VERSIONS,
    TASKS,
    ACCOUNTS,
    MODELS,
    UPDATES
  }

  private final FollowedPipeline pipeline;
  private final RecordDecoder<SensorReading> readings = new RecordDecoder<>(SensorReading.class);
  private final RecordDecoder<SparseCode> codes = new RecordDecoder<>(SparseCode.class);
  private final RecordDecoder<Anomaly> anomalies = new RecordDecoder<>(Anomaly.class);
  private final RecordDecoder<DictionaryVersion> slices =
      new RecordDecoder<>(DictionaryVersion.class);
  private final RecordDecoder<DeadLetter> refused = new RecordDecoder<>(DeadLetter.class);

  private final SensorTraces traces = new SensorTraces();
  private final DictionaryShelf shelf = new DictionaryShelf();
  private final RecentWindows windows = new RecentWindows();
  private final RunHistory history = new RunHistory();
  private final RecentRate rate = new RecentRate();
  private final Deque<DeadLetterView> deadLetters = new ArrayDeque<>();
  private final Map<String, Long> reasons = new TreeMap<>();
  private final Optional<CacheFeed> cache;
  private final Optional<FederatedFeed> federated;
  private final Observations observations;
  private long alarms;

  PipelineFeed(FollowedPipeline pipeline) {
    this(pipeline, Observations.NONE);
  }

  /**
   * @param observations what others make of the pipeline's output
   */
  PipelineFeed(FollowedPipeline pipeline, Observations observations) {
    this.pipeline = pipeline;
    this.observations = observations;
    this.cache =
        pipeline.cache().pages().isEmpty() ? Optional.empty() : Optional.of(new CacheFeed());
    this.federated =
        pipeline.federated().rounds().isEmpty()
            ? Optional.empty()
            : Optional.of(new FederatedFeed());
  }

  FollowedPipeline pipeline() {
    return pipeline;
  }

  /**
   * Takes a record of one of the topics; what cannot be read or shown is ignored.
   *
   * @param key bytes, may be null
   * @param value bytes, may be null; not modified
   * @param nowMillis clock
   */
  void accept(Role role, byte[] key, byte[] value, long nowMillis) {
    if (role == Role.DEAD_LETTERS) {
      refused.decode(value).ifPresent(this::deadLetter);
      return;
    }
    if (role == Role.DICTIONARIES) {
      slices.decode(value).ifPresent(shelf::accept);
      return;
    }
    if (role == Role.BLOCKS || role == Role.PAGES || role == Role.BASES) {
      cache.ifPresent(feed -> cacheRecord(feed, role, key, value));
      return;
    }
    if (FEDERATED.contains(role)) {
      federated.ifPresent(feed -> federatedRecord(feed, role, value));
      return;
    }
    if (key == null || key.length == 0 || key.length > SensorTraces.MAX_KEY_BYTES) {
      return;
    }
    String name = PrintableText.of(ByteBuffer.wrap(key), SensorTraces.MAX_KEY_BYTES);
    switch (role) {
      case READINGS ->
          readings
              .decode(value)
              .ifPresent(
                  reading ->
                      traces
                          .of(name, reading.getValues().size(), nowMillis)
                          .ifPresent(trace -> trace.reading(reading)));
      case CODES ->
          codes.decode(value).ifPresent(code -> code(name, code, value.length, nowMillis));
      case ANOMALIES ->
          anomalies
              .decode(value)
              .ifPresent(
                  anomaly -> {
                    alarms++;
                    traces.existing(name).ifPresent(trace -> trace.anomaly(anomaly));
                  });
      default -> throw new IllegalStateException("topic role " + role + " is not handled");
    }
  }

  private static void federatedRecord(FederatedFeed feed, Role role, byte[] value) {
    switch (role) {
      case ROUNDS -> feed.round(value);
      case MODEL_VERSIONS -> feed.version(value);
      case TASKS -> feed.task(value);
      case ACCOUNTS -> feed.account(value);
      case UPDATES -> feed.update(value);
      default -> feed.chunk(value);
    }
  }

  /** Whether a topic of large records has told all that it is read for. */
  boolean knowsEnoughOf(Role role) {
    return federated
        .map(feed -> role == Role.MODELS ? feed.knowsLengths() : feed.knowsSizes())
        .orElse(true);
  }

  private static void cacheRecord(CacheFeed feed, Role role, byte[] key, byte[] value) {
    if (role == Role.PAGES) {
      if (key != null && key.length <= MAX_PAGE_KEY_BYTES) {
        feed.page(new String(key, StandardCharsets.UTF_8), value);
      }
    } else if (role == Role.BLOCKS) {
      feed.input(value);
    } else {
      feed.basis(value);
    }
  }

  private void code(String name, SparseCode code, int bytes, long nowMillis) {
    windows.window(code.getResidual(), code.getAtoms().size());
    traces
        .of(name, code.getMean().size(), nowMillis)
        .ifPresent(
            trace -> {
              long values = trace.code(code);
              if (values > 0) {
                windows.size(values, bytes);
              }
            });
  }

  private void deadLetter(DeadLetter letter) {
    String reason = PrintableText.of(letter.getReason(), 40);
    if (reasons.containsKey(reason) || reasons.size() < MAX_REASONS) {
      reasons.merge(reason, 1L, Long::sum);
    }
    deadLetters.addFirst(
        new DeadLetterView(
            letter.getTimeMillis(),
            reason,
            PrintableText.of(letter.getMessage(), 300),
            PrintableText.of(letter.getTopic(), 120),
            letter.getPartition(),
            letter.getOffset(),
            letter.getKey() == null ? "" : PrintableText.of(letter.getKey(), 64),
            letter.getValueBytes()));
    if (deadLetters.size() > MAX_DEAD_LETTERS) {
      deadLetters.removeLast();
    }
  }

  /**
   * Closes an interval and shows what is known now.
   *
   * @param nowMillis clock
   * @param engine that runs the pipeline
   * @param counts of the pipeline
   */
  PipelineView tick(long nowMillis, String engine, PipelineCounters.Counts counts) {
    traces.restore(shelf);
    double recordsPerSecond = rate.sample(nowMillis, counts.recordsIn());
    history.sample(
        nowMillis,
        recordsPerSecond,
        counts.lagRecords(),
        windows.intervalRelativeError(),
        windows.intervalAtomsPerWindow(),
        counts.stateBytes());
    windows.beginInterval();
    List<DictionaryView> dictionaries = shelf.view();
    Map<String, Long> shownReasons =
        Collections.unmodifiableMap(
            new TreeMap<>(counts.deadLetters().isEmpty() ? reasons : counts.deadLetters()));
    return new PipelineView(
        pipeline.name(),
        pipeline.family(),
        engine,
        counts.recordsIn(),
        counts.recordsOut(),
        recordsPerSecond,
        counts.lagRecords(),
        shownReasons.values().stream().mapToLong(Long::longValue).sum(),
        shownReasons,
        windows.compressionRatio(),
        windows.relativeError(),
        windows.atomsPerWindow(),
        dictionaries.stream().mapToInt(DictionaryView::atomsInUse).sum(),
        dictionaries.stream().mapToInt(DictionaryView::atomCount).sum(),
        alarms,
        shelf.versionsSeen(),
        counts.stateBytes(),
        counts.keys(),
        counts.restarts(),
        counts.checkpoints(),
        pipeline.inputTopic(),
        pipeline.outputTopics(),
        history.view(),
        dictionaries,
        traces.view(),
        new ArrayList<>(deadLetters),
        cache.map(feed -> feed.view(observations.continuation().get())),
        federated.map(feed -> feed.view(observations.evaluation().get())));
  }
}
