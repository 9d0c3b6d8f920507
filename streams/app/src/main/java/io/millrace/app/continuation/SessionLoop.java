package io.millrace.app.continuation;

import io.millrace.app.dashboard.ContinuationView;
import io.millrace.app.dashboard.ContinuationView.TextView;
import io.millrace.app.dashboard.ContinuationView.WritingView;
import io.millrace.app.decoder.Decoder;
import io.millrace.app.decoder.DecoderWeights;
import io.millrace.app.decoder.HeadErrors;
import io.millrace.operator.kvcache.HeadGroupKey;
import io.millrace.operator.kvcache.HeadGroupPages;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.SessionEnd;
import io.millrace.schema.SingleObject;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Sessions written side by side into a pipeline's input, each followed by another, and every one
 * that has ended continued from its pages as soon as all of them are there. Two threads: a writer,
 * and a reader that sees nothing of a session but its pages, its names and how many tokens it had.
 * {@link #view} may be called by any.
 */
public final class SessionLoop implements AutoCloseable {
  private static final String TENANT = "demo";
  private static final String MODEL = "kjv";
  private static final String WEIGHTS = "hd64-f16";
  private static final int PROMPT = 96;
  private static final int LENGTH = 392;
  private static final int CONTINUED = 112;
  private static final int SHOWN_BEFORE = 160;
  private static final int SHOWN_TEXTS = 4;
  private static final int SHOWN_SESSIONS = 240;
  private static final int WAITING_SESSIONS = 16;

  /**
   * What to do.
   *
   * @param clientSettings of Kafka clients
   * @param input topic of blocks
   * @param pages topic of pages
   * @param bases topic of bases
   * @param sessions side by side
   * @param tokensPerSecond of each
   */
  public record Plan(
      Map<String, String> clientSettings,
      String input,
      String pages,
      String bases,
      int sessions,
      double tokensPerSecond) {}

  private final Plan plan;
  private final DecoderWeights weights = DecoderWeights.shipped();
  private final int[] heldOut = DecoderWeights.heldOutTokens();
  private final SingleObject<KeyValueBlock> blocks = SingleObject.of(KeyValueBlock.class);
  private final SingleObject<SessionEnd> ends = SingleObject.of(SessionEnd.class);
  private final HeadErrors errors = new HeadErrors(weights.shape());
  private final Deque<WritingSession> ended = new ArrayDeque<>();
  private final Deque<TextView> texts = new ArrayDeque<>();
  private final List<Double> running = new ArrayList<>();
  private final Thread writer = new Thread(() -> guarded(this::write), "decoder-writes");
  private final Thread reader = new Thread(() -> guarded(this::read), "decoder-reads");
  private List<WritingView> writing = List.of();
  private long continued;
  private long tokens;
  private double exactSum;
  private double addedSum;
  private String failure = "";
  private volatile boolean closing;

  private SessionLoop(Plan plan) {
    this.plan = plan;
  }

  /** Begins. */
  public static SessionLoop start(Plan plan) {
    SessionLoop loop = new SessionLoop(plan);
    loop.writer.setDaemon(true);
    loop.reader.setDaemon(true);
    loop.writer.start();
    loop.reader.start();
    return loop;
  }

  /** What there is to see. */
  public synchronized ContinuationView view() {
    return new ContinuationView(
        writing,
        continued,
        tokens,
        tokens == 0 ? Double.NaN : exactSum / tokens,
        tokens == 0 ? Double.NaN : addedSum / tokens,
        running.stream().mapToDouble(Double::doubleValue).toArray(),
        errors.errors(),
        List.copyOf(texts));
  }

  /** What ended a thread; empty while both run. */
  public synchronized String failure() {
    return failure;
  }

  private void guarded(Runnable work) {
    try {
      work.run();
    } catch (InterruptException stopped) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      synchronized (this) {
        failure = closing ? "" : e.toString();
      }
    }
  }

  private void write() {
    Decoder decoder = new Decoder(weights);
    Map<String, Object> settings = new HashMap<>(plan.clientSettings());
    settings.put(ProducerConfig.LINGER_MS_CONFIG, 10);
    settings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
      int begun = 0;
      WritingSession[] sessions = new WritingSession[plan.sessions()];
      long start = System.nanoTime();
      for (long round = 0; !closing; round++) {
        for (int i = 0; i < sessions.length; i++) {
          if (sessions[i] == null) {
            sessions[i] = begin(decoder, begun++, producer);
            // not all at the same place
            for (int ahead = 0; round == 0 && ahead < i * LENGTH / sessions.length; ahead++) {
              sessions[i].write(nowMicros());
            }
          }
          if (!sessions[i].write(nowMicros())) {
            end(sessions[i], producer);
            sessions[i] = null;
          }
        }
        show(sessions);
        sleepUntil(start + (long) (round * 1e9 / plan.tokensPerSecond()));
      }
    }
  }

  private WritingSession begin(
      Decoder decoder, int number, KafkaProducer<byte[], byte[]> producer) {
    HeadGroup names =
        new HeadGroup(
            TENANT,
            MODEL,
            WEIGHTS,
            String.format(Locale.ROOT, "s%04d", number),
            0,
            0,
            weights.shape().keyValueHeads(),
            weights.shape().headDimension());
    int from = (int) ((number * 7_919L + 1_000) % (heldOut.length - PROMPT));
    // a prompt begins with a word
    while (heldOut[from] != ' ' && heldOut[from] != '\n') {
      from = (from + 1) % (heldOut.length - PROMPT);
    }
    return new WritingSession(
        decoder,
        names,
        Arrays.copyOfRange(heldOut, from + 1, from + 1 + PROMPT),
        LENGTH,
        block -> send(producer, block.getGroup(), blocks.encode(block)));
  }

  private void end(WritingSession session, KafkaProducer<byte[], byte[]> producer) {
    for (int layer = 0; layer < weights.shape().layers(); layer++) {
      SessionEnd end = session.records().end(layer, nowMicros());
      send(producer, end.getGroup(), ends.encode(end));
    }
    synchronized (this) {
      ended.addLast(session);
      if (ended.size() > WAITING_SESSIONS) {
        ended.removeFirst();
      }
    }
  }

  private void send(KafkaProducer<byte[], byte[]> producer, HeadGroup group, byte[] value) {
    byte[] key = HeadGroupKey.of(group).getBytes(StandardCharsets.UTF_8);
    producer.send(new ProducerRecord<>(plan.input(), key, value));
  }

  private synchronized void show(WritingSession[] sessions) {
    writing =
        Arrays.stream(sessions)
            .filter(session -> session != null)
            .map(
                session ->
                    new WritingView(
                        session.records().group(0).getSession(),
                        session.tokens(),
                        Continuation.string(
                            session.text(), Math.max(0, session.tokens() - SHOWN_BEFORE))))
            .toList();
  }

  private void read() {
    Decoder decoder = new Decoder(weights);
    try (PageFollower follower =
        new PageFollower(plan.clientSettings(), plan.pages(), plan.bases())) {
      while (!closing) {
        follower.poll(Duration.ofMillis(100));
        Optional<WritingSession> session = oldest();
        if (session.isEmpty()) {
          continue;
        }
        List<HeadGroup> groups =
            IntStream.range(0, weights.shape().layers())
                .mapToObj(session.get().records()::group)
                .toList();
        Optional<List<HeadGroupPages>> pages = follower.session(groups, session.get().tokens());
        if (pages.isPresent()) {
          drop(session.get());
          Continuation result =
              Continuation.of(decoder, session.get(), follower, pages.get(), CONTINUED, errors);
          count(session.get(), result);
        }
      }
    }
  }

  private synchronized Optional<WritingSession> oldest() {
    return Optional.ofNullable(ended.peekFirst());
  }

  private synchronized void drop(WritingSession session) {
    ended.remove(session);
  }

  private synchronized void count(WritingSession session, Continuation result) {
    double exact = Arrays.stream(result.exactNats()).sum();
    double added = Arrays.stream(result.pagesNats()).sum() - exact;
    continued++;
    tokens += result.exactNats().length;
    exactSum += exact;
    addedSum += added;
    running.add(addedSum / tokens);
    if (running.size() > SHOWN_SESSIONS) {
      running.remove(0);
    }
    int inherited = session.tokens() - result.exactNats().length;
    texts.addFirst(
        new TextView(
            session.records().group(0).getSession(),
            Continuation.string(
                Arrays.copyOf(session.text(), inherited + 1), inherited + 1 - SHOWN_BEFORE),
            result.exactText(),
            result.pagesText(),
            result.agreed(),
            added / result.exactNats().length));
    if (texts.size() > SHOWN_TEXTS) {
      texts.removeLast();
    }
  }

  private static long nowMicros() {
    return System.currentTimeMillis() * 1000;
  }

  private void sleepUntil(long nanos) {
    long rest = nanos - System.nanoTime();
    if (rest > 0) {
      try {
        Thread.sleep(rest / 1_000_000, (int) (rest % 1_000_000));
      } catch (InterruptedException stopped) {
        closing = true;
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Stops both, within a few seconds. */
  @Override
  public void close() {
    closing = true;
    for (Thread thread : List.of(writer, reader)) {
      try {
        thread.join(5_000);
      } catch (InterruptedException stopped) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
