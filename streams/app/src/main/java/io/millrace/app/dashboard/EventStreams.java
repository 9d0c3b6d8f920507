package io.millrace.app.dashboard;

import io.javalin.http.Context;
import io.javalin.http.Handler;
import io.javalin.http.HttpStatus;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Server-sent events: each viewer's request thread writes the newest snapshot, waits, and writes
 * the then newest. Nothing is queued: a slow viewer misses snapshots, and one that takes nothing is
 * cut off by the connection's idle timeout, when its write fails.
 */
final class EventStreams implements Handler {
  private static final byte[] DATA = "data: ".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] END = "\n\n".getBytes(StandardCharsets.US_ASCII);

  private final Supplier<DashboardSnapshot> snapshots;
  private final SnapshotJson json;
  private final Duration period;
  private final Semaphore places;
  private final CountDownLatch closing;

  EventStreams(
      Supplier<DashboardSnapshot> snapshots,
      SnapshotJson json,
      Duration period,
      int maxStreams,
      CountDownLatch closing) {
    this.snapshots = snapshots;
    this.json = json;
    this.period = period;
    this.places = new Semaphore(maxStreams);
    this.closing = closing;
  }

  @Override
  public void handle(Context ctx) throws InterruptedException {
    if (!places.tryAcquire()) {
      ctx.status(HttpStatus.SERVICE_UNAVAILABLE)
          .header("Retry-After", "5")
          .contentType("text/plain")
          .result("Too many viewers\n");
      return;
    }
    try {
      stream(ctx);
    } catch (IOException left) {
      // The viewer went away or was too slow; there is nobody to tell.
    } finally {
      places.release();
    }
  }

  private void stream(Context ctx) throws IOException, InterruptedException {
    String pipeline = Optional.ofNullable(ctx.queryParam("pipeline")).orElse("");
    String sensor = Optional.ofNullable(ctx.queryParam("sensor")).orElse("");
    ctx.res().setContentType("text/event-stream");
    ctx.res().setCharacterEncoding("UTF-8");
    ctx.res().setHeader("Cache-Control", "no-store");
    ctx.res().setHeader("X-Accel-Buffering", "no");
    OutputStream out = ctx.res().getOutputStream();
    do {
      out.write(DATA);
      out.write(json.write(snapshots.get().focusedOn(pipeline, sensor)));
      out.write(END);
      out.flush();
    } while (!closing.await(period.toMillis(), TimeUnit.MILLISECONDS));
  }
}
