package io.millrace.app.dashboard;

import io.javalin.Javalin;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.HttpStatus;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.function.Supplier;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/**
 * Serves the page and its events, the metrics and a health check:
 *
 * <pre>
 * /              the page            /api/snapshot  everything, JSON
 * /assets/NAME   its parts           /api/events    server-sent events; ?pipeline= and &amp;sensor=
 * /metrics       Prometheus text     /healthz       ok: the process lives
 *                                    /readyz        ok once the pipelines run, 503 before
 * </pre>
 *
 * <p>Read-only: there is nothing to post. Bound to a loopback address it answers only to loopback
 * names, so that a foreign page cannot read it by pointing its own name here (DNS rebinding).
 */
public final class DashboardServer implements AutoCloseable {
  private final Javalin javalin;
  private final CountDownLatch closing = new CountDownLatch(1);
  private volatile boolean ready;
  private final String host;

  /**
   * Where and how to serve.
   *
   * @param host address to bind
   * @param port to bind; 0: any that is free
   * @param eventPeriod between events
   * @param maxEventStreams open at once; each holds a thread
   * @param idleTimeout after which a viewer that takes nothing is dropped
   */
  public record Settings(
      String host, int port, Duration eventPeriod, int maxEventStreams, Duration idleTimeout) {
    /**
     * Loopback, two events a second, 16 viewers.
     *
     * @param port to bind; 0: any that is free
     */
    public static Settings onLoopback(int port) {
      return new Settings("127.0.0.1", port, Duration.ofMillis(500), 16, Duration.ofSeconds(20));
    }
  }

  private DashboardServer(
      Settings settings, Supplier<DashboardSnapshot> snapshots, PrometheusMeterRegistry metrics) {
    host = settings.host();
    PageFiles files = new PageFiles();
    SnapshotJson json = new SnapshotJson();
    EventStreams events =
        new EventStreams(
            snapshots, json, settings.eventPeriod(), settings.maxEventStreams(), closing);
    RequestGuard guard = new RequestGuard(host);
    javalin =
        Javalin.create(
            config -> {
              configure(config, settings);
              config.routes.before(guard);
              config.routes.get("/", files::page);
              config.routes.get("/assets/{name}", files::asset);
              config.routes.get("/api/snapshot", ctx -> snapshot(ctx, json.write(snapshots.get())));
              config.routes.get("/api/events", events);
              config.routes.get("/metrics", ctx -> scrape(ctx, metrics));
              config.routes.get("/healthz", ctx -> ctx.result("ok\n"));
              config.routes.get("/readyz", this::readiness);
              config.routes.error(404, ctx -> ctx.contentType("text/plain").result("Not found\n"));
            });
  }

  /**
   * Starts to serve.
   *
   * @param settings where and how
   * @param snapshots newest snapshot, called by any thread
   * @param metrics to expose
   * @throws io.javalin.util.JavalinBindException when the port is taken
   */
  public static DashboardServer start(
      Settings settings, Supplier<DashboardSnapshot> snapshots, PrometheusMeterRegistry metrics) {
    DashboardServer server = new DashboardServer(settings, snapshots, metrics);
    server.javalin.start();
    return server;
  }

  private static void configure(JavalinConfig config, Settings settings) {
    config.startup.showJavalinBanner = false;
    config.startup.showOldJavalinVersionWarning = false;
    config.startup.startupWatcherEnabled = false;
    config.http.maxRequestSize = 1024;
    QueuedThreadPool threads = new QueuedThreadPool(settings.maxEventStreams() + 16, 4);
    threads.setName("dashboard-http");
    threads.setDaemon(true);
    config.jetty.threadPool = threads;
    config.jetty.modifyHttpConfiguration(http -> http.setSendServerVersion(false));
    config.jetty.addConnector((server, http) -> connector(server, http, settings));
  }

  private static ServerConnector connector(
      Server server, HttpConfiguration http, Settings settings) {
    ServerConnector connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory(http));
    connector.setHost(settings.host());
    connector.setPort(settings.port());
    connector.setIdleTimeout(settings.idleTimeout().toMillis());
    return connector;
  }

  private static void snapshot(Context ctx, byte[] json) {
    ctx.contentType("application/json").header("Cache-Control", "no-store").result(json);
  }

  private static void scrape(Context ctx, PrometheusMeterRegistry metrics) {
    ctx.status(HttpStatus.OK)
        .contentType("text/plain; version=0.0.4; charset=utf-8")
        .header("Cache-Control", "no-store")
        .result(metrics.scrape());
  }

  private void readiness(Context ctx) {
    ctx.status(ready ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE)
        .contentType("text/plain")
        .result(ready ? "ok\n" : "starting\n");
  }

  /** Says from now on that the pipelines run. */
  public void ready() {
    ready = true;
  }

  /** Where the page is. */
  public URI url() {
    String name = host.contains(":") ? "[" + host + "]" : host;
    return URI.create("http://" + name + ":" + javalin.port() + "/");
  }

  /** Ends open event streams and stops serving. */
  @Override
  public void close() {
    closing.countDown();
    javalin.stop();
  }
}
