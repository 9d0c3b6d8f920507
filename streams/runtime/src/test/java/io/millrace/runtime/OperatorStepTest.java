package io.millrace.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.operator.Operator;
import io.millrace.runtime.OperatorStep.StateChange;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

final class OperatorStepTest implements StepOutput {
  private static final int MAXIMUM_BYTES = 64;

  private final OperatorStep<Tally.Item, Tally.Sum, String> step =
      new OperatorStep<>(Tally.spec(), Models.NONE, MAXIMUM_BYTES);
  private final Tally.Sum state = step.createState("k");
  private final List<String> outputs = new ArrayList<>();

  @Override
  public void emit(String channel, String key, byte[] value) {
    outputs.add(channel + "/" + key + "/" + new String(value, StandardCharsets.UTF_8));
  }

  @Override
  public void reject(InvalidInputException refusal) {
    outputs.add(refusal.reason().name());
  }

  @Test
  void handsARecordToTheOperatorAndRoutesItsOutput() {
    assertEquals(StateChange.CHANGED, apply("10 5"));
    assertEquals(List.of("sums/k!/sum 5"), outputs);
    assertEquals(5, state.sum);
  }

  @Test
  void firesADueDeadlineBeforeTheRecord() {
    apply("10 5");
    apply("110 7");
    assertEquals(List.of("accept 10", "deadline 110", "accept 110"), state.history);
    assertEquals(List.of("sums/k!/sum 5", "totals/k!/total 5 at 110", "sums/k!/sum 7"), outputs);
  }

  @Test
  void doesNotFireADeadlineThatIsStillAhead() {
    apply("10 5");
    apply("109 7");
    assertEquals(List.of("accept 10", "accept 109"), state.history);
  }

  @Test
  void handsADeadlineItsOwnTimeHoweverLateItFires() {
    apply("10 5");
    apply("99999 7");
    assertTrue(state.history.contains("deadline 110"));
  }

  @Test
  void savesTheStateOfARefusedRecordWhoseTimeFiredADeadline() {
    apply("10 5");
    outputs.clear();
    assertEquals(StateChange.CHANGED, apply("200 -1"));
    assertEquals(List.of("totals/k!/total 5 at 110", "OUT_OF_RANGE"), outputs);
    assertEquals(0, state.sum);
  }

  @Test
  void leavesTheStateAloneWhenARecordIsRefused() {
    apply("10 5");
    assertEquals(StateChange.NONE, apply("20 -1"));
    assertEquals(List.of("accept 10"), state.history);
  }

  @Test
  void refusesEventTimesThatNoCalendarHasBeforeTheyFireAnything() {
    apply("10 5");
    long beyond = OperatorStep.MAXIMUM_EVENT_TIME_MILLIS + 1;
    for (long time : new long[] {-1, Long.MIN_VALUE, beyond, Long.MAX_VALUE}) {
      outputs.clear();
      assertEquals(StateChange.NONE, apply(time + " 1"));
      assertEquals(List.of("BAD_TIME"), outputs);
    }
    assertEquals(List.of("accept 10"), state.history);
  }

  @Test
  void saysWhenAKeyIsComplete() {
    assertEquals(StateChange.CHANGED, apply("10 999"));
    assertEquals(StateChange.COMPLETE, apply("20 1"));
  }

  @Test
  void expiresOnlyWhatIsDue() {
    apply("10 5");
    assertEquals(OptionalLong.of(110), step.nextDeadlineMillis(state));
    assertEquals(StateChange.NONE, step.expire("k", state, 109, this));
    assertEquals(StateChange.CHANGED, step.expire("k", state, 110, this));
    assertEquals(OptionalLong.empty(), step.nextDeadlineMillis(state));
  }

  @Test
  void stopsAnOperatorWhoseDeadlineStandsStill() {
    OperatorStep<Tally.Item, Tally.Sum, String> stuck =
        new OperatorStep<>(
            new OperatorSpec<>(
                "stuck",
                new Stuck(),
                Tally.spec().input(),
                Tally.spec().state(),
                Tally.spec().output()),
            Models.NONE,
            MAXIMUM_BYTES);
    String message =
        assertThrows(IllegalStateException.class, () -> stuck.expire("k", state, 10, this))
            .getMessage();
    assertTrue(message.contains("stuck") && message.contains("key=k"), message);
  }

  @Test
  void takesKeysOfAnyText() {
    for (String key : List.of("a", "tenant/sensor", "Zürich", "\u0000", "\uFFFD", "😀")) {
      assertEquals(key, step.key(key.getBytes(StandardCharsets.UTF_8)));
    }
    String longest = "x".repeat(OperatorStep.MAXIMUM_KEY_BYTES);
    assertEquals(longest, step.key(longest.getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void refusesKeysThatAreMissingEmptyTooLongOrNotUtf8() {
    byte[][] keys = {
      null,
      {},
      new byte[OperatorStep.MAXIMUM_KEY_BYTES + 1],
      {(byte) 0xC3},
      {'a', (byte) 0xFF},
      {(byte) 0xED, (byte) 0xA0, (byte) 0x80},
      {(byte) 0xC0, (byte) 0x80}
    };
    for (byte[] key : keys) {
      InvalidInputException refusal =
          assertThrows(InvalidInputException.class, () -> step.key(key));
      assertEquals(Reason.BAD_KEY, refusal.reason());
    }
    assertEquals("a", step.key(new byte[] {'a'}), "after refusals");
  }

  @Test
  void refusesAnOversizeValueBeforeItIsDecoded() {
    InvalidInputException refusal =
        assertThrows(InvalidInputException.class, () -> step.decode(new byte[MAXIMUM_BYTES + 1]));
    assertEquals(Reason.TOO_LARGE, refusal.reason());
    assertTrue(refusal.getMessage().contains("65") && refusal.getMessage().contains("64"));
  }

  @Test
  void leavesNullAndMalformedValuesToTheCodec() {
    assertEquals(
        Reason.EMPTY, assertThrows(InvalidInputException.class, () -> step.decode(null)).reason());
    assertEquals(
        Reason.MALFORMED,
        assertThrows(InvalidInputException.class, () -> step.decode(new byte[] {'x'})).reason());
    assertFalse(outputs.contains("EMPTY"), "a refusal of decode is the caller's to report");
  }

  private StateChange apply(String item) {
    return step.apply("k", state, step.decode(item.getBytes(StandardCharsets.UTF_8)), this);
  }

  /** Breaks the law that a deadline moves forward. */
  private static final class Stuck implements Operator<Tally.Item, Tally.Sum, String> {
    @Override
    public Tally.Sum createState(String key) {
      return new Tally.Sum();
    }

    @Override
    public long eventTimeMillis(Tally.Item item) {
      return item.timeMillis();
    }

    @Override
    public void accept(
        Tally.Sum sum, Tally.Item item, long time, Models models, Consumer<? super String> out) {}

    @Override
    public OptionalLong nextDeadlineMillis(Tally.Sum sum) {
      return OptionalLong.of(7);
    }

    @Override
    public void onDeadline(
        Tally.Sum sum, long deadline, Models models, Consumer<? super String> out) {}
  }
}
