package io.millrace.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.runtime.Pipeline.Purpose;
import io.millrace.runtime.Pipeline.TopicNeed;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class DeploymentTest {
  private static final String HEAD =
      "name: plant\nkafka: {bootstrap.servers: 'b:9092', sasl.password: hunter2}\n";

  @Test
  void readsTheExample() throws IOException {
    Deployment plant = Deployment.parse("example.yaml", example(), Map.of());
    assertEquals("plant", plant.name());
    assertEquals("SASL_SSL", plant.kafka().get("security.protocol"));
    assertEquals(
        Map.of("num.standby.replicas", "1", "replication.factor", "3"),
        plant.engineProperties("kafka-streams"));
    assertEquals("rocksdb", plant.engineProperties("flink").get("state.backend.type"));
    assertEquals(Map.of(), plant.engineProperties("none"));
    assertEquals("/var/lib/millrace", plant.stateDirectory());
    assertEquals(
        new Deployment.EngineSettings(
            2, 500, 262_144, 512L << 20, 1 << 20, 65_536, Deployment.Guarantee.EXACTLY_ONCE),
        plant.engine());
    assertEquals(new Deployment.DashboardSettings(true, "127.0.0.1", 8080), plant.dashboard());
    assertEquals(8, plant.partitions());
    assertEquals(3, plant.replication());

    Pipeline turbines = plant.pipelines().get(0);
    assertEquals(1, turbines.stages().size());
    assertEquals("plant.turbine-readings", turbines.stages().get(0).inputTopic());
    assertEquals(
        List.of(
            new TopicNeed("plant.turbine-readings", "input", Purpose.INPUT),
            new TopicNeed("plant.turbine-codes", "codes", Purpose.OUTPUT),
            new TopicNeed("plant.alarms", "anomalies", Purpose.OUTPUT),
            new TopicNeed("turbines.dictionaries", "dictionaries", Purpose.MODEL),
            new TopicNeed("plant.refused", "dead-letters", Purpose.DEAD_LETTER)),
        turbines.topics());

    Pipeline grid = plant.pipelines().get(1);
    Stage sensors = grid.stages().get(0);
    Stage merge = grid.stages().get(1);
    assertEquals("grid.readings", sensors.inputTopic());
    assertEquals(Set.of("grid-waveforms"), sensors.following().ids());
    assertEquals("grid.dictionaries", sensors.following().topic());
    assertEquals("grid.statistics", merge.inputTopic());
    assertEquals(Map.of("dictionaries", "grid.dictionaries"), merge.outputTopics());
    assertEquals(Purpose.INTERNAL, need(grid, "statistics").purpose());
    assertEquals("sensor-dictionary", sensors.spec().get().name());
    assertEquals("shared-dictionary", merge.spec().get().name());
  }

  @Test
  void refusesEachNumberOfTheExampleOutOfItsRange() throws IOException {
    int lines = 0;
    for (String line : example().lines().toList()) {
      if (line.matches(" *[a-z-]+: [0-9_]+([.][0-9]+)? *(#.*)?")) {
        String key = line.strip().split(":")[0];
        String changed = example().replace(line, line.replaceFirst(": [0-9._]+", ": -7.5"));
        ConfigurationException refusal =
            assertThrows(
                ConfigurationException.class,
                () -> Deployment.parse("example.yaml", changed, Map.of()),
                line);
        String message = refusal.getMessage();
        assertTrue(
            message.startsWith("example.yaml: ") && message.contains(key + ": got "), message);
        assertTrue(message.contains("-7.5") && message.contains(", expected "), message);
        lines++;
      }
    }
    assertTrue(lines > 25, "numbers: " + lines);
  }

  @Test
  void buildsANewOperatorForEachTask() throws IOException {
    Stage stage = Deployment.parse("f", example(), Map.of()).pipelines().get(0).stages().get(0);
    assertFalse(stage.spec().get().operator() == stage.spec().get().operator());
  }

  @Test
  void refusesWhatIsMissingTwiceOrUnknown() {
    refused("name: plant\n", "kafka.bootstrap.servers: got nothing");
    refused("kafka: {bootstrap.servers: b}\npipelines: [{name: a}]\n", "name: got nothing");
    refused("name: 'a b'\n", "name: got \"a b\"");
    refused(HEAD, "pipelines: got none");
    refused(HEAD + "pipelines: [{}]\n", "pipelines[0].name: got nothing");
    refused(HEAD + "pipelines: [{name: a}, {name: a}]\n", "pipelines[1].name: got a twice");
    refused(HEAD + "pipelines: [{name: a, chanels: 3}]\n", "pipelines[0].chanels: got an unknown");
    refused(HEAD + "pipelines: [{name: a}]\nport: 1\n", "port: got an unknown key");
    refused(
        HEAD + "pipelines: [{name: a, coder: {name: lasso, refit: true}}]\n",
        "pipelines[0].coder.refit: got an unknown key");
    refused(
        HEAD + "pipelines: [{name: a, operator: sorter}]\n",
        "pipelines[0].operator: got sorter, expected one of federated, federated-mixing,"
            + " kv-cache, sensor-dictionary");
  }

  @Test
  void refusesPropertiesThatOtherSettingsStandFor() {
    Deployment deployment =
        Deployment.parse(
            "plant.yaml",
            HEAD + "engines: {fast: {threads: 9}, slow: {x: 1}}\npipelines: [{name: a}]\n",
            Map.of("MILLRACE_KAFKA_RETRIES", "3"));
    deployment.requireFree("fast", Map.of("x", "fixed"));
    ConfigurationException inEngine =
        assertThrows(
            ConfigurationException.class,
            () -> deployment.requireFree("fast", Map.of("threads", "set by engine.threads")));
    assertEquals(
        "plant.yaml: engines.fast.threads: got a value, expected none here: it is set by"
            + " engine.threads",
        inEngine.getMessage());
    ConfigurationException inKafka =
        assertThrows(
            ConfigurationException.class,
            () -> deployment.requireFree("slow", Map.of("retries", "always 0")));
    assertTrue(inKafka.getMessage().startsWith("plant.yaml: kafka.retries: got a value"));
  }

  @Test
  void canBeReadAgainFromItsSource() {
    Deployment deployment =
        Deployment.parse(
            "plant.yaml",
            HEAD + "pipelines: [{name: a}]\n",
            Map.of("MILLRACE_ENGINE_THREADS", "3", "HOME", "/home/x"));
    assertEquals(Map.of("MILLRACE_ENGINE_THREADS", "3"), deployment.source().overrides());
    Deployment again = deployment.source().deployment();
    assertEquals(3, again.engine().threads());
    assertEquals(deployment.kafka(), again.kafka());
    assertFalse(deployment.source().toString().contains("hunter2"));
  }

  @Test
  void refusesSettingsThatDoNotFitEachOther() {
    refusedPipeline("error-bound: [1, 2], channels: 3", "error-bound: got 2 numbers, expected one");
    refusedPipeline("error-bound: 0", "error-bound: got 0");
    refusedPipeline("window: {length: 8, hop: 9}", "window.hop: got 9, expected a whole number");
    refusedPipeline("window: {length: 4096}, channels: 4096", "window.length: got 4096");
    refusedPipeline("atoms: 8000, channels: 256, window: {length: 64}", "atoms: got 8000");
    refusedPipeline("learner: {name: fw-odl}, window: {length: 8}", "atoms: got 16, expected 8");
    refusedPipeline(
        "learner: {name: fw-odl}, shared-dictionary: s, atoms: 64", "learner.name: got");
    refusedPipeline("shared-dictionary: a@b", "shared-dictionary: got \"a@b\"");
    refusedPipeline(
        "rounds: {first-windows: 64, maximum-windows: 32}", "rounds.maximum-windows: got 32");
    refusedPipeline(
        "detection: {history-windows: 32, warm-up-windows: 33}",
        "detection.warm-up-windows: got 33");
  }

  @Test
  void refusesATopicInTwoParts() {
    refusedPipeline("input: t, outputs: {codes: t}", "outputs.codes: got t, which is the topic of");
    refusedPipeline("outputs: {codes: t, anomalies: t}", "outputs.anomalies: got t");
    refusedPipeline("input: t, dead-letters: t", "dead-letters: got t");
    refusedPipeline("outputs: {codes: 'a b'}", "outputs.codes: got \"a b\"");
  }

  @Test
  void takesTheLargestAndSmallestShapes() {
    for (String shape :
        List.of(
            "channels: 4096",
            "channels: 4096, window: {length: 16}, atoms: 1",
            "channels: 1, window: {length: 2}",
            "learner: {name: fw-odl}, atoms: 64",
            "coder: {name: hard-threshold}")) {
      assertEquals(1, parse(HEAD + "pipelines: [{name: a, " + shape + "}]\n").pipelines().size());
    }
  }

  @Test
  void setsKafkaPropertiesFromTheEnvironment() {
    Deployment deployment =
        Deployment.parse(
            "f",
            HEAD + "pipelines: [{name: a}]\n",
            Map.of(
                "MILLRACE_KAFKA_BOOTSTRAP_SERVERS", "other:1",
                "MILLRACE_KAFKA_SSL_KEY_PASSWORD", "secret",
                "MILLRACE_NAME", "renamed",
                "PATH", "/bin"));
    assertEquals(
        Map.of(
            "bootstrap.servers", "other:1",
            "ssl.key.password", "secret",
            "sasl.password", "hunter2"),
        deployment.kafka());
    assertEquals("renamed", deployment.name());
    Deployment fromEnvironmentAlone =
        Deployment.parse(
            "f",
            "name: a\npipelines: [{name: a}]\n",
            Map.of("MILLRACE_KAFKA_BOOTSTRAP_SERVERS", "other:1"));
    assertEquals("other:1", fromEnvironmentAlone.kafka().get("bootstrap.servers"));
  }

  @Test
  void keepsSecretsOutOfItsText() {
    assertFalse(parse(HEAD + "pipelines: [{name: a}]\n").toString().contains("hunter2"));
  }

  private static TopicNeed need(Pipeline pipeline, String channel) {
    return pipeline.topics().stream().filter(n -> n.channel().equals(channel)).findFirst().get();
  }

  private static Deployment parse(String yaml) {
    return Deployment.parse("plant.yaml", yaml, Map.of());
  }

  private static void refusedPipeline(String settings, String expected) {
    refused(HEAD + "pipelines: [{name: a, " + settings + "}]\n", "pipelines[0]." + expected);
  }

  private static void refused(String yaml, String expected) {
    String message =
        assertThrows(ConfigurationException.class, () -> parse(yaml), yaml).getMessage();
    assertTrue(message.startsWith("plant.yaml: "), message);
    assertTrue(message.contains(expected), message);
    assertTrue(message.contains(": got ") && message.contains(", expected "), message);
    assertFalse(message.contains("hunter2"), message);
  }

  private static String example() throws IOException {
    try (var in = DeploymentTest.class.getResourceAsStream("/example.yaml")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
