package io.millrace.operator;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Function;

/**
 * One key through one operator, as an engine does it: due deadlines, then the input, state through
 * its bytes where asked. Outputs are kept as objects and as bytes at emission.
 */
final class OperatorRun<I, S, O> {
  final Operator<I, S, O> operator;
  private final StateCodec<S> codec;
  private final Function<O, byte[]> outputBytes;
  final List<O> outputs = new ArrayList<>();
  final List<byte[]> emitted = new ArrayList<>();
  S state;

  OperatorRun(
      Operator<I, S, O> operator,
      StateCodec<S> codec,
      Function<O, byte[]> outputBytes,
      String key) {
    this.operator = operator;
    this.codec = codec;
    this.outputBytes = outputBytes;
    this.state = operator.createState(key);
  }

  /** Fires what is due, then hands the input over. */
  void accept(I input, Models models) {
    long time = operator.eventTimeMillis(input);
    fireDue(time, models);
    operator.accept(state, input, time, models, this::emit);
  }

  /** Fires the deadlines up to an event time; fails where one does not move forward. */
  int fireDue(long nowMillis, Models models) {
    int fired = 0;
    OptionalLong due = operator.nextDeadlineMillis(state);
    while (due.isPresent() && due.getAsLong() <= nowMillis) {
      long deadline = due.getAsLong();
      operator.onDeadline(state, deadline, models, this::emit);
      fired++;
      due = operator.nextDeadlineMillis(state);
      if (due.isPresent() && due.getAsLong() <= deadline) {
        throw new AssertionError("deadline " + deadline + " was followed by " + due.getAsLong());
      }
    }
    return fired;
  }

  private void emit(O output) {
    outputs.add(output);
    emitted.add(outputBytes.apply(output));
  }

  byte[][] sections() {
    byte[][] sections = new byte[codec.sections()][];
    for (int section = 0; section < sections.length; section++) {
      sections[section] = codec.encode(state, section);
    }
    return sections;
  }

  void restore() {
    state = codec.decode(sections());
  }

  /** All bytes that leave: outputs at emission, then the state. */
  byte[] trace() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    emitted.forEach(bytes::writeBytes);
    for (byte[] section : sections()) {
      bytes.writeBytes(section);
    }
    return bytes.toByteArray();
  }
}
