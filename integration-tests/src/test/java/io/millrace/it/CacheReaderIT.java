package io.millrace.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.app.cache.CacheCommand;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.KeyValuePage;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TensorKind;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import picocli.CommandLine;

/** A cache that a pipeline wrote, read back by command and over HTTP. */
final class CacheReaderIT {
  private static final Path DIRECTORY = Path.of("target", "it", "cache-reader");
  private static final Duration DEADLINE = Duration.ofSeconds(120);
  private static final int PARTITIONS = 2;
  private static final int CHANNELS = KeyValueTrace.HEADS * KeyValueTrace.HEAD_DIMENSION;
  private static final int D = KeyValueTrace.HEAD_DIMENSION;
  private static final String INPUT = "blocks";
  private static final String GROUP = "toy/0123456789abcdef/chat-1/1/0";

  private static final TestedPipeline PIPELINE =
      new TestedPipeline(
          "kv-cache",
          List.of(
              "window:",
              "  tokens: 64",
              "  page-tokens: 32",
              "  sinks: 4",
              "keys:",
              "  codec: transform-2.2",
              "values:",
              "  codec: rotated-4",
              "labels:",
              "  share: 0.25",
              "learning:",
              "  share: 1",
              "  minimum-tokens: 128"),
          List.of("pages"));

  private final ObjectMapper mapper = new ObjectMapper();
  private final HttpClient http = HttpClient.newHttpClient();
  private final KeyValueTrace trace = KeyValueTrace.of(11);
  private final StringWriter said = new StringWriter();
  @RegisterExtension private final FreshBroker broker = new FreshBroker(DIRECTORY);

  private Cluster cluster;
  private Deployment deployment;

  @BeforeEach
  void createTopics() {
    cluster = broker.cluster();
    cluster.createTopic(INPUT, PARTITIONS, Map.of());
    deployment =
        new Deployment(
            "cache", INPUT, PIPELINE, PARTITIONS, 1, true, DIRECTORY.toAbsolutePath(), cluster);
    deployment.createTopics();
  }

  @Test
  void whatAPipelineWroteIsVerifiedRestoredAttendedToAndDamageIsNamed() throws Exception {
    fill();

    assertEquals(0, cache("verify"), said::toString);
    assertEquals(0, cache("list", "--tenant", "acme"), said::toString);
    assertTrue(said.toString().contains("4 sessions"), said::toString);
    float[] values = restoredByCommand("values");
    float[] keys = restoredByCommand("keys");
    assertErrorIsWhatPagesSay(TensorKind.VALUES, values);
    assertErrorIsWhatPagesSay(TensorKind.KEYS, keys);

    try (JavaProcess service =
        JavaProcess.startApp(
            "service",
            DIRECTORY,
            List.of("-Xmx256m", "--add-modules=jdk.incubator.vector"),
            Map.of(),
            List.of("cache", "serve", "-c", deployment.file(0).toString(), "--port", "0"))) {
      String line = service.awaitLine("Serving the cache of cache at ", DEADLINE);
      URI url = URI.create(line.substring(line.lastIndexOf(' ') + 1));
      Await.until(
          () -> "the service has read its topics\n" + service.logTail(),
          DEADLINE,
          () -> get(url, "readyz").statusCode() == 200);

      assertEquals(4, json(get(url, "tenants/acme/sessions")).size());
      assertArrayEquals(keys, tensor(url, "keys"));
      assertArrayEquals(values, tensor(url, "values"));
      assertAttention(url, keys, values);
      String other = "tenants/umbra2/tensor?kind=keys&from=0&to=8&group=" + GROUP;
      assertEquals(404, get(url, other).statusCode());

      String damaged = damageOnePage();
      Await.until(
          () -> "the service names the damage\n" + service.logTail(),
          DEADLINE,
          () -> get(url, "tenants/acme/findings?group=" + GROUP).body().contains(damaged));
      assertEquals(409, attention(url, "acme", new float[D]).statusCode());
      assertEquals(200, attention(url, "umbra", new float[D]).statusCode());
      assertEquals(1, cache("verify"), said::toString);
      assertTrue(said.toString().contains(damaged + ": "), said::toString);
      assertEquals(0, cache("verify", "--tenant", "umbra"), said::toString);
      service.stop(Duration.ofSeconds(60));
    }
  }

  /** Runs the pipeline over the trace; the second part when bases are there to be used. */
  private void fill() throws Exception {
    try (JavaProcess app = deployment.start(0)) {
      PacedFeed.all(trace.part(0, 2), INPUT, cluster);
      Await.until(
          () -> "a basis is published\n" + app.logTail(),
          DEADLINE,
          () -> !cluster.committed(deployment.topic("bases")).isEmpty());
      try (PacedFeed feed = new PacedFeed(trace.part(1, 2), INPUT, 60, cluster).start()) {
        Await.until(() -> "a page names a basis\n" + app.logTail(), DEADLINE, this::hasLearnedPage);
        int sent = feed.stop();
        PacedFeed.all(trace.part(1, 2).from(sent), INPUT, cluster);
      }
      deployment.awaitCaughtUp(app);
      app.stop(DEADLINE);
    }
  }

  private boolean hasLearnedPage() {
    SingleObject<KeyValuePage> pages = SingleObject.of(KeyValuePage.class);
    return cluster.committed(deployment.topic("pages")).stream()
        .anyMatch(record -> !pages.decode(record.value()).getBasis().isEmpty());
  }

  private int cache(String... arguments) throws IOException {
    said.getBuffer().setLength(0);
    String[] all = Arrays.copyOf(arguments, arguments.length + 2);
    all[arguments.length] = "-c";
    all[arguments.length + 1] = deployment.file(0).toString();
    return new CommandLine(new CacheCommand())
        .setOut(new PrintWriter(said))
        .setErr(new PrintWriter(said))
        .execute(all);
  }

  private float[] restoredByCommand(String kind) throws IOException {
    Path file = DIRECTORY.resolve(kind + ".f32");
    int exit =
        cache(
            "restore",
            "--tenant=acme",
            "--session=chat-1",
            "--layer=1",
            "--kind=" + kind,
            "--out=" + file);
    assertEquals(0, exit, said::toString);
    JsonNode header = mapper.readTree(DIRECTORY.resolve(kind + ".f32.json").toFile());
    assertEquals("[600,2,32]", header.get("shape").toString());
    return floats(Files.readAllBytes(file));
  }

  /** What was sent, against what was restored: no worse than the worst page was measured. */
  private void assertErrorIsWhatPagesSay(TensorKind kind, float[] restored) {
    SingleObject<KeyValuePage> pages = SingleObject.of(KeyValuePage.class);
    double worst =
        cluster.committed(deployment.topic("pages")).stream()
            .filter(record -> new String(record.key(), UTF_8).startsWith("acme/" + GROUP + "/"))
            .map(record -> pages.decode(record.value()))
            .filter(page -> page.getKind() == kind)
            .mapToDouble(KeyValuePage::getRelativeError)
            .max()
            .orElseThrow();
    double error = error(kind, restored);
    assertTrue(
        error > 0 && error <= 1.01 * worst && worst < 0.6, kind + ": " + error + ", " + worst);
  }

  /** Relative error against what was sent. */
  private double error(TensorKind kind, float[] restored) {
    SingleObject<KeyValueBlock> blocks = SingleObject.of(KeyValueBlock.class);
    double error = 0;
    double energy = 0;
    for (KeyValueTrace.Sent sent : trace.blocks()) {
      KeyValueBlock block = blocks.decode(sent.value());
      if (block.getKind() != kind || !new String(sent.key(), UTF_8).equals("acme/" + GROUP)) {
        continue;
      }
      ByteBuffer in = block.getElements().order(ByteOrder.LITTLE_ENDIAN);
      int first = (int) block.getFirstToken() * CHANNELS;
      for (int i = 0; i < block.getTokens() * CHANNELS; i++) {
        double exact = half(in.getShort());
        error += Math.pow(exact - restored[first + i], 2);
        energy += exact * exact;
      }
    }
    assertTrue(energy > 0);
    return Math.sqrt(error / energy);
  }

  private static double half(short bits) {
    int exponent = bits >>> 10 & 31;
    double mantissa = exponent == 0 ? (bits & 1023) / 512.0 : 1 + (bits & 1023) / 1024.0;
    return (bits < 0 ? -1 : 1) * Math.scalb(mantissa, exponent - 15);
  }

  private void assertAttention(URI url, float[] keys, float[] values) throws Exception {
    float[] query = new float[D];
    for (int c = 0; c < D; c++) {
      query[c] = (float) Math.sin(c);
    }
    double[] expected = new double[D];
    double sum = 0;
    for (int t = 0; t < KeyValueTrace.TOKENS; t++) {
      double score = 0;
      for (int c = 0; c < D; c++) {
        score += query[c] * keys[t * CHANNELS + D + c] / Math.sqrt(D);
      }
      sum += Math.exp(score);
      for (int c = 0; c < D; c++) {
        expected[c] += Math.exp(score) * values[t * CHANNELS + D + c];
      }
    }
    JsonNode partial = json(attention(url, "acme", query)).get("partials").get(0);
    assertEquals(KeyValueTrace.TOKENS, partial.get("tokens").intValue());
    for (int c = 0; c < D; c++) {
      assertEquals(
          expected[c] / sum,
          partial.get("weighted").get(c).doubleValue() / partial.get("sum").doubleValue(),
          1e-4);
    }
  }

  /** Flips one bit in the newest record of a page of acme's; returns its key. */
  private String damageOnePage() throws Exception {
    ConsumerRecord<byte[], byte[]> page =
        cluster.committed(deployment.topic("pages")).stream()
            .filter(record -> new String(record.key(), UTF_8).startsWith("acme/" + GROUP + "/V/"))
            .skip(3)
            .findFirst()
            .orElseThrow();
    byte[] value = page.value().clone();
    value[value.length - 20] ^= 2;
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.copyOf(cluster.client()), new ByteArraySerializer(), new ByteArraySerializer())) {
      producer.send(new ProducerRecord<>(page.topic(), page.partition(), page.key(), value)).get();
    }
    return new String(page.key(), UTF_8);
  }

  private float[] tensor(URI url, String kind) throws Exception {
    HttpResponse<byte[]> answer =
        http.send(
            HttpRequest.newBuilder(
                    url.resolve(
                        "tenants/acme/tensor?from=0&to=600&kind=" + kind + "&group=" + GROUP))
                .build(),
            BodyHandlers.ofByteArray());
    assertEquals(200, answer.statusCode(), () -> new String(answer.body(), UTF_8));
    return floats(answer.body());
  }

  private HttpResponse<String> attention(URI url, String tenant, float[] query) throws Exception {
    String body =
        mapper.writeValueAsString(
            Map.of("group", GROUP, "queries", List.of(Map.of("head", 1, "query", query))));
    return http.send(
        HttpRequest.newBuilder(url.resolve("tenants/" + tenant + "/attention"))
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(body))
            .build(),
        BodyHandlers.ofString());
  }

  private HttpResponse<String> get(URI url, String path) throws Exception {
    return http.send(HttpRequest.newBuilder(url.resolve(path)).build(), BodyHandlers.ofString());
  }

  private JsonNode json(HttpResponse<String> answer) throws IOException {
    assertEquals(200, answer.statusCode(), answer.body());
    assertFalse(answer.body().isEmpty());
    return mapper.readTree(answer.body());
  }

  private static float[] floats(byte[] bytes) {
    float[] values = new float[bytes.length / Float.BYTES];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }
}
