package io.millrace.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.federated.MixingGraph;
import io.millrace.operator.federated.MixingMethod;
import io.millrace.operator.federated.MixingSettings;
import io.millrace.runtime.Pipeline.Purpose;
import io.millrace.runtime.Pipeline.TopicNeed;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class MixingFamilyTest {
  private static final String NODES = "nodes: [a, b, c, d]";
  private static final String DADAO = NODES + ", convexity: 1, smoothness: 10";

  @TempDir private Path directory;

  @Test
  void plansOneStage() throws Exception {
    Path key = Files.writeString(directory.resolve("key"), "0123456789abcdef");
    MixingPipeline mixing = pipeline("mixing: {" + DADAO + "}, master-key-file: " + key);
    Pipeline pipeline = mixing.pipeline();
    assertEquals(
        List.of(
            new TopicNeed("a.updates", "updates", Purpose.INPUT, Partitioning.BY_CHUNK),
            new TopicNeed("a.models", "models", Purpose.MODEL),
            new TopicNeed("a.tasks", "tasks", Purpose.MODEL),
            new TopicNeed("a.dead-letters", "dead-letters", Purpose.DEAD_LETTER)),
        pipeline.topics());
    Stage stage = pipeline.stages().get(0);
    assertEquals("a.updates", stage.inputTopic());
    assertEquals(Map.of("models", "a.models", "tasks", "a.tasks"), stage.outputTopics());
    OperatorSpec<?, ?, ?> spec = stage.spec().get();
    assertEquals("federated-mixing", spec.name());
    assertEquals(spec.state().getClass(), Catalog.stateCodec(spec.name()).getClass());
    assertEquals("a.updates", mixing.updates());
    assertEquals(1000, mixing.tickMillis());
  }

  @Test
  void readsEverySetting() {
    MixingSettings settings =
        pipeline(
                "mixing: {method: momentum, nodes: [a, b, c], edges: [b a, b c], spikes: 5, "
                    + "rate: 0.5, unit-millis: 20, longest-step: 4, seed: -3}, "
                    + "admission: {largest-norm: 7, staleness: 2}, "
                    + "exchange: {codecs: [qsgd-4], numbers: float64, kept-versions: 1, "
                    + "grid-bits: 40}, ticks: {interval-millis: 10}")
            .settings();
    assertEquals(MixingMethod.MOMENTUM, settings.method());
    assertEquals(
        List.of(new MixingGraph.Edge(0, 1), new MixingGraph.Edge(1, 2)), settings.graph().edges());
    assertEquals(new MixingSettings.Clock(20, 4, 5, -3), settings.clock());
    assertEquals(0.5, settings.step().rate());
    assertEquals(new MixingSettings.Admission(7, 2, List.of("qsgd-4")), settings.admission());
    assertEquals(new MixingSettings.Exchange(8, 1, 40), settings.exchange());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "nodes: [a]|number of nodes is 1, expected 2 to 256",
        "nodes: [a, a]|expected each once",
        "nodes: [a, b, c], edges: [a b]|a node that others cannot reach",
        "nodes: [a, b], edges: [a c]|mixing.edges: got a c, expected two of the nodes",
        "nodes: [a, b]|mixing.convexity",
        "nodes: [a, b], convexity: 2, smoothness: 1|mixing.smoothness: got 1",
        "graph: cube, nodes: [a, b]|mixing.graph: got cube",
        DADAO + ", spikes: 1|spikes are 1.0, dadao needs 2.449",
        DADAO + ", colour: red|mixing.colour",
      })
  void refusesWhatCannotBe(String mixing, String message) {
    String got =
        assertThrows(ConfigurationException.class, () -> pipeline("mixing: {" + mixing + "}"))
            .getMessage();
    assertTrue(got.contains(message) && got.startsWith("f.yaml: pipelines[0]"), got);
  }

  private static MixingPipeline pipeline(String settings) {
    String key = settings.contains("master-key-file") ? "" : "master-key-file: k, ";
    Deployment deployment =
        Deployment.parse(
            "f.yaml",
            "name: d\nkafka: {bootstrap.servers: b}\npipelines: [{name: a, operator:"
                + " federated-mixing, "
                + key
                + settings
                + "}]",
            Map.of());
    return MixingPipeline.of(deployment).get(0);
  }
}
