package io.millrace.app.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the service answers, over real HTTP, against the planted tensors. */
class CacheServerTest {
  private static final int D = PlantedCache.D;
  private static final String BYTES = "application/octet-stream";

  private final ObjectMapper mapper = new ObjectMapper();
  private final HttpClient client = HttpClient.newHttpClient();
  private final CacheStore store = PlantedCache.store();
  private final PlantedCache acme = new PlantedCache("acme", "s1", 60, 1);
  private final PlantedCache rival = new PlantedCache("rival", "secret", 60, 2);
  private volatile boolean ready;
  private final CacheServer server =
      CacheServer.start(
          new CacheServer.Settings("127.0.0.1", 0, Set.of("acme", "rival")), store, () -> ready);

  @BeforeEach
  void fill() {
    acme.into(store);
    rival.into(store);
    new PlantedCache("hidden", "s1", 40, 3).into(store);
  }

  @AfterEach
  void close() {
    server.close();
  }

  @Test
  void listsTheSessionsOfOneTenantOnly() throws Exception {
    JsonNode sessions = json(get("/tenants/acme/sessions"), 200);
    assertEquals(1, sessions.size());
    assertEquals("s1", sessions.get(0).get("session").textValue());
    assertEquals(60, sessions.get(0).get("tokens").intValue());
    // exact: 32 bits a value and the frames' headers
    double bits = sessions.get(0).get("bitsPerValue").doubleValue();
    assertTrue(bits > 32 && bits < 40, "" + bits);
    assertFalse(get("/tenants/acme/sessions").body().contains("secret"));
    assertEquals(404, get("/tenants/hidden/sessions").statusCode());
    assertEquals(
        acme.name(), json(get("/tenants/acme/groups"), 200).get(0).get("group").textValue());
  }

  @Test
  void aTenantNeverReachesAnother() throws Exception {
    String tensor = "/tensor?kind=keys&from=0&to=10&group=";
    assertEquals(200, get("/tenants/rival" + tensor + rival.name()).statusCode());
    for (String path :
        List.of(
            "/tenants/acme" + tensor + rival.name(),
            "/tenants/acme" + tensor + "../rival/" + rival.name(),
            "/tenants/acme%2F..%2Frival" + tensor + rival.name(),
            "/tenants/rival%2Ftiny" + tensor + rival.name().substring(5),
            "/tenants/hidden" + tensor + "tiny/00ff/s1/1/0")) {
      int status = get(path).statusCode();
      assertTrue(status == 404 || status == 400, path + ": " + status);
    }
    assertEquals(404, attention("acme", body(rival.name(), 60)).statusCode());
  }

  @Test
  void restoresRangesAsBytes() throws Exception {
    HttpResponse<byte[]> answer =
        client.send(
            request("/tenants/acme/tensor?kind=values&from=5&to=41&group=" + acme.name()).build(),
            BodyHandlers.ofByteArray());
    assertEquals(200, answer.statusCode());
    assertEquals("36,2,8", answer.headers().firstValue("Millrace-Shape").orElse(""));
    assertArrayEquals(
        Arrays.copyOfRange(acme.values, 5 * 16, 41 * 16), LittleEndian.floats(answer.body()));
  }

  @Test
  void partialsMergeWithTheTokensThatTheAskerHolds() throws Exception {
    float[] query = PlantedCache.floats(new Random(5), D);
    JsonNode all = partial(60, query);
    assertEquals(60, all.get("tokens").intValue());
    double[] expected = acme.attention(1, query, 0, 60);
    JsonNode old = partial(30, query);
    double allSum = Math.scalb(all.get("sum").doubleValue(), all.get("exponent").intValue());
    double oldSum = Math.scalb(old.get("sum").doubleValue(), old.get("exponent").intValue());
    double[] recent = acme.attention(1, query, 30, 60);
    for (int c = 0; c < D; c++) {
      double weighted = all.get("weighted").get(c).doubleValue();
      assertEquals(expected[c], weighted / all.get("sum").doubleValue(), 1e-5);
      double merged =
          Math.scalb(old.get("weighted").get(c).doubleValue(), old.get("exponent").intValue())
              + (allSum - oldSum) * recent[c];
      assertEquals(expected[c], merged / allSum, 1e-5);
    }
  }

  @Test
  void bytesAndJsonSayTheSame() throws Exception {
    float[] rows = PlantedCache.floats(new Random(6), 3 * D);
    HttpResponse<byte[]> answer =
        client.send(
            request("/tenants/acme/attention?head=1&headDimension=8&group=" + acme.name())
                .header("Content-Type", BYTES)
                .POST(BodyPublishers.ofByteArray(LittleEndian.floats(rows)))
                .build(),
            BodyHandlers.ofByteArray());
    assertEquals(200, answer.statusCode());
    assertEquals("3,10", answer.headers().firstValue("Millrace-Shape").orElse(""));
    double[] partials = new double[30];
    ByteBuffer.wrap(answer.body()).order(ByteOrder.LITTLE_ENDIAN).asDoubleBuffer().get(partials);
    for (int row = 0; row < 3; row++) {
      JsonNode partial = partial(60, Arrays.copyOfRange(rows, row * D, (row + 1) * D));
      assertEquals(partial.get("exponent").doubleValue(), partials[row * 10]);
      assertEquals(partial.get("sum").doubleValue(), partials[row * 10 + 1]);
      assertEquals(partial.get("weighted").get(7).doubleValue(), partials[row * 10 + 9]);
    }
  }

  @Test
  void refusesQueriesThatAreNone() throws Exception {
    String group = "{\"group\": \"" + acme.name() + "\"";
    for (String sent :
        List.of(
            "",
            "{",
            "[]",
            "{\"queries\": []}",
            group + "}",
            group + ", \"queries\": []}",
            group + ", \"queries\": [{\"head\": 0}]}",
            group + ", \"queries\": [{\"head\": 0, \"query\": [1]}]}",
            group + ", \"queries\": [{\"head\": 0, \"query\": [1, 2, 3, 4, 5, 6, 7, \"8\"]}]}",
            group + ", \"queries\": [{\"head\": 0, \"query\": [1, 2, 3, 4, 5, 6, 7, 1e99]}]}",
            body(acme.name(), 60).replace("\"head\":1", "\"head\":2"),
            body(acme.name(), 60).replace("\"head\":1", "\"head\":-1"),
            body(acme.name(), 61),
            body(acme.name(), -1),
            body(acme.name(), 60).replace("\"before\"", "\"after\""))) {
      HttpResponse<String> answer = attention("acme", sent);
      assertFalse(json(answer, 400).get("error").textValue().isBlank(), sent);
    }
    assertEquals(404, attention("acme", body("tiny/00ff/none/1/0", 60)).statusCode());
    // finite, but its score is no weight
    float[] huge = {1e30f, 0, 0, 0, 0, 0, 0, 0};
    assertEquals(409, attention("acme", body(acme.name(), 60, huge)).statusCode());
    assertEquals(
        415,
        client
            .send(
                request("/tenants/acme/attention").POST(BodyPublishers.ofString("x")).build(),
                BodyHandlers.ofString())
            .statusCode());
  }

  @Test
  void refusesRangesThatAreNone() throws Exception {
    String tensor = "/tenants/acme/tensor?kind=keys&group=" + acme.name();
    assertEquals(400, get("/tenants/acme/tensor?kind=keys&from=0&to=5").statusCode());
    for (String range :
        List.of("&from=5&to=5", "&from=-1&to=5", "&from=a&to=5", "&from=1", "&from=9&to=3")) {
      assertEquals(400, get(tensor + range).statusCode(), range);
    }
    assertEquals(400, get((tensor + "&from=1&to=2").replace("keys", "both")).statusCode());
    assertTrue(json(get(tensor + "&from=50&to=70"), 409).toString().contains("token 60"));
    assertEquals(413, get(tensor + "&from=0&to=999999999").statusCode());
    assertEquals(404, get("/").statusCode());
  }

  @Test
  void aBodyBeyondTheBoundIsRefused() throws Exception {
    HttpResponse<String> answer =
        client.send(
            request("/tenants/acme/attention?head=1&headDimension=8&group=" + acme.name())
                .header("Content-Type", BYTES)
                .POST(BodyPublishers.ofByteArray(new byte[(4 << 20) + 32]))
                .build(),
            BodyHandlers.ofString());
    assertEquals(413, answer.statusCode());
  }

  @Test
  void damageIsNamedByVerifyingAndByReading() throws Exception {
    String findings = "/tenants/acme/findings?group=" + acme.name();
    assertEquals(0, json(get(findings), 200).size());
    Map<String, byte[]> records = acme.records();
    String key = records.keySet().stream().filter(k -> k.contains("/V/")).skip(2).findFirst().get();
    byte[] bad = records.get(key);
    bad[bad.length - 9] ^= 4;
    PlantedCache.put(store, key, bad);
    assertTrue(json(get(findings), 200).toString().contains(key));
    assertTrue(json(attention("acme", body(acme.name(), 60)), 409).toString().contains(key));
    assertEquals(0, json(get("/tenants/rival/findings?group=" + rival.name()), 200).size());
    assertEquals(404, get("/tenants/acme/findings?group=" + rival.name()).statusCode());
  }

  @Test
  void answersOnlyToLoopbackNamesAndSaysWhenItIsReady() throws Exception {
    assertTrue(statusFor("evil.example").contains("421"));
    assertTrue(statusFor("localhost:80").contains("200"));
    assertEquals(503, get("/readyz").statusCode());
    ready = true;
    assertEquals(200, get("/readyz").statusCode());
  }

  private String statusFor(String host) throws IOException {
    try (Socket socket = new Socket("127.0.0.1", server.url().getPort())) {
      String request =
          "GET /tenants/acme/sessions HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      return new BufferedReader(new InputStreamReader(socket.getInputStream())).readLine();
    }
  }

  private String body(String group, int before, float... query) throws IOException {
    Map<String, Object> asked =
        Map.of("head", 1, "query", query.length == 0 ? new float[D] : query);
    return mapper.writeValueAsString(
        Map.of("group", group, "before", before, "queries", List.of(asked)));
  }

  private JsonNode partial(int before, float[] query) throws Exception {
    return json(attention("acme", body(acme.name(), before, query)), 200).get("partials").get(0);
  }

  private HttpResponse<String> attention(String tenant, String body) throws Exception {
    return client.send(
        request("/tenants/" + tenant + "/attention")
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(body))
            .build(),
        BodyHandlers.ofString());
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(server.url().resolve(path));
  }

  private HttpResponse<String> get(String path) throws IOException, InterruptedException {
    return client.send(request(path).build(), BodyHandlers.ofString());
  }

  private JsonNode json(HttpResponse<String> answer, int status) throws IOException {
    assertEquals(status, answer.statusCode(), answer.body());
    return mapper.readTree(answer.body());
  }
}
