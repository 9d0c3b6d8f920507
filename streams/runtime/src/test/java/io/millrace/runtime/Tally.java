package io.millrace.runtime;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.operator.Operator;
import io.millrace.operator.StateCodec;
import io.millrace.operator.StateHeader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * A toy: adds numbers up, reports the sum 100 ms after the first of them and starts anew, is
 * complete at 1000 and more. Input is text, "TIME NUMBER"; negative numbers are refused.
 */
final class Tally implements Operator<Tally.Item, Tally.Sum, String> {
  static final long DELAY_MILLIS = 100;
  static final int COMPLETE = 1000;

  record Item(long timeMillis, int number) {}

  /** What happened to a state, in order, beside the sum itself. */
  static final class Sum {
    int sum;
    long revision;
    OptionalLong deadline = OptionalLong.empty();
    final List<String> history = new ArrayList<>();
  }

  static OperatorSpec<Item, Sum, String> spec() {
    return new OperatorSpec<>("tally", new Tally(), Tally::decode, new Codec(), new Output());
  }

  private static Item decode(byte[] value) {
    if (value == null) {
      throw new InvalidInputException(Reason.EMPTY, "no value");
    }
    String[] words = new String(value, StandardCharsets.UTF_8).split(" ");
    try {
      return new Item(Long.parseLong(words[0]), Integer.parseInt(words[1]));
    } catch (NumberFormatException e) {
      throw new InvalidInputException(Reason.MALFORMED, "not TIME NUMBER");
    }
  }

  @Override
  public Sum createState(String key) {
    return new Sum();
  }

  @Override
  public long eventTimeMillis(Item item) {
    return item.timeMillis();
  }

  @Override
  public void accept(
      Sum state, Item item, long timeMillis, Models models, Consumer<? super String> out) {
    if (item.number() < 0) {
      throw new InvalidInputException(Reason.OUT_OF_RANGE, "number is " + item.number());
    }
    state.revision++;
    state.sum += item.number();
    state.history.add("accept " + timeMillis);
    if (state.deadline.isEmpty()) {
      state.deadline = OptionalLong.of(timeMillis + DELAY_MILLIS);
    }
    out.accept("sum " + state.sum);
  }

  @Override
  public OptionalLong nextDeadlineMillis(Sum state) {
    return state.deadline;
  }

  @Override
  public void onDeadline(
      Sum state, long deadlineMillis, Models models, Consumer<? super String> out) {
    out.accept("total " + state.sum + " at " + deadlineMillis);
    state.revision++;
    state.history.add("deadline " + deadlineMillis);
    state.sum = 0;
    state.deadline = OptionalLong.empty();
  }

  @Override
  public boolean isComplete(Sum state) {
    return state.sum >= COMPLETE;
  }

  private static final class Output implements OutputCodec<String> {
    @Override
    public List<String> channels() {
      return List.of("sums", "totals");
    }

    @Override
    public String channel(String output) {
      return output.startsWith("sum") ? "sums" : "totals";
    }

    @Override
    public String key(String output, String stateKey) {
      return stateKey + "!";
    }

    @Override
    public byte[] encode(String output) {
      return output.getBytes(StandardCharsets.UTF_8);
    }
  }

  private static final class Codec implements StateCodec<Sum> {
    @Override
    public int sections() {
      return 1;
    }

    @Override
    public long revision(Sum state, int section) {
      return state.revision;
    }

    @Override
    public byte[] encode(Sum state, int section) {
      return StateHeader.begin(StateHeader.TEST, (byte) 1, section, 13)
          .putInt(state.sum)
          .put((byte) (state.deadline.isPresent() ? 1 : 0))
          .putLong(state.deadline.orElse(0))
          .array();
    }

    @Override
    public Sum decode(byte[][] sections) {
      ByteBuffer buffer = StateHeader.open(sections[0], StateHeader.TEST, (byte) 1, 0);
      Sum state = new Sum();
      state.sum = buffer.getInt();
      boolean due = buffer.get() != 0;
      long millis = buffer.getLong();
      state.deadline = due ? OptionalLong.of(millis) : OptionalLong.empty();
      return state;
    }

    @Override
    public long heapBytes(Sum state) {
      return 64;
    }
  }
}
