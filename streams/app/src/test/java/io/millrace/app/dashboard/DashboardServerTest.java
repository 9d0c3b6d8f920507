package io.millrace.app.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DashboardServerTest {
  private static final int VIEWERS = 3;

  private final AtomicLong recordsIn = new AtomicLong();
  private final FeedRecords records = new FeedRecords();
  private volatile String kernels = "scalar";
  private final PrometheusMeterRegistry metrics =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final HttpClient client = HttpClient.newHttpClient();
  private final DashboardServer server =
      DashboardServer.start(
          new DashboardServer.Settings(
              "127.0.0.1", 0, Duration.ofMillis(20), VIEWERS, Duration.ofSeconds(1)),
          this::snapshot,
          metrics);

  private synchronized DashboardSnapshot snapshot() {
    return new DashboardSnapshot(
        "0",
        "kafka-streams",
        "now",
        1,
        kernels,
        List.of(records.tick(FeedRecords.counts(recordsIn.addAndGet(10)))));
  }

  @AfterEach
  void close() {
    server.close();
  }

  private HttpResponse<String> get(String path) throws IOException, InterruptedException {
    return client.send(
        HttpRequest.newBuilder(server.url().resolve(path)).build(), BodyHandlers.ofString());
  }

  private HttpResponse<InputStream> events() throws IOException, InterruptedException {
    return client.send(
        HttpRequest.newBuilder(server.url().resolve("/api/events")).build(),
        BodyHandlers.ofInputStream());
  }

  /** Status line of a request with this Host header. */
  private String statusFor(String host) throws IOException {
    try (Socket socket = new Socket("127.0.0.1", server.url().getPort())) {
      socket
          .getOutputStream()
          .write(
              ("GET /api/snapshot HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
                  .getBytes(StandardCharsets.US_ASCII));
      return new BufferedReader(new InputStreamReader(socket.getInputStream())).readLine();
    }
  }

  @Test
  void servesThePageAndEveryFileItNames() throws Exception {
    HttpResponse<String> page = get("/");
    assertEquals(200, page.statusCode());
    assertTrue(page.headers().firstValue("Content-Type").orElse("").startsWith("text/html"));
    for (String name :
        List.of("dashboard.css", "dashboard.js", "charts.js", "format.js", "echarts.min.js")) {
      HttpResponse<String> asset = get("/assets/" + name);
      assertEquals(200, asset.statusCode(), name);
      assertTrue(asset.body().length() > 500, name);
    }
    assertTrue(page.body().contains("/assets/dashboard.js"));
  }

  @Test
  void servesNothingElse() throws Exception {
    for (String path :
        List.of("/assets/..%2f..%2flog4j2.xml", "/assets/none.js", "/dashboard/index.html")) {
      int status = get(path).statusCode();
      assertTrue(status == 404 || status == 400, path + " got " + status);
    }
    HttpResponse<String> post =
        client.send(
            HttpRequest.newBuilder(server.url().resolve("/api/snapshot"))
                .POST(HttpRequest.BodyPublishers.ofString("{}"))
                .build(),
            BodyHandlers.ofString());
    assertNotEquals(200, post.statusCode());
  }

  @Test
  void forbidsForeignContentAndForeignReaders() throws Exception {
    for (String path : List.of("/", "/api/snapshot", "/assets/dashboard.js", "/nothing")) {
      var headers = get(path).headers();
      String policy = headers.firstValue("Content-Security-Policy").orElse("");
      assertTrue(policy.contains("default-src 'none'"), path);
      assertFalse(policy.contains("unsafe"), path);
      assertEquals("nosniff", headers.firstValue("X-Content-Type-Options").orElse(""), path);
      assertEquals(
          "same-origin", headers.firstValue("Cross-Origin-Resource-Policy").orElse(""), path);
      assertTrue(headers.firstValue("Access-Control-Allow-Origin").isEmpty(), path);
      assertTrue(headers.firstValue("Server").isEmpty(), path);
    }
    assertFalse(get("/").body().contains("<style") || get("/").body().contains(" style="));
  }

  @Test
  void answersOnlyToLoopbackNames() throws IOException {
    int port = server.url().getPort();
    for (String host : List.of("127.0.0.1:" + port, "localhost:9", "LOCALHOST", "[::1]:" + port)) {
      assertEquals("HTTP/1.1 200 OK", statusFor(host), host);
    }
    for (String host : List.of("evil.example", "evil.example:" + port, "127.0.0.1.evil.example")) {
      assertTrue(statusFor(host).startsWith("HTTP/1.1 421"), host + " got " + statusFor(host));
    }
  }

  @Test
  void sendsEventsWithGrowingCounters() throws Exception {
    try (BufferedReader lines = new BufferedReader(new InputStreamReader(events().body()))) {
      long before = -1;
      for (int event = 0; event < 5; event++) {
        String line = lines.readLine();
        assertTrue(line.startsWith("data: {"), line);
        long now =
            new ObjectMapper().readTree(line.substring(6)).at("/pipelines/0/recordsIn").longValue();
        assertTrue(now > before, now + " after " + before);
        before = now;
        assertEquals("", lines.readLine());
      }
    }
  }

  @Test
  void takesNoMoreViewersThanAllowedAndFreesTheirPlaces() throws Exception {
    InputStream[] viewers = new InputStream[VIEWERS];
    for (int i = 0; i < VIEWERS; i++) {
      HttpResponse<InputStream> viewer = events();
      assertEquals(200, viewer.statusCode());
      viewers[i] = viewer.body();
    }
    assertEquals(503, get("/api/events").statusCode());
    for (InputStream viewer : viewers) {
      viewer.close();
    }
    waitForAPlace();
  }

  @Test
  void dropsAViewerThatTakesNothing() throws Exception {
    kernels = "x".repeat(4 << 20);
    Socket[] idle = new Socket[VIEWERS];
    for (int i = 0; i < VIEWERS; i++) {
      idle[i] = new Socket();
      idle[i].setReceiveBufferSize(4096);
      idle[i].connect(new java.net.InetSocketAddress("127.0.0.1", server.url().getPort()));
      idle[i]
          .getOutputStream()
          .write(
              "GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
                  .getBytes(StandardCharsets.US_ASCII));
      assertEquals('H', idle[i].getInputStream().read());
    }
    kernels = "scalar";
    waitForAPlace();
    for (Socket socket : idle) {
      socket.close();
    }
  }

  private void waitForAPlace() {
    assertTimeoutPreemptively(
        Duration.ofSeconds(20),
        () -> {
          while (true) {
            HttpResponse<InputStream> viewer = events();
            viewer.body().close();
            if (viewer.statusCode() == 200) {
              return;
            }
            Thread.onSpinWait();
          }
        });
  }

  @Test
  void endsOpenStreamsWhenItCloses() throws Exception {
    try (BufferedReader lines = new BufferedReader(new InputStreamReader(events().body()))) {
      lines.readLine();
      assertTimeoutPreemptively(
          Duration.ofSeconds(10),
          () -> {
            server.close();
            try {
              while (lines.readLine() != null) {
                Thread.onSpinWait();
              }
            } catch (IOException cut) {
              assertTrue(cut.getMessage() != null);
            }
          });
    }
  }

  @Test
  void exposesMetrics() throws Exception {
    metrics.counter("millrace.records.in", "pipeline", "ecg").increment(42);
    HttpResponse<String> response = get("/metrics");
    assertTrue(response.headers().firstValue("Content-Type").orElse("").startsWith("text/plain"));
    assertTrue(
        response.body().contains("millrace_records_in_total{pipeline=\"ecg\"} 42.0"),
        response.body());
  }

  @Test
  void isReadyOnceThePipelinesRun() throws Exception {
    assertEquals(503, get("/readyz").statusCode());
    assertEquals("ok\n", get("/healthz").body(), "it lives all the same");
    server.ready();
    assertEquals(200, get("/readyz").statusCode());
  }

  @Test
  void saysThatItIsUpAndWhere() throws Exception {
    assertEquals("ok\n", get("/healthz").body());
    assertEquals(URI.create("http://127.0.0.1:" + server.url().getPort() + "/"), server.url());
    assertTrue(server.url().getPort() > 0);
  }
}
