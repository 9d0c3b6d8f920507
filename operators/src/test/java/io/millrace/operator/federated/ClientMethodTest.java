package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What clients remember: saved, restored, taken back. */
class ClientMethodTest {
  private static final int LENGTH = 9;
  private static final int BITS = 40;
  private static final UpdateCodec TOP = new TopKCodec(3);

  private static final Map<String, Supplier<ClientMethod>> METHODS =
      Map.of(
          "averaging", () -> new AveragingClient(LENGTH, false),
          "error feedback", () -> new ErrorFeedbackClient(LENGTH),
          "EF21", () -> new ErrorFeedback21Client(1, LENGTH, BITS),
          "EF21-SGDM", () -> new ErrorFeedback21Client(0.3, LENGTH, BITS),
          "EControl", () -> new ErrorControlClient(0.1, LENGTH, BITS),
          "SCAFFOLD", () -> new ScaffoldClient(LENGTH, BITS),
          "SCALLION", () -> new ScallionClient(0.5, LENGTH, BITS),
          "SCAFCOM", () -> new ScafcomClient(0.2, LENGTH, BITS));

  private final Random random = new Random(7);

  @ParameterizedTest
  @ValueSource(
      strings = {
        "averaging",
        "error feedback",
        "EF21",
        "EF21-SGDM",
        "EControl",
        "SCAFFOLD",
        "SCALLION",
        "SCAFCOM"
      })
  void aSavedClientGoesOnAsIfNothingHadHappened(String name) {
    ClientMethod client = METHODS.get(name).get();
    for (int round = 0; round < 5; round++) {
      run(client, result(), true);
    }
    ByteBuffer saved = ByteBuffer.allocate(client.savedBytes());
    client.save(saved);
    assertEquals(0, saved.remaining());
    ClientMethod restored = METHODS.get(name).get();
    restored.load(saved.flip());
    for (int round = 0; round < 5; round++) {
      LocalResult result = result();
      assertArrayEquals(run(client, result, true), run(restored, result, true));
      assertArrayEquals(state(client), state(restored));
    }
  }

  /** What is remembered of an update goes again; what was learned from the gradient stays. */
  @ParameterizedTest
  @ValueSource(strings = {"EF21", "SCAFFOLD", "SCALLION"})
  void aLostUpdateLeavesNoTrace(String name) {
    ClientMethod client = METHODS.get(name).get();
    run(client, result(), true);
    byte[] before = state(client);
    run(client, result(), false);
    assertArrayEquals(before, state(client));
  }

  @Test
  void firstErrorFeedbackSendsALostUpdateAgain() {
    ErrorFeedbackClient client = new ErrorFeedbackClient(LENGTH);
    LocalResult result = result();
    float[] wanted = run(client, result, false);
    LocalResult nothing = new LocalResult(result.start(), result.start(), new double[0], 1);
    assertArrayEquals(wanted, client.increment(nothing), 1e-6f);
  }

  /** e_i is the sum of g - h_i with h_i as if the update had never been. */
  @Test
  void errorControlMissesWhatWasLost() {
    ErrorControlClient client = new ErrorControlClient(0.1, LENGTH, BITS);
    LocalResult result = result();
    run(client, result, false);
    ByteBuffer saved = ByteBuffer.allocate(client.savedBytes());
    client.save(saved);
    for (int i = 0; i < LENGTH; i++) {
      assertEquals(0, saved.getLong(i * Long.BYTES));
      double error = saved.getDouble((LENGTH + i) * Double.BYTES);
      assertEquals(result.meanGradient(i), error, 1e-6);
    }
  }

  @Test
  void theServersEscrowBringsAClientBack() {
    ScallionClient client = new ScallionClient(0.5, LENGTH, BITS);
    for (int round = 0; round < 4; round++) {
      run(client, result(), true);
    }
    ByteBuffer sums = ByteBuffer.wrap(state(client));
    long[] escrow = new long[LENGTH];
    sums.asLongBuffer().get(escrow);
    ScallionClient restored = new ScallionClient(0.5, LENGTH, BITS);
    restored.restore(BITS, escrow);
    assertArrayEquals(state(client), state(restored));
    assertThrows(IllegalArgumentException.class, () -> restored.restore(BITS + 1, escrow));
    assertThrows(IllegalArgumentException.class, () -> restored.restore(BITS, new long[3]));
    escrow[2] = Long.MIN_VALUE;
    assertThrows(IllegalArgumentException.class, () -> restored.restore(BITS, escrow));
    assertThrows(
        IllegalArgumentException.class,
        () -> new AveragingClient(LENGTH, false).restore(BITS, new long[LENGTH]));
  }

  @Test
  void savedNumbersThatAreNoneAreRefused() {
    ErrorFeedbackClient client = new ErrorFeedbackClient(LENGTH);
    ByteBuffer saved = ByteBuffer.allocate(client.savedBytes()).putDouble(8, Double.NaN);
    assertThrows(IllegalArgumentException.class, () -> client.load(saved));
  }

  private float[] run(ClientMethod client, LocalResult result, boolean counted) {
    float[] second = client.second(result);
    float[] increment = client.increment(result);
    float[] sent = TOP.decode(TOP.encode(increment, 0), LENGTH, 0);
    client.sent(sent, second);
    if (!counted) {
      client.lost(sent, second);
    }
    return increment;
  }

  private LocalResult result() {
    double[] x = random.doubles(LENGTH, -1, 1).toArray();
    double[] y = random.doubles(LENGTH, -1, 1).toArray();
    return new LocalResult(x, y, random.doubles(LENGTH, -1, 1).toArray(), 0.25);
  }

  private static byte[] state(ClientMethod client) {
    ByteBuffer saved = ByteBuffer.allocate(client.savedBytes());
    client.save(saved);
    return saved.array();
  }
}
