package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.federated.FederatedSettings.Local;
import io.millrace.operator.federated.FederatedSettings.Server;
import io.millrace.schema.ClientMemory;
import io.millrace.schema.UpdateTask;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

/**
 * Averaging methods on ten quadratics that disagree, record by record through the operator: each is
 * exact or stalls as measured once by another implementation ({@link AveragingTableTest}).
 */
class ChunkMethodsTest {
  private static final int CLIENTS = Quadratics.CLIENTS;
  private static final int LENGTH = Quadratics.LENGTH;
  private static final int STEPS = 10;
  private static final int BITS = 40;
  private static final double EXACT = 1e-9;

  private final Quadratics problem = new Quadratics(3);
  private final double[] minimum = problem.minimum();

  @Test
  void averagingStallsInProportionToTheLocalSteps() {
    assertEquals(1.5e-1, averaging(AveragingMethod.FEDAVG, 0.02, 0, 300), 0.01);
    assertEquals(1.7e-2, averaging(AveragingMethod.FEDAVG, 0.002, 0, 3000), 0.001);
    assertEquals(1.45e-1, averaging(AveragingMethod.FEDPROX, 0.02, 1, 300), 0.01);
  }

  @Test
  void scaffoldIsExactAlsoWithThreeOfTenClients() {
    assertExact(scaffold(CLIENTS, 300));
    assertExact(scaffold(3, 600));
  }

  @Test
  void scallionIsExactUnderUnbiasedCompression() {
    assertExact(scallion(0.1, "random-k-0.2", CLIENTS, 3000, -1));
    assertExact(scallion(0.1, "qsgd-2", 3, 3000, -1));
    assertExact(scallion(0.5, "natural", CLIENTS, 600, -1));
  }

  @Test
  void scafcomIsExactUnderTopK() {
    assertExact(scafcom(0.2, 0.002, CLIENTS, 4000));
  }

  @Test
  void errorFeedbackWithServerMemoryIsExactUnderTopK() {
    assertExact(errorFeedback21(2000, -1));
    assertExact(errorControl(3000));
  }

  @Test
  void anarchicAveragingAcrossSilosIsExactWithoutCompression() {
    Local local = new Local(1, 0.1, 0, 1, 1, 1);
    ChunkFederation run = federation(AveragingMethod.AFA_CS, local, "plain");
    FixedPointMemory[] memories = new FixedPointMemory[CLIENTS];
    Arrays.setAll(memories, i -> new FixedPointMemory(LENGTH, BITS));
    double[] g = new double[LENGTH];
    Random random = new Random(4);
    for (int version = 0; version < 3000; version++) {
      // Fast clients come four times as often, three returns a version.
      int[] returns =
          random
              .ints(0, 25)
              .map(draw -> draw < 20 ? draw / 4 : draw - 15)
              .distinct()
              .limit(3)
              .toArray();
      for (int client : returns) {
        problem.gradient(client, run.model(), g);
        float[] increment = new float[LENGTH];
        for (int i = 0; i < LENGTH; i++) {
          increment[i] = (float) (g[i] - memories[client].value(i));
        }
        memories[client].add(increment);
        run.update(run.task(name(client)), increment);
      }
      run.close(0.05);
    }
    assertExact(Quadratics.error(run.model(), minimum));
  }

  @Test
  void anarchicAveragingAcrossDevicesStepsAgainstTheMeanGradient() {
    Local local = new Local(1, 0.5, 0, 1, 1, 1);
    ChunkFederation run = federation(AveragingMethod.AFA_CD, local, "plain");
    run.update(run.task("a"), filled(1));
    run.update(run.task("b"), filled(2));
    run.close(0.1);
    for (double value : run.model()) {
      assertEquals(-0.1 * 0.5 * 1.5, value, 1e-15);
    }
  }

  @Test
  void asynchronousAveragingMixesTheClientsModelInFromItsBase() {
    ChunkFederation run =
        federation(AveragingMethod.FEDASYNC, new Local(1, 1, 0, 1, 1, 1), "plain");
    UpdateTask old = run.task("a");
    run.update(run.task("b"), filled(1));
    run.close(0.6);
    assertEquals(0.6, run.model()[3], 1e-15);
    run.update(old, filled(2));
    run.close(0.5);
    // 0.5 x 0.6 + 0.5 x (0 + 2), from version 0
    assertEquals(1.3, run.model()[3], 1e-15);
  }

  /** T8 on the chunk side alone. */
  @Test
  void aClientThatLostItsMemoryGoesOnFromTheEscrow() {
    assertExact(errorFeedback21(2000, 40));
    assertExact(scallion(0.1, "random-k-0.2", CLIENTS, 3000, 40));
  }

  private double averaging(AveragingMethod method, double rate, double proximal, int rounds) {
    ChunkFederation run =
        new ChunkFederation(
            new FederatedTestSettings().method(method).build(), new double[LENGTH], 7, 2);
    LocalSteps local = new LocalSteps(STEPS, rate, proximal);
    for (int round = 0; round < rounds; round++) {
      for (int client = 0; client < CLIENTS; client++) {
        run.update(run.task(name(client)), local.update(gradient(client), run.model()));
      }
      run.close(1);
    }
    return Quadratics.error(run.model(), minimum);
  }

  private double scaffold(int participants, int rounds) {
    ChunkFederation run =
        new ChunkFederation(
            new FederatedTestSettings().method(AveragingMethod.SCAFFOLD).build(),
            new double[LENGTH],
            7,
            2);
    ScaffoldClient[] clients = new ScaffoldClient[CLIENTS];
    Arrays.setAll(clients, i -> new ScaffoldClient(LENGTH, BITS));
    for (int round = 0; round < rounds; round++) {
      for (int client : participants(round, participants)) {
        ScaffoldClient.Update update =
            LocalRounds.scaffold(
                clients[client],
                new LocalSteps(STEPS, 0.02, 0),
                gradient(client),
                new double[][] {run.model(), run.control()});
        UpdateTask task = run.task(name(client));
        PlainCodec plain = new PlainCodec();
        for (int chunk = 0; chunk < run.states.length; chunk++) {
          run.chunk(
              task,
              chunk,
              plain.encode(ChunkRecords.slice(update.step(), chunk, 7), 0),
              plain.encode(ChunkRecords.slice(update.control(), chunk, 7), 0));
        }
      }
      run.close(1);
    }
    assertAudited(run);
    return Quadratics.error(run.model(), minimum);
  }

  private double scallion(double alpha, String codec, int participants, int rounds, int lost) {
    Local local = new Local(STEPS, 0.02, 0, alpha, 1, 1);
    ChunkFederation run = federation(AveragingMethod.SCALLION, local, codec);
    IntFunction<ScallionClient> fresh = client -> new ScallionClient(alpha, LENGTH, BITS);
    ScallionClient[] clients = new ScallionClient[CLIENTS];
    Arrays.setAll(clients, fresh);
    for (int round = 0; round < rounds; round++) {
      if (round == lost) {
        clients[4] = fresh.apply(4);
        restore(run, 4, clients[4].control());
      }
      for (int client : participants(round, participants)) {
        UpdateTask task = run.task(name(client));
        byte[] payload =
            LocalRounds.round(
                clients[client],
                new LocalSteps(STEPS, 0.02, 0),
                gradient(client),
                new double[][] {run.model(), run.control()},
                UpdateCodecs.named(codec),
                task.getSeed());
        run.chunk(task, 0, payload, new byte[0]);
      }
      run.close(1);
    }
    assertAudited(run);
    return Quadratics.error(run.model(), minimum);
  }

  private double scafcom(double beta, double rate, int participants, int rounds) {
    Local local = new Local(STEPS, rate, 0, 1, beta, 1);
    ChunkFederation run = federation(AveragingMethod.SCAFCOM, local, "top-k-0.1");
    ScafcomClient[] clients = new ScafcomClient[CLIENTS];
    Arrays.setAll(clients, i -> new ScafcomClient(beta, LENGTH, BITS));
    for (int round = 0; round < rounds; round++) {
      for (int client : participants(round, participants)) {
        byte[] payload =
            LocalRounds.round(
                clients[client],
                new LocalSteps(STEPS, rate, 0),
                gradient(client),
                new double[][] {run.model(), run.control()},
                new TopKCodec(2),
                0);
        run.chunk(run.task(name(client)), 0, payload, new byte[0]);
      }
      run.close(1);
    }
    assertAudited(run);
    return Quadratics.error(run.model(), minimum);
  }

  private double errorFeedback21(int rounds, int lost) {
    ChunkFederation run =
        federation(AveragingMethod.EF21, new Local(1, 1, 0, 1, 1, 1), "top-k-0.1");
    ErrorFeedback21Client[] clients = new ErrorFeedback21Client[CLIENTS];
    Arrays.setAll(clients, i -> new ErrorFeedback21Client(1, LENGTH, BITS));
    double[] g = new double[LENGTH];
    for (int round = 0; round < rounds; round++) {
      if (round == lost) {
        clients[4] = new ErrorFeedback21Client(1, LENGTH, BITS);
        restore(run, 4, clients[4].memory());
      }
      for (int client = 0; client < CLIENTS; client++) {
        problem.gradient(client, run.model(), g);
        run.chunk(
            run.task(name(client)),
            0,
            LocalRounds.compress(clients[client], g, new TopKCodec(2), 0),
            new byte[0]);
      }
      run.close(0.005);
    }
    assertAudited(run);
    FixedPointMemory total = run.states[0].totalOrNull;
    List<FixedPointMemory> all = Arrays.stream(clients).map(ErrorFeedback21Client::memory).toList();
    assertTrue(total.sameBits(FixedPointMemory.sum(total, all)), "sum of the clients' h");
    return Quadratics.error(run.model(), minimum);
  }

  private double errorControl(int rounds) {
    ChunkFederation run =
        federation(AveragingMethod.ECONTROL, new Local(1, 1, 0, 1, 1, 0.1), "top-k-0.1");
    ErrorControlClient[] clients = new ErrorControlClient[CLIENTS];
    Arrays.setAll(clients, i -> new ErrorControlClient(0.1, LENGTH, BITS));
    double[] g = new double[LENGTH];
    for (int round = 0; round < rounds; round++) {
      for (int client = 0; client < CLIENTS; client++) {
        problem.gradient(client, run.model(), g);
        run.chunk(
            run.task(name(client)),
            0,
            LocalRounds.compress(clients[client], g, new TopKCodec(2), 0),
            new byte[0]);
      }
      run.close(0.005);
    }
    assertAudited(run);
    return Quadratics.error(run.model(), minimum);
  }

  /** A memory that knows nothing becomes the one that the server published. */
  private static void restore(ChunkFederation run, int client, FixedPointMemory memory) {
    ClientMemory escrow =
        run.memories.get(FederatedKeys.clientChunk(ChunkRecords.MODEL, name(client), 0));
    long[] sums = new long[LENGTH];
    escrow.getSums().duplicate().order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(sums);
    assertEquals(BITS, escrow.getBits());
    memory.merge(FixedPointMemory.restored(sums, BITS));
  }

  private ChunkFederation federation(AveragingMethod method, Local local, String codec) {
    FederatedSettings settings =
        new FederatedTestSettings()
            .method(method)
            .local(local)
            .codecs(codec)
            .server(Server.plain(1))
            .build();
    return new ChunkFederation(settings, new double[LENGTH], LENGTH, 1);
  }

  private static void assertAudited(ChunkFederation run) {
    assertEquals(List.of(), run.refusals);
    for (ChunkState state : run.states) {
      assertTrue(state.audit(), "memories do not sum to the server's");
      assertTrue(state.pending.isEmpty(), state.pending.size() + " updates are left");
    }
  }

  private static float[] filled(float value) {
    float[] filled = new float[LENGTH];
    Arrays.fill(filled, value);
    return filled;
  }

  private static int[] participants(int round, int count) {
    return new Random(round).ints(0, CLIENTS).distinct().limit(count).toArray();
  }

  private static String name(int client) {
    return "client-" + client;
  }

  private Gradient gradient(int client) {
    return (x, out) -> problem.gradient(client, x, out);
  }

  private static void assertExact(double error) {
    assertTrue(error < EXACT, "error " + error);
  }
}
