package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.Models;
import io.millrace.operator.federated.FederatedSettings.Server;
import io.millrace.schema.Contribution;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.RoundFreeze;
import io.millrace.schema.SingleObject;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A log without a client against a federation that never had it. */
class WithoutClientTest {
  private static final int LENGTH = 20;
  private static final int CHUNK = 7;
  private static final String GONE = "mallory";

  /** Whose updates each round has: in the third it is alone, in the last it is not there. */
  private static final List<List<String>> ROUNDS =
      List.of(
          List.of("ada", "bob", GONE),
          List.of("bob", "eve", GONE),
          List.of(GONE),
          List.of("ada", "eve", GONE),
          List.of("ada", "bob", "eve"));

  @ParameterizedTest
  @CsvSource({
    "FEDAVG, plain, SGD, 0",
    "FEDAVG, plain, ADAM, 0",
    "FEDAVG, random-k-0.5, MOMENTUM, 0",
    "FEDAVG, qsgd-16, SGD, 0.5",
    "FEDAVG, srht-0.5, DIFFGRAD, 0",
    "SCAFFOLD, plain, SGD, 0",
    "SCALLION, plain, SGD, 0",
    "EF21, top-k-0.3, SGD, 0",
    "AFA_CS, plain, LION, 0",
  })
  void theLogWithoutAClientMakesTheBitsOfAFederationWithoutIt(
      AveragingMethod method, String codec, OptimiserName optimiser, double clip) {
    FederatedSettings settings =
        new FederatedTestSettings()
            .method(method)
            .codecs(codec)
            .privacy(clip, 0)
            .server(new Server(optimiser, 0.3, 0.9, 0.99, 1e-3, 0.1))
            .round(10, 1, 1000)
            .build();
    Federation whole = run(settings, ROUNDS, true);
    Federation never = run(settings, ROUNDS, false);
    WithoutClient without = new WithoutClient(settings, ChunkRecords.MODEL, GONE);
    assertRebuilt(settings, whole, never, without);
    assertEquals(4, without.taken());
    assertEquals(Set.of(3L), without.skipped());
  }

  @Test
  void noiseStaysThatOfTheVersion() {
    FederatedTestSettings settings = new FederatedTestSettings().privacy(1, 0.7);
    FederatedSettings rounds = settings.round(10, 1, 1000).build();
    List<List<String>> together = new ArrayList<>(ROUNDS);
    together.remove(2);
    WithoutClient without = new WithoutClient(rounds, ChunkRecords.MODEL, GONE);
    assertRebuilt(rounds, run(rounds, together, true), run(rounds, together, false), without);
    assertEquals(Set.of(), without.skipped());
    Federation alone = run(rounds, ROUNDS, true);
    WithoutClient refusing = new WithoutClient(rounds, ChunkRecords.MODEL, GONE);
    assertThrows(IllegalStateException.class, () -> rebuilt(rounds, alone, refusing));
  }

  @Test
  void versionsThatAreNotMadeAgeNobodysUpdates() {
    FederatedSettings settings =
        new FederatedTestSettings()
            .method(AveragingMethod.FEDASYNC)
            .server(Server.plain(0.6))
            .build();
    List<List<String>> asked = List.of(List.of("ada", GONE, "bob", "eve"), List.of("ada"));
    Federation whole = run(settings, asked, true);
    WithoutClient without = new WithoutClient(settings, ChunkRecords.MODEL, GONE);
    assertRebuilt(settings, whole, run(settings, asked, false), without);
    assertEquals(Set.of(2L), without.skipped());
  }

  @Test
  void whatIsLeftOfABufferIsDividedByHowManyThereAre() {
    FederatedTestSettings settings = new FederatedTestSettings().method(AveragingMethod.FEDBUFF);
    FederatedSettings three = settings.buffer(3).build();
    List<List<String>> asked = List.of(ROUNDS.get(0), ROUNDS.get(1), ROUNDS.get(3));
    Federation never = run(settings.buffer(2).build(), asked, false);
    WithoutClient without = new WithoutClient(three, ChunkRecords.MODEL, GONE);
    assertRebuilt(three, run(three, asked, true), never, without);
  }

  @Test
  void leavesFreezesWithoutThatClientAsTheyAre() {
    WithoutClient without =
        new WithoutClient(new FederatedTestSettings().build(), ChunkRecords.MODEL, GONE);
    RoundFreeze others =
        ChunkRecords.freeze(1, List.of(ChunkRecords.part("ada", 0, 1, 1)), Float.MAX_VALUE);
    assertSame(others, without.apply(others));
    RoundFreeze other = ChunkRecords.freeze(1, List.of(ChunkRecords.part(GONE, 0, 1, 1)), 1);
    other.setModel("other");
    assertSame(other, without.apply(other));
    assertEquals(0, without.taken());
  }

  @Test
  void refusesSettingsUnderWhichAClientMovesMoreThanItsSummand() {
    FederatedTestSettings mean = new FederatedTestSettings();
    assertRefused("robust.rule is median", mean.robust(PreMixing.NONE, RobustRule.MEDIAN, 1));
    FederatedTestSettings mixed = new FederatedTestSettings();
    assertRefused("mixing bucketing", mixed.robust(PreMixing.BUCKETING, RobustRule.MEAN, 1));
    assertRefused("largest-correction", new FederatedTestSettings().correction(4));
    assertRefused("masked", MaskedRoundsTest.settings(4, 2).build());
    assertRefused("clip-quantile", new ControlTestSettings().privacy(1, 0, 0, 1e-5, 0.5).build());
  }

  private static void assertRefused(String expected, FederatedTestSettings settings) {
    assertRefused(expected, settings.build());
  }

  private static void assertRefused(String expected, FederatedSettings settings) {
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () -> new WithoutClient(settings, ChunkRecords.MODEL, GONE))
            .getMessage();
    assertTrue(message.contains(expected), message);
    assertEquals(1, message.lines().count(), message);
  }

  private static void assertRebuilt(
      FederatedSettings settings, Federation whole, Federation never, WithoutClient without) {
    assertEquals(List.of(), whole.refusals);
    TreeMap<Long, double[]> rebuilt = rebuilt(settings, whole, without);
    assertEquals(whole.versions.size(), rebuilt.size());
    // what the client alone made was never made
    long same = -1;
    boolean moved = false;
    for (VersionCommit version : whole.versions) {
      List<String> clients =
          version.getContributions().stream().map(Contribution::getClient).toList();
      same += clients.equals(List.of(GONE)) ? 0 : 1;
      moved |= clients.contains(GONE);
      long number = version.getVersion();
      assertArrayEquals(never.model(same), rebuilt.get(number), "version " + number);
      assertEquals(!moved, Arrays.equals(whole.model(number), rebuilt.get(number)), "" + number);
    }
    assertEquals(same + 1, never.versions.size());
    assertTrue(moved);
  }

  /** The log's chunks through an operator of their own, freezes changed. */
  private static TreeMap<Long, double[]> rebuilt(
      FederatedSettings settings, Federation whole, WithoutClient without) {
    Authority authority = new Authority(ChunkRecords.MASTER_KEY);
    ChunkAggregation aggregation = new ChunkAggregation(settings, authority);
    ChunkState[] chunks = new ChunkState[whole.chunks.length];
    Arrays.setAll(chunks, i -> aggregation.createState(whole.chunks[i].key));
    TreeMap<Long, double[]> models = new TreeMap<>();
    for (Federation.Logged logged : whole.log) {
      ChunkState state = chunks[logged.chunk()];
      FederatedInput input = changed(authority, state.key, logged.input(), without);
      aggregation.accept(state, input, 0, Models.NONE, output -> read(output, models));
    }
    return models;
  }

  private static FederatedInput changed(
      Authority authority, String key, FederatedInput input, WithoutClient without) {
    if (!(input instanceof FederatedInput.Authorised authorised)) {
      return input;
    }
    byte[] framed = authority.open(key, authorised.record());
    if (!SingleObject.recordName(framed).equals("RoundFreeze")) {
      return input;
    }
    SingleObject<RoundFreeze> freezes = SingleObject.of(RoundFreeze.class);
    RoundFreeze freeze = without.apply(freezes.decode(framed));
    return new FederatedInput.Authorised(authority.authorise(key, freezes.encode(freeze)));
  }

  private static void read(FederatedOutput output, TreeMap<Long, double[]> models) {
    if (output instanceof FederatedOutput.Model published) {
      ModelChunk chunk = published.chunk();
      double[] model = models.computeIfAbsent(chunk.getVersion(), version -> new double[LENGTH]);
      ByteBuffer in = chunk.getValues().duplicate().order(ByteOrder.LITTLE_ENDIAN);
      for (int i = chunk.getChunk() * CHUNK; in.hasRemaining(); i++) {
        model[i] = in.getDouble();
      }
    }
  }

  /**
   * Rounds that end at their deadline.
   *
   * @param present whether {@link #GONE} sends anything; it asks for tasks in any case
   */
  private static Federation run(
      FederatedSettings settings, List<List<String>> rounds, boolean present) {
    Federation run = new Federation(settings, new double[LENGTH], CHUNK);
    for (String name : List.of("ada", "bob", "eve", GONE)) {
      Random random = new Random(name.hashCode());
      boolean silent = name.equals(GONE) && !present;
      boolean gone = name.equals(GONE);
      run.client(
          name,
          (task, model, control) -> {
            if (silent) {
              return Federation.Sent.NOTHING;
            }
            // another binade and another power of two of weights than all others'
            List<byte[]> payloads = payloads(settings, random, gone ? 100 : 1, task.getSeed());
            List<byte[]> seconds =
                settings.method().averaging() == AveragingMethod.SCAFFOLD
                    ? payloads(settings, random, gone ? 100 : 1, task.getSeed())
                    : List.of();
            return new Federation.Sent(payloads, seconds, gone ? 5000 : 1 + random.nextInt(9));
          });
    }
    long time = 1;
    for (List<String> names : rounds) {
      run.round(names);
      time += 2000;
      run.tick(time);
      run.settle();
    }
    return run;
  }

  private static List<byte[]> payloads(
      FederatedSettings settings, Random random, double size, long seed) {
    UpdateCodec codec = UpdateCodecs.named(settings.exchange().codecs().get(0));
    List<byte[]> payloads = new ArrayList<>();
    for (int from = 0; from < LENGTH; from += CHUNK) {
      float[] values = new float[Math.min(CHUNK, LENGTH - from)];
      for (int i = 0; i < values.length; i++) {
        // down to where the fixed point rounds: there its place shows
        values[i] = (float) Math.scalb(size * random.nextGaussian(), -random.nextInt(48));
      }
      payloads.add(codec.encode(values, seed));
    }
    return payloads;
  }
}
