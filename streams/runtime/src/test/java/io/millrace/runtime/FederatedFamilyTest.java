package io.millrace.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.federated.AveragingMethod;
import io.millrace.operator.federated.FederatedInput;
import io.millrace.operator.federated.FederatedOutput;
import io.millrace.operator.federated.FederatedSettings;
import io.millrace.operator.federated.FederatedSettings.Buffered;
import io.millrace.operator.federated.FederatedSettings.Immediate;
import io.millrace.operator.federated.FederatedSettings.Masked;
import io.millrace.operator.federated.FederatedSettings.Masking;
import io.millrace.operator.federated.FederatedSettings.Synchronous;
import io.millrace.operator.federated.OptimiserName;
import io.millrace.operator.federated.PreMixing;
import io.millrace.operator.federated.RobustRule;
import io.millrace.operator.federated.Staleness;
import io.millrace.runtime.Pipeline.Purpose;
import io.millrace.runtime.Pipeline.TopicNeed;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.MaskCohort;
import io.millrace.schema.MaskDelivery;
import io.millrace.schema.MaskKeys;
import io.millrace.schema.MaskReveal;
import io.millrace.schema.MaskShares;
import io.millrace.schema.MaskSurvivors;
import io.millrace.schema.Metric;
import io.millrace.schema.ModelPointer;
import io.millrace.schema.RevealedShare;
import io.millrace.schema.RoundPhase;
import io.millrace.schema.RoundStatus;
import io.millrace.schema.SealedShare;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskRequest;
import io.millrace.schema.UpdateTask;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class FederatedFamilyTest {
  private static final String HEAD = "name: d\nkafka: {bootstrap.servers: b}\n";

  @TempDir private Path directory;

  @Test
  void plansTwoStagesThatFeedEachOther() {
    Pipeline pipeline = pipeline("").pipeline();
    assertEquals("federated", pipeline.family());
    assertEquals(
        List.of(
            new TopicNeed("a.updates", "updates", Purpose.INPUT, Partitioning.BY_CHUNK),
            new TopicNeed("a.control", "control", Purpose.INPUT, Partitioning.BY_KEY),
            new TopicNeed("a.models", "models", Purpose.MODEL),
            new TopicNeed("a.memories", "memories", Purpose.MODEL),
            new TopicNeed("a.tasks", "tasks", Purpose.MODEL),
            new TopicNeed("a.versions", "versions", Purpose.MODEL),
            new TopicNeed("a.accounts", "accounts", Purpose.MODEL),
            new TopicNeed("a.rounds", "rounds", Purpose.OUTPUT),
            new TopicNeed("a.dead-letters", "dead-letters", Purpose.DEAD_LETTER)),
        pipeline.topics());
    Stage aggregation = pipeline.stages().get(0);
    Stage control = pipeline.stages().get(1);
    assertEquals("aggregation", aggregation.name());
    assertEquals("a.updates", aggregation.inputTopic());
    assertEquals(
        Map.of("models", "a.models", "memories", "a.memories", "reports", "a.control"),
        aggregation.outputTopics());
    assertEquals("control", control.name());
    assertEquals("a.control", control.inputTopic());
    assertEquals("a.updates", control.outputTopics().get("commands"));
    assertEquals(Partitioning.BY_CHUNK, pipeline.partitioning("a.updates"));
    assertEquals(Partitioning.ANY, pipeline.partitioning("a.models"));
    HashSet<String> routed = new HashSet<>(aggregation.outputTopics().keySet());
    routed.addAll(control.outputTopics().keySet());
    assertEquals(new HashSet<>(new FederatedOutputCodec().channels()), routed);
  }

  @Test
  void readsItsKeyWhenATaskStartsAndShowsItNowhere() throws Exception {
    Path key = directory.resolve("key");
    Pipeline pipeline = pipeline("master-key-file: " + key).pipeline();
    ConfigurationException missing =
        assertThrows(ConfigurationException.class, () -> pipeline.stages().get(0).spec().get());
    assertEquals(
        "f.yaml: pipelines[0].master-key-file: got "
            + key
            + ", which cannot be read, expected a file of 16 to 65536 random bytes",
        missing.getMessage());
    Files.writeString(key, "tooshort");
    String message =
        assertThrows(ConfigurationException.class, () -> pipeline.stages().get(1).spec().get())
            .getMessage();
    assertTrue(message.contains("which has 8 bytes"), message);
    assertFalse(message.contains("tooshort"), message);
    Files.write(key, new byte[70_000]);
    assertTrue(
        assertThrows(ConfigurationException.class, () -> pipeline.stages().get(1).spec().get())
            .getMessage()
            .contains("which is longer"));
    Files.writeString(key, "0123456789abcdef");
    for (Stage stage : pipeline.stages()) {
      OperatorSpec<?, ?, ?> spec = stage.spec().get();
      assertEquals(spec.state().getClass(), Catalog.stateCodec(spec.name()).getClass());
    }
    assertFalse(pipeline.toString().contains("0123456789abcdef"));
  }

  @Test
  void hasSettingsThatFitTheMethodUnlessTold() {
    FederatedSettings plain = pipeline("").settings();
    assertEquals(AveragingMethod.FEDAVG, plain.method().averaging());
    assertEquals(new Synchronous(10, 5, 600_000, false), plain.rounds().policy());
    assertInstanceOf(Staleness.Constant.class, plain.rounds().staleness());
    assertTrue(plain.admission().signed());
    FederatedSettings buffered = pipeline("method: {name: fedbuff}").settings();
    assertEquals(new Buffered(10, 1, 1000), buffered.rounds().policy());
    assertEquals(new Staleness.Polynomial(0.5), buffered.rounds().staleness());
    FederatedSettings immediate = pipeline("method: {name: fedasync}").settings();
    assertInstanceOf(Immediate.class, immediate.rounds().policy());
    assertEquals(0.6, immediate.method().server().rate());
  }

  @Test
  void readsEverySetting() {
    FederatedPipeline read =
        pipeline(
            "method: {name: fedavg, server: {optimiser: yogi, rate: 0.5}, local: {steps: 3}}, "
                + "rounds: {target: 8, minimum: 6, deadline-millis: 100, stragglers: carry, "
                + "staleness: {function: hinge, slope: 2, grace: 1}}, "
                + "robust: {mixing: nearest-neighbours, rule: trimmed-mean, faulty: 2}, "
                + "admission: {largest-norm: 7, largest-weight: 1, signed: false}, "
                + "exchange: {codecs: [qsgd-4, top-k-0.1], numbers: float64}, "
                + "ticks: {interval-millis: 0}");
    FederatedSettings settings = read.settings();
    assertEquals(OptimiserName.YOGI, settings.method().server().optimiser());
    assertEquals(new Synchronous(8, 6, 100, true), settings.rounds().policy());
    assertEquals(new Staleness.Hinge(2, 1), settings.rounds().staleness());
    assertEquals(PreMixing.NEAREST_NEIGHBOURS, settings.robust().mixing());
    assertEquals(RobustRule.TRIMMED_MEAN, settings.robust().rule());
    assertEquals(7, settings.admission().largestNorm());
    assertEquals(List.of("qsgd-4", "top-k-0.1"), settings.exchange().codecs());
    assertEquals(8, settings.exchange().elementBytes());
    assertEquals(0, read.tickMillis());
    assertEquals(
        List.of("plain"), pipeline("exchange: {codecs: plain}").settings().exchange().codecs());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "method: {name: fedsgd} | method.name: got fedsgd, expected one of fedavg, fedprox",
        "method: {name: ef21} | method.clients: got 0, expected a whole number from 1",
        "method: {server: {optimiser: sophia}} | method.server.optimiser: got sophia, expected one"
            + " of sgd",
        "rounds: {target: 2, minimum: 3} | rounds.minimum: got 3, expected a whole number from 1 to"
            + " 2",
        "exchange: {codecs: [plain, zip]} | exchange.codecs: got zip, expected one like plain",
        "exchange: {codecs: [{a: b}]} | exchange.codecs: got a list with a mapping, expected a"
            + " list",
        "privacy: {noise: 1} | privacy.clip: got privacy.clip is 0.0, expected above 0",
        "privacy: {clip: 1, noise: 1}, robust: {rule: median} | method: got noise is added",
        "updates: a.control | control: got a.control, which is the topic of updates",
        "outputs: {tasks: a.models} | outputs.tasks: got a.models, which is the topic of models",
        "master-key-file: '' | master-key-file: got nothing, expected a text",
        "input: x | input: got an unknown key",
        "rounds: {policy: masked, target: 1} | rounds.target: got 1, expected a whole number from 2"
            + " to 1024",
        "rounds: {policy: masked, target: 4, minimum: 1} | rounds.minimum: got 1, expected a whole"
            + " number from 2 to 4",
        "rounds: {policy: masked, target: 1000} | rounds.target: got masks left at most, fewer with"
            + " neighbours is 250500",
        "rounds: {policy: masked, stragglers: carry} | rounds.stragglers: got carry, expected drop,"
            + " since",
        "rounds: {policy: masked, size: 3} | rounds.size: got an unknown key",
        "rounds: {masking: {largest: 1}} | rounds.masking: got an unknown key",
        "rounds: {policy: masked, masking: {neighbours: 7}} | rounds.masking.neighbours: got 7,"
            + " expected an even number",
        "rounds: {policy: masked, masking: {threshold: 0.4}} | rounds.masking.threshold: got 0.4,"
            + " expected a number from 0.5 to 0.95",
        "rounds: {policy: masked, masking: {largest: 0}} | rounds.masking.largest: got 0.0",
        "rounds: {policy: masked, masking: {phase-millis: 0}} | rounds.masking.phase-millis: got 0",
        "rounds: {policy: masked}, robust: {rule: median} | method: got masked rounds show sums"
            + " alone",
        "rounds: {policy: masked}, method: {name: scaffold, clients: 10} | method: got masked"
            + " rounds show sums alone",
        "rounds: {policy: masked}, exchange: {codecs: [sign]} | method: got codec below masks is"
            + " sign, expected plain or a linear one",
        "rounds: {policy: masked}, exchange: {codecs: [plain, sign]} | method: got masked updates"
            + " tell no norm",
        "rounds: {policy: masked}, admission: {largest-weight: 100000000} | method: got values up"
            + " to 1.0 with weights of 1000000000",
        "ticks: {interval-millis: -1} | ticks.interval-millis: got -1, expected a whole number from"
            + " 0",
      })
  void refusesWhatCannotBeInOneLine(String settings, String expected) {
    String message =
        assertThrows(ConfigurationException.class, () -> pipeline(settings)).getMessage();
    assertTrue(message.startsWith("f.yaml: pipelines[0]." + expected), message);
    assertEquals(1, message.lines().count());
  }

  @Test
  void readsMaskedRounds() {
    FederatedSettings usual = pipeline("rounds: {policy: masked, target: 8}").settings();
    assertEquals(
        new Masked(new Synchronous(8, 6, 600_000, false), new Masking(2.0 / 3, 0, 1, 60_000)),
        usual.rounds().policy());
    assertEquals(1, usual.admission().largestWeight());
    FederatedSettings chosen =
        pipeline(
                "rounds: {policy: masked, target: 100, minimum: 80, deadline-millis: 5, stragglers:"
                    + " drop, masking: {threshold: 0.5, neighbours: 12, largest: 0.25,"
                    + " phase-millis: 7}}, admission: {largest-weight: 30}, privacy: {clip: 1,"
                    + " noise: 2}")
            .settings();
    assertEquals(
        new Masked(new Synchronous(100, 80, 5, false), new Masking(0.5, 12, 0.25f, 7)),
        chosen.rounds().policy());
    assertEquals(30, chosen.admission().largestWeight());
  }

  /** What masked rounds tell their clients lies on the tasks topic, each under its own key. */
  @Test
  void carriesTheRecordsOfMaskedRounds() {
    UpdateTask task = new UpdateTask("m", "c", 4L, 2L, 1L, 9L, 0L, bytes(32));
    FederatedInputCodec inputs = new FederatedInputCodec();
    MaskKeys keys = new MaskKeys(task, bytes(32), bytes(32), bytes(64));
    assertEquals(
        new FederatedInput.Keys(keys), inputs.decode(SingleObject.of(MaskKeys.class).encode(keys)));
    MaskShares shares =
        new MaskShares(
            task,
            bytes(32),
            List.of(new SealedShare("d", bytes(82), bytes(32), bytes(32))),
            bytes(64));
    assertEquals(
        new FederatedInput.Shares(shares),
        inputs.decode(SingleObject.of(MaskShares.class).encode(shares)));
    MaskReveal reveal =
        new MaskReveal(task, List.of(new RevealedShare("d", true, bytes(33))), bytes(64));
    assertEquals(
        new FederatedInput.Reveal(reveal),
        inputs.decode(SingleObject.of(MaskReveal.class).encode(reveal)));

    MaskCohort cohort = new MaskCohort("m", 2L, List.of(), 3, 0, 9L, 1f, 8L, 1);
    MaskDelivery delivery = new MaskDelivery("m", 2L, "c", List.of(0, 1), List.of());
    MaskSurvivors survivors = new MaskSurvivors("m", 2L, List.of(0, 1));
    assertTask("m#cohort", cohort, new FederatedOutput.Cohort(cohort));
    assertTask("m/c#shares", delivery, new FederatedOutput.Delivery(delivery));
    assertTask("m#survivors", survivors, new FederatedOutput.Survivors(survivors));
  }

  private static void assertTask(String key, SpecificRecord record, FederatedOutput output) {
    FederatedOutputCodec codec = new FederatedOutputCodec();
    assertEquals("tasks", codec.channel(output));
    assertEquals(key, codec.key(output, "m"));
    @SuppressWarnings("unchecked")
    Class<SpecificRecord> type = (Class<SpecificRecord>) record.getClass();
    assertEquals(record, SingleObject.of(type).decode(codec.encode(output)));
  }

  private static ByteBuffer bytes(int length) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) length);
    return ByteBuffer.wrap(bytes);
  }

  @Test
  void readsWhatBelongsOnItsTopicsAndRefusesAllElse() {
    FederatedInputCodec codec = new FederatedInputCodec();
    byte[] request = SingleObject.of(TaskRequest.class).encode(new TaskRequest("m", "c", 5L));
    FederatedInput.Request read = (FederatedInput.Request) codec.decode(request);
    assertEquals("c", read.request().getClient());
    byte[] word =
        SingleObject.of(AuthorisedRecord.class)
            .encode(new AuthorisedRecord(ByteBuffer.allocate(3), ByteBuffer.allocate(32)));
    assertInstanceOf(FederatedInput.Authorised.class, codec.decode(word));
    byte[] metric = SingleObject.of(Metric.class).encode(new Metric("a", "b", Map.of(), 1L, 2.0));
    assertEquals(Reason.WRONG_SCHEMA, refusal(codec, metric));
    // what only the aggregator may say counts with its word alone
    byte[] bare =
        SingleObject.of(ModelPointer.class).encode(new ModelPointer("m", 0L, "ROLLED_BACK"));
    assertEquals(Reason.WRONG_SCHEMA, refusal(codec, bare));
    assertEquals(Reason.EMPTY, refusal(codec, null));
    assertEquals(Reason.BAD_FRAMING, refusal(codec, new byte[20]));
    assertEquals(Reason.MALFORMED, refusal(codec, Arrays.copyOf(request, request.length - 1)));
  }

  @Test
  void routesWhatStagesEmit() {
    FederatedOutputCodec codec = new FederatedOutputCodec();
    FederatedOutput removed = new FederatedOutput.RemovedModel("m", 3, 2);
    assertEquals("models", codec.channel(removed));
    assertEquals("m@0000000000000003#000002", codec.key(removed, "m/000002"));
    assertNull(codec.encode(removed));
    FederatedOutput pointer = new FederatedOutput.Pointer(new ModelPointer("m", 3L, "PUBLISHED"));
    assertEquals("versions", codec.channel(pointer));
    assertEquals("ModelPointer", SingleObject.recordName(codec.encode(pointer)));
    FederatedOutput status =
        new FederatedOutput.Status(
            new RoundStatus("m", 1L, 1L, RoundPhase.OPEN, 1, 1, 1, 1, 0L, 0L, 0L));
    assertEquals("rounds", codec.channel(status));
    AuthorisedRecord word = new AuthorisedRecord(ByteBuffer.allocate(1), ByteBuffer.allocate(32));
    assertEquals("reports", codec.channel(new FederatedOutput.Report("m", word)));
    assertEquals("commands", codec.channel(new FederatedOutput.Command("m/000000", word)));
    assertEquals("m/000000", codec.key(new FederatedOutput.Command("m/000000", word), "m"));
  }

  private static Reason refusal(FederatedInputCodec codec, byte[] value) {
    return assertThrows(InvalidInputException.class, () -> codec.decode(value)).reason();
  }

  private static FederatedPipeline pipeline(String settings) {
    String key = settings.contains("master-key-file") ? "" : ", master-key-file: /nowhere";
    String rest = settings.isEmpty() ? "" : ", " + settings;
    Deployment deployment =
        Deployment.parse(
            "f.yaml",
            HEAD + "pipelines:\n- {name: a, operator: federated" + key + rest + "}\n",
            Map.of());
    FederatedPipeline only = FederatedPipeline.of(deployment).get(0);
    assertEquals(deployment.pipelines().get(0).topics(), only.pipeline().topics());
    return only;
  }
}
