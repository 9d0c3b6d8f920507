package io.millrace.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.kvcache.CacheInput;
import io.millrace.operator.kvcache.CacheOutput;
import io.millrace.runtime.Pipeline.Purpose;
import io.millrace.runtime.Pipeline.TopicNeed;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SessionEnd;
import io.millrace.schema.SingleObject;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class KeyValueFamilyTest {
  private static final String HEAD = "name: d\nkafka: {bootstrap.servers: b}\n";

  @Test
  void plansTwoStagesWithTheirTopics() {
    Pipeline pipeline = pipeline("");
    assertEquals("kv-cache", pipeline.family());
    assertEquals(
        List.of(
            new TopicNeed("a.blocks", "input", Purpose.INPUT),
            new TopicNeed("a.pages", "pages", Purpose.MODEL),
            new TopicNeed("a.samples", "samples", Purpose.INTERNAL),
            new TopicNeed("a.bases", "bases", Purpose.MODEL),
            new TopicNeed("a.dead-letters", "dead-letters", Purpose.DEAD_LETTER)),
        pipeline.topics());
    Stage window = pipeline.stages().get(0);
    Stage learning = pipeline.stages().get(1);
    assertEquals("window", window.name());
    assertEquals(Map.of("pages", "a.pages", "samples", "a.samples"), window.outputTopics());
    assertEquals(new Following("a.bases", Set.of(), 8), window.following());
    assertEquals("kv-cache", window.spec().get().name());
    assertEquals("a.samples", learning.inputTopic());
    assertEquals(Map.of("bases", "a.bases"), learning.outputTopics());
    assertTrue(learning.following().isNothing());
    for (Stage stage : pipeline.stages()) {
      assertEquals(
          stage.spec().get().state().getClass(),
          Catalog.stateCodec(stage.spec().get().name()).getClass());
    }
  }

  @Test
  void learnsNothingWithoutSamplesAndFollowsOthersBases() {
    Pipeline pipeline = pipeline("learning: {share: 0}, outputs: {bases: shared.bases}");
    assertEquals(1, pipeline.stages().size());
    assertEquals("shared.bases", pipeline.stages().get(0).following().topic());
    assertEquals("", pipeline.topicOrNone("samples"));
    assertEquals("a.pages", pipeline.topicOrNone("pages"));
  }

  @Test
  void takesEverySettingOfTheExample() {
    Pipeline pipeline =
        pipeline(
            "input: kv, outputs: {pages: kv.pages}, window: {tokens: 64, page-tokens: 32, sinks:"
                + " 4}, keys: {codec: transform-3.25}, values: {codec: kivi-2}, error-bound: 0.2,"
                + " coarse: {codec: transform-1, values: kivi-2, after-seconds: 60, error-bound:"
                + " 1}, summary: {features: 128, after-seconds: 600, seed: 7}, labels: {share:"
                + " 0.125}, idle-timeout-seconds: 300, retention-seconds: 3600, bases:"
                + " {shared-between-tenants: true, kept-versions: 3}, learning: {share: 0.1,"
                + " minimum-tokens: 5000, interval-tokens: 5000, half-life-tokens: 20000,"
                + " gain-bits: 0.1, reference-bits: 2, maximum-bits: 4, maximum-channels: 1024,"
                + " maximum-sample-bytes: 65536, budget: {bits: 3.5, by: entropy}, dictionary:"
                + " {atoms: 1024, coefficients: 4, vectors: 16}}, limits: {channels: 1024,"
                + " block-tokens: 512}");
    assertEquals(3, pipeline.stages().get(0).following().versions());
  }

  @Test
  void refusesWhatCannotBe() {
    refused("window: {tokens: -1}", "window.tokens: got -1");
    refused("window: {page-tokens: 0}", "window.page-tokens: got 0");
    refused("window: {size: 3}", "window.size: got an unknown key");
    refused("keys: {codec: gzip}", "keys.codec: got gzip, expected one of fp32, ");
    refused("values: {codec: transform-9}", "values.codec: got transform-9");
    refused("coarse: {values: x}", "coarse.values: got x");
    refused("coarse: {codec: x}", "coarse.codec: got x");
    refused(
        "coarse: {after-seconds: 60}, summary: {after-seconds: 60}",
        "summary.after-seconds: got 60, expected more than coarse.after-seconds, 60");
    refused("summary: {features: 0}", "summary.features: got 0");
    refused("labels: {share: 2}", "labels.share: got 2.0");
    refused("error-bound: -1", "error-bound: got -1.0");
    refused("learning: {gain-bits: 0}", "learning.gain-bits: got 0.0");
    refused("learning: {budget: {by: luck}}", "learning.budget.by: got luck");
    refused("learning: {maximum-channels: 5000}", "learning.maximum-channels: got 5000");
    refused("bases: {kept-versions: 0}", "bases.kept-versions: got 0");
    refused("retention-seconds: -1", "retention-seconds: got -1");
    refused("window: {page-tokens: 4096}, limits: {channels: 65535}", "window: got window.page x");
    refused("outputs: {pages: a.blocks}", "outputs.pages: got a.blocks, which is the topic of");
    refused("outputs: {bases: t, samples: t}", "outputs.bases: got t, which is the topic of");
  }

  @Test
  void tellsTheRecordsOfTheInputApart() {
    KeyValueInput input = new KeyValueInput();
    SessionEnd end = new SessionEnd(new HeadGroup("t", "m", "w", "s", 0, 0, 1, 8), 1_000_000L);
    byte[] framed = SingleObject.of(SessionEnd.class).encode(end);
    assertTrue(input.decode(framed) instanceof CacheInput.End taken && taken.end().equals(end));
    for (Trace.Event event : Trace.load(Trace.WINDOW).events().subList(0, 4)) {
      assertTrue(input.decode(event.record().value()) instanceof CacheInput.Block);
    }
    byte[] reading =
        SingleObject.of(SensorReading.class).encode(new SensorReading(1L, List.of(1f), List.of()));
    assertEquals(Reason.WRONG_SCHEMA, reason(input, reading));
    assertEquals(Reason.EMPTY, reason(input, null));
    assertEquals(Reason.EMPTY, reason(input, new byte[0]));
    assertEquals(Reason.BAD_FRAMING, reason(input, new byte[20]));
    framed[5]++;
    assertEquals(Reason.UNKNOWN_SCHEMA, reason(input, framed));
  }

  @Test
  void removesPagesByRecordsWithoutValue() {
    KeyValueOutput output = new KeyValueOutput();
    CacheOutput removed = new CacheOutput.Removed("t/m/w/s/0/0/K/000000000004");
    assertEquals("pages", output.channel(removed));
    assertEquals("t/m/w/s/0/0/K/000000000004", output.key(removed, "t/m/w/s/0/0"));
    assertNull(output.encode(removed));
  }

  @Test
  void warmsUp() {
    for (Stage stage : pipeline("").stages()) {
      stage.spec().get().operator().warmUp();
      assertNotNull(stage.spec().get().operator().createState("x"));
    }
  }

  private static Reason reason(KeyValueInput input, byte[] value) {
    return assertThrows(InvalidInputException.class, () -> input.decode(value)).reason();
  }

  private static Pipeline pipeline(String settings) {
    return parse(settings).pipelines().get(0);
  }

  private static Deployment parse(String settings) {
    String rest = settings.isEmpty() ? "" : ", " + settings;
    return Deployment.parse(
        "d.yaml", HEAD + "pipelines: [{name: a, operator: kv-cache" + rest + "}]\n", Map.of());
  }

  private static void refused(String settings, String expected) {
    String message =
        assertThrows(ConfigurationException.class, () -> parse(settings), settings).getMessage();
    assertTrue(message.startsWith("d.yaml: pipelines[0]." + expected), message);
    assertTrue(message.contains(", expected "), message);
  }
}
