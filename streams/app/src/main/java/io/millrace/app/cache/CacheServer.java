package io.millrace.app.cache;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.javalin.Javalin;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.HttpStatus;
import io.millrace.app.dashboard.RequestGuard;
import io.millrace.operator.kvcache.HeadGroupPages;
import io.millrace.schema.TensorKind;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/**
 * Serves the pages of a KV cache. Every request names its tenant and sees nothing of others:
 *
 * <pre>
 * GET  /tenants/T/sessions             sessions: tokens, tiers, bits, JSON
 * GET  /tenants/T/groups               head groups: record keys, tokens, JSON
 * GET  /tenants/T/findings?group=G     what is wrong with a head group, JSON
 * GET  /tenants/T/tensor?group=G&amp;kind=keys&amp;from=0&amp;to=64
 *                                      float32 little-endian [to - from, h, d]; the shape is in
 *                                      the header Millrace-Shape
 * POST /tenants/T/attention            partials of attention, see {@link AttentionRequest}
 * GET  /healthz, /readyz               the process lives; the topics have been read once
 * </pre>
 *
 * <p>G is a head group's record key without the tenant: MODEL/WEIGHTS/SESSION/LAYER/FIRSTHEAD.
 * Errors are JSON, {"error": "..."}: 400 for what was asked, 404 for what is not there, 409 for
 * pages that are missing or damaged, named by their record keys, 413 for more than one answer
 * holds.
 *
 * <p>Read-only, without passwords: bound to a loopback address it answers only to loopback names;
 * on any other address whoever reaches it may read the tenants that it serves.
 */
final class CacheServer implements AutoCloseable {
  /** Values of one dense answer: 16 MiB. */
  static final int MAXIMUM_VALUES = 1 << 22;

  private static final int MAXIMUM_BODY_BYTES = 4 << 20;
  private static final int THREADS = 16;

  /**
   * Where and what to serve.
   *
   * @param host address to bind
   * @param port to bind; 0: any that is free
   * @param tenants that are served; empty: all
   */
  record Settings(String host, int port, Set<String> tenants) {}

  /**
   * What is asked for is not there.
   *
   * @param status of the answer
   */
  static final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final int status;

    Refusal(int status, String message) {
      super(message, null, false, false);
      this.status = status;
    }
  }

  private final Settings settings;
  private final CacheStore store;
  private final ObjectMapper mapper = new ObjectMapper();
  private final Javalin javalin;

  private CacheServer(Settings settings, CacheStore store, BooleanSupplier ready) {
    this.settings = settings;
    this.store = store;
    RequestGuard guard = new RequestGuard(settings.host());
    AttentionEndpoint attention = new AttentionEndpoint(mapper);
    javalin =
        Javalin.create(
            config -> {
              configure(config);
              config.routes.before(guard);
              config.routes.get("/tenants/{tenant}/sessions", this::sessions);
              config.routes.get("/tenants/{tenant}/groups", this::groups);
              config.routes.get("/tenants/{tenant}/findings", this::findings);
              config.routes.get("/tenants/{tenant}/tensor", this::tensor);
              config.routes.post(
                  "/tenants/{tenant}/attention",
                  ctx -> {
                    AttentionRequest request = attention.read(ctx);
                    attention.answer(
                        ctx,
                        request,
                        inGroup(
                            ctx,
                            request.group(),
                            (view, group) -> request.run(view.reader(), group)));
                  });
              config.routes.get("/healthz", ctx -> ctx.result("ok\n"));
              config.routes.get("/readyz", ctx -> readiness(ctx, ready.getAsBoolean()));
              config.routes.error(404, "text/plain", ctx -> {});
              config.routes.exception(Refusal.class, this::refuse);
              config.routes.exception(
                  IllegalArgumentException.class,
                  (e, ctx) -> refuse(new Refusal(409, e.getMessage()), ctx));
            });
  }

  /**
   * Starts to serve.
   *
   * @param store that somebody fills
   * @param ready whether it has been filled once, asked by any thread
   * @throws io.javalin.util.JavalinBindException when the port is taken
   */
  static CacheServer start(Settings settings, CacheStore store, BooleanSupplier ready) {
    CacheServer server = new CacheServer(settings, store, ready);
    server.javalin.start();
    return server;
  }

  private void configure(JavalinConfig config) {
    config.startup.showJavalinBanner = false;
    config.startup.showOldJavalinVersionWarning = false;
    config.startup.startupWatcherEnabled = false;
    config.http.maxRequestSize = MAXIMUM_BODY_BYTES;
    QueuedThreadPool threads = new QueuedThreadPool(THREADS, 4);
    threads.setName("cache-http");
    threads.setDaemon(true);
    config.jetty.threadPool = threads;
    config.jetty.modifyHttpConfiguration(http -> http.setSendServerVersion(false));
    config.jetty.addConnector(this::connector);
  }

  private ServerConnector connector(Server server, HttpConfiguration http) {
    ServerConnector connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory(http));
    connector.setHost(settings.host());
    connector.setPort(settings.port());
    connector.setIdleTimeout(20_000);
    return connector;
  }

  private void sessions(Context ctx) {
    String tenant = tenant(ctx);
    json(ctx, store.read(view -> CacheListing.of(view.table(), tenant)));
  }

  /** One head group in a listing. */
  private record Group(String group, int heads, int headDimension, long tokens) {}

  private void groups(Context ctx) {
    String tenant = tenant(ctx);
    List<Group> groups =
        store.read(
            view ->
                view.table().groups(tenant).stream()
                    .map(
                        group ->
                            new Group(
                                group.key().substring(tenant.length() + 1),
                                group.group().getHeads(),
                                group.group().getHeadDimension(),
                                group.end()))
                    .toList());
    json(ctx, groups);
  }

  private void findings(Context ctx) {
    String tenant = tenant(ctx);
    String key = tenant + "/" + parameter(ctx, "group");
    json(
        ctx,
        store.read(
            view -> {
              List<?> found = view.reader().verify(view.table(), tenant, key);
              if (found.isEmpty() && view.table().group(tenant, key).isEmpty()) {
                throw unknown(key);
              }
              return found;
            }));
  }

  private void tensor(Context ctx) {
    String kindName = parameter(ctx, "kind");
    if (!kindName.equals("keys") && !kindName.equals("values")) {
      throw new Refusal(400, "kind is " + kindName + ", expected keys or values");
    }
    TensorKind kind = kindName.equals("keys") ? TensorKind.KEYS : TensorKind.VALUES;
    long from = number(ctx, "from");
    long to = number(ctx, "to");
    inGroup(
        ctx,
        parameter(ctx, "group"),
        (view, group) -> {
          int heads = group.group().getHeads();
          int d = group.group().getHeadDimension();
          int most = MAXIMUM_VALUES / (heads * d);
          if (from < 0 || to <= from) {
            throw new Refusal(400, "tokens from " + from + " to " + to + ", expected some");
          }
          if (to - from > most) {
            throw new Refusal(
                413, to - from + " tokens are asked for, expected at most " + most + " at once");
          }
          float[] values = view.reader().restore(group, kind, from, to);
          ctx.contentType("application/octet-stream")
              .header("Millrace-Shape", (to - from) + "," + heads + "," + d)
              .header("Cache-Control", "no-store")
              .result(LittleEndian.floats(values));
          return values.length;
        });
  }

  private void readiness(Context ctx, boolean ready) {
    ctx.status(ready ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE)
        .contentType("text/plain")
        .result(ready ? "ok\n" : "starting\n");
  }

  /** What is done with one head group under the store's lock. */
  private interface GroupReading<T> {
    T apply(CacheStore.View view, HeadGroupPages group);
  }

  private <T> T inGroup(Context ctx, String name, GroupReading<T> reading) {
    String tenant = tenant(ctx);
    String key = tenant + "/" + name;
    Function<CacheStore.View, T> work =
        view ->
            reading.apply(view, view.table().group(tenant, key).orElseThrow(() -> unknown(key)));
    return store.read(work);
  }

  /** The tenant of the path, if it is served here; nothing else may choose one. */
  private String tenant(Context ctx) {
    String tenant = ctx.pathParam("tenant");
    if (!settings.tenants().isEmpty() && !settings.tenants().contains(tenant)) {
      throw new Refusal(404, "tenant " + tenant + " is not served here");
    }
    return tenant;
  }

  private static Refusal unknown(String key) {
    return new Refusal(404, "no head group " + key);
  }

  static String parameter(Context ctx, String name) {
    String value = ctx.queryParam(name);
    if (value == null || value.isEmpty()) {
      throw new Refusal(400, "parameter " + name + " is missing");
    }
    return value;
  }

  static long number(Context ctx, String name) {
    String text = parameter(ctx, name);
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new Refusal(400, "parameter " + name + " is no whole number");
    }
  }

  private void refuse(Refusal refusal, Context ctx) {
    json(ctx.status(refusal.status), new TreeMap<>(Map.of("error", refusal.getMessage())));
  }

  private void json(Context ctx, Object value) {
    try {
      ctx.contentType("application/json")
          .header("Cache-Control", "no-store")
          .result(mapper.writeValueAsBytes(value));
    } catch (JsonProcessingException impossible) {
      throw new UncheckedIOException(impossible);
    }
  }

  /** Where it serves. */
  URI url() {
    String host = settings.host();
    String name = host.contains(":") ? "[" + host + "]" : host;
    return URI.create("http://" + name + ":" + javalin.port() + "/");
  }

  /** Stops serving. */
  @Override
  public void close() {
    javalin.stop();
  }
}
