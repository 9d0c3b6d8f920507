package io.millrace.app.federated;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.javalin.Javalin;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import io.javalin.http.HttpStatus;
import io.millrace.app.dashboard.RequestGuard;
import io.millrace.app.federated.GatewayIntake.Outcome;
import io.millrace.app.federated.GatewayIntake.Refusal;
import io.millrace.app.federated.GatewayShelf.Kind;
import io.millrace.operator.federated.FederatedKeys;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/**
 * The way in for clients that cannot speak Kafka. Bodies are the records themselves, Avro in
 * single-object encoding, as {@code application/octet-stream}:
 *
 * <pre>
 * POST /models/M/requests                  TaskRequest
 * POST /models/M/chunks/I                  UpdateChunk I
 * POST /models/M/commits                   ClientCommit
 * POST /models/M/masks                     MaskKeys, MaskShares or MaskReveal
 *                                          202: sent; 200: the same was sent before
 * GET  /models/M/clients/C/offer           the newest TaskOffer
 * GET  /models/M/clients/C/outcome         the newest UpdateOutcome
 * GET  /models/M/clients/C/memories/I      ClientMemory of chunk I
 * GET  /models/M/clients/C/shares          the newest MaskDelivery
 * GET  /models/M/cohort, .../survivors     the newest MaskCohort, the newest MaskSurvivors
 * GET  /models/M/versions/V                VersionCommit
 * GET  /models/M/versions/V/chunks/I       ModelChunk
 * GET  /models/M/plan                      the newest CodecPlan
 * GET  /healthz, /readyz                   the process lives; the topics have been read once
 * </pre>
 *
 * <p>Errors are JSON, {"error": "..."}: 400 for what is no such record, 404 for what is not there
 * (yet), 409 for other bytes under a task than before, 413 for a body beyond the bound, 502 when
 * Kafka does not take it; 503 to reads before all topics have been read once.
 *
 * <p>It only produces: whether an update counts is decided by the aggregator, by the task's
 * authenticator and the commit's signature. There are no passwords: bound to a loopback address it
 * answers only to loopback names; on any other address whoever reaches it may read the models.
 */
final class GatewayServer implements AutoCloseable {
  /** Below Kafka's default bound of a record, with room for its key and batch. */
  static final int MAXIMUM_BODY_BYTES = 1_040_000;

  private static final int THREADS = 16;

  private final String host;
  private final int port;
  private final GatewayIntake intake;
  private final GatewayShelf shelf;
  private final ObjectMapper mapper = new ObjectMapper();
  private final Javalin javalin;

  private GatewayServer(
      String host, int port, GatewayIntake intake, GatewayShelf shelf, BooleanSupplier ready) {
    this.host = host;
    this.port = port;
    this.intake = intake;
    this.shelf = shelf;
    RequestGuard guard = new RequestGuard(host);
    javalin =
        Javalin.create(
            config -> {
              configure(config);
              config.routes.before(guard);
              config.routes.before("/models/*", ctx -> requireReady(ctx, ready));
              config.routes.post(
                  "/models/{model}/requests",
                  ctx -> taken(ctx, intake.request(model(ctx), body(ctx))));
              config.routes.post(
                  "/models/{model}/chunks/{chunk}",
                  ctx ->
                      taken(ctx, intake.chunk(model(ctx), (int) number(ctx, "chunk"), body(ctx))));
              config.routes.post(
                  "/models/{model}/commits",
                  ctx -> taken(ctx, intake.commit(model(ctx), body(ctx))));
              config.routes.post(
                  "/models/{model}/masks", ctx -> taken(ctx, intake.masks(model(ctx), body(ctx))));
              reads(config);
              maskReads(config);
              config.routes.get("/healthz", ctx -> ctx.result("ok\n"));
              config.routes.get("/readyz", ctx -> readiness(ctx, ready.getAsBoolean()));
              config.routes.error(404, "text/plain", ctx -> {});
              config.routes.exception(Refusal.class, this::refuse);
              config.routes.exception(
                  IllegalStateException.class,
                  (e, ctx) -> refuse(new Refusal(502, e.getMessage()), ctx));
            });
  }

  /**
   * Starts to serve.
   *
   * @param port 0: any that is free
   * @param shelf that somebody fills
   * @param ready whether it has been filled once, asked by any thread
   * @throws io.javalin.util.JavalinBindException when the port is taken
   */
  static GatewayServer start(
      String host, int port, GatewayIntake intake, GatewayShelf shelf, BooleanSupplier ready) {
    GatewayServer server = new GatewayServer(host, port, intake, shelf, ready);
    server.javalin.start();
    return server;
  }

  private void reads(JavalinConfig config) {
    config.routes.get(
        "/models/{model}/clients/{client}/offer",
        ctx -> found(ctx, shelf.find(Kind.TASK, client(ctx))));
    config.routes.get(
        "/models/{model}/clients/{client}/outcome",
        ctx -> found(ctx, shelf.find(Kind.OUTCOME, client(ctx))));
    config.routes.get(
        "/models/{model}/clients/{client}/memories/{chunk}",
        ctx ->
            found(
                ctx,
                shelf.find(
                    Kind.MEMORY,
                    FederatedKeys.clientChunk(
                        model(ctx), name(ctx, "client"), (int) number(ctx, "chunk")))));
    config.routes.get(
        "/models/{model}/versions/{version}",
        ctx ->
            found(
                ctx,
                shelf.find(
                    Kind.VERSION, FederatedKeys.version(model(ctx), number(ctx, "version")))));
    config.routes.get(
        "/models/{model}/versions/{version}/chunks/{chunk}",
        ctx ->
            found(
                ctx,
                shelf.findChunk(
                    FederatedKeys.modelChunk(
                        model(ctx), number(ctx, "version"), (int) number(ctx, "chunk")))));
    config.routes.get(
        "/models/{model}/plan", ctx -> found(ctx, shelf.find(Kind.VERSION, model(ctx) + "/plan")));
  }

  /** What clients of masked rounds read. */
  private void maskReads(JavalinConfig config) {
    config.routes.get(
        "/models/{model}/cohort",
        ctx -> found(ctx, shelf.find(Kind.TASK, FederatedKeys.cohort(model(ctx)))));
    config.routes.get(
        "/models/{model}/survivors",
        ctx -> found(ctx, shelf.find(Kind.TASK, FederatedKeys.survivors(model(ctx)))));
    config.routes.get(
        "/models/{model}/clients/{client}/shares",
        ctx ->
            found(
                ctx, shelf.find(Kind.TASK, FederatedKeys.shares(model(ctx), name(ctx, "client")))));
  }

  private void configure(JavalinConfig config) {
    config.startup.showJavalinBanner = false;
    config.startup.showOldJavalinVersionWarning = false;
    config.startup.startupWatcherEnabled = false;
    config.http.maxRequestSize = MAXIMUM_BODY_BYTES;
    QueuedThreadPool threads = new QueuedThreadPool(THREADS, 4);
    threads.setName("gateway-http");
    threads.setDaemon(true);
    config.jetty.threadPool = threads;
    config.jetty.modifyHttpConfiguration(http -> http.setSendServerVersion(false));
    config.jetty.addConnector(this::connector);
  }

  private ServerConnector connector(Server server, HttpConfiguration http) {
    ServerConnector connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory(http));
    connector.setHost(host);
    connector.setPort(port);
    connector.setIdleTimeout(20_000);
    return connector;
  }

  private static void taken(Context ctx, Outcome outcome) {
    ctx.status(outcome == Outcome.SENT ? HttpStatus.ACCEPTED : HttpStatus.OK);
  }

  private static void found(Context ctx, Optional<byte[]> record) {
    byte[] bytes = record.orElseThrow(() -> new Refusal(404, "there is no such record"));
    ctx.contentType("application/octet-stream").header("Cache-Control", "no-store").result(bytes);
  }

  /** A page in a browser can post plain text or forms to any address, but not this type. */
  private static byte[] body(Context ctx) {
    String type = ctx.contentType();
    if (type == null || !type.equals("application/octet-stream")) {
      throw new Refusal(415, "content type is " + type + ", expected application/octet-stream");
    }
    return ctx.bodyAsBytes();
  }

  private static String model(Context ctx) {
    return name(ctx, "model");
  }

  private static String client(Context ctx) {
    return FederatedKeys.client(model(ctx), name(ctx, "client"));
  }

  private static String name(Context ctx, String parameter) {
    String name = ctx.pathParam(parameter);
    if (!FederatedKeys.isName(name)) {
      throw new Refusal(400, parameter + " in the path is no name");
    }
    return name;
  }

  /** A whole number; a chunk's is below the most chunks there are. */
  private static long number(Context ctx, String parameter) {
    String text = ctx.pathParam(parameter);
    long most = parameter.equals("chunk") ? FederatedKeys.MOST_CHUNKS - 1 : 9_999_999_999_999_999L;
    if (!text.matches("[0-9]{1,16}") || Long.parseLong(text) > most) {
      throw new Refusal(400, parameter + " in the path is not a whole number up to " + most);
    }
    return Long.parseLong(text);
  }

  /** An offer of an ended round looks like the newest one until all topics have been read. */
  private static void requireReady(Context ctx, BooleanSupplier ready) {
    if (ctx.method() == HandlerType.GET && !ready.getAsBoolean()) {
      throw new Refusal(503, "the topics are still being read");
    }
  }

  private static void readiness(Context ctx, boolean ready) {
    ctx.status(ready ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE)
        .contentType("text/plain")
        .result(ready ? "ok\n" : "starting\n");
  }

  private void refuse(Refusal refusal, Context ctx) {
    try {
      ctx.status(refusal.status())
          .contentType("application/json")
          .header("Cache-Control", "no-store")
          .result(mapper.writeValueAsBytes(new TreeMap<>(Map.of("error", refusal.getMessage()))));
    } catch (JsonProcessingException impossible) {
      throw new UncheckedIOException(impossible);
    }
  }

  /** Where it serves. */
  URI url() {
    String name = host.contains(":") ? "[" + host + "]" : host;
    return URI.create("http://" + name + ":" + javalin.port() + "/");
  }

  /** Stops serving. */
  @Override
  public void close() {
    javalin.stop();
  }
}
