package io.millrace.operator.kvcache;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.QueryMoments;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.SessionEnd;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The door for cache records: refuses with a reason before anything is changed. */
final class CacheInputCheck {
  private final KeyValueSettings.Limits limits;

  CacheInputCheck(KeyValueSettings.Limits limits) {
    this.limits = limits;
  }

  /**
   * Checks a block.
   *
   * @return its elements, little-endian from their position to their limit
   * @throws InvalidInputException BAD_KEY, OUT_OF_RANGE, WRONG_DIMENSION, ENDED, BAD_TIME,
   *     MALFORMED, TOO_LARGE, INCONSISTENT, GAP or NOT_FINITE
   */
  ByteBuffer block(KeyValueState state, KeyValueBlock block) {
    HeadGroup group = block.getGroup();
    requireGroup(state, group);
    requireOpen(state);
    EventTime.require(block.getTimeMicros());
    requireRotary(block.getKind(), block.getRotary(), group.getHeadDimension());
    int tokens = block.getTokens();
    long first = block.getFirstToken();
    if (tokens < 1) {
      throw new InvalidInputException(
          Reason.MALFORMED, "block has " + tokens + " tokens, expected at least 1");
    }
    if (tokens > limits.blockTokens()) {
      throw new InvalidInputException(
          Reason.TOO_LARGE,
          "block has " + tokens + " tokens, expected at most " + limits.blockTokens());
    }
    if (first < 0 || first > HeadGroupKey.MAXIMUM_TOKEN - tokens) {
      throw new InvalidInputException(
          Reason.OUT_OF_RANGE,
          "block begins at token "
              + first
              + ", expected 0 to "
              + (HeadGroupKey.MAXIMUM_TOKEN - tokens));
    }
    TokenFormat format = TokenFormat.valueOf(block.getFormat().name());
    long expected = (long) tokens * channels(group) * format.bytes();
    if (block.getElements().remaining() != expected) {
      throw new InvalidInputException(
          Reason.MALFORMED,
          "block has "
              + block.getElements().remaining()
              + " bytes of elements, expected "
              + expected);
    }
    requireSameStream(state, block);
    ByteBuffer elements = block.getElements().slice().order(ByteOrder.LITTLE_ENDIAN);
    int unfit = format.firstUnfit(elements, 0, elements.remaining());
    if (unfit >= 0) {
      throw new InvalidInputException(
          Reason.NOT_FINITE,
          "element "
              + unfit
              + " is no number of at most "
              + TokenFormat.LARGEST
              + " in size, in "
              + format);
    }
    return elements;
  }

  /**
   * Checks moments.
   *
   * @return [h x d] mean squares
   * @throws InvalidInputException BAD_KEY, OUT_OF_RANGE, WRONG_DIMENSION, ENDED, BAD_TIME,
   *     MALFORMED or NOT_FINITE
   */
  float[] moments(KeyValueState state, QueryMoments moments) {
    requireGroup(state, moments.getGroup());
    requireOpen(state);
    EventTime.require(moments.getTimeMicros());
    if (moments.getQueries() < 1) {
      throw new InvalidInputException(
          Reason.MALFORMED, "moments are of " + moments.getQueries() + " queries, expected some");
    }
    int channels = channels(moments.getGroup());
    if (moments.getMeanSquares().size() != channels) {
      throw new InvalidInputException(
          Reason.WRONG_DIMENSION,
          "moments have " + moments.getMeanSquares().size() + " values, expected " + channels);
    }
    float[] values = new float[channels];
    for (int i = 0; i < channels; i++) {
      values[i] = moments.getMeanSquares().get(i);
      if (!Float.isFinite(values[i]) || values[i] < 0) {
        throw new InvalidInputException(
            Reason.NOT_FINITE,
            "mean square " + i + " is " + values[i] + ", expected a finite number from 0 on");
      }
    }
    return values;
  }

  /**
   * Checks an end; one more after the first is no fault.
   *
   * @throws InvalidInputException BAD_KEY, OUT_OF_RANGE, WRONG_DIMENSION or BAD_TIME
   */
  void end(KeyValueState state, SessionEnd end) {
    requireGroup(state, end.getGroup());
    EventTime.require(end.getTimeMicros());
  }

  private void requireGroup(KeyValueState state, HeadGroup group) {
    String key = HeadGroupKey.of(group);
    if (!key.equals(state.key)) {
      throw new InvalidInputException(
          Reason.BAD_KEY, "record of group " + key + " has the key " + state.key);
    }
    if ((long) group.getHeads() * group.getHeadDimension() > limits.channels()) {
      throw new InvalidInputException(
          Reason.WRONG_DIMENSION,
          "group has "
              + group.getHeads()
              + " x "
              + group.getHeadDimension()
              + " channels, expected at most "
              + limits.channels());
    }
    HeadGroup known = state.groupOrNull;
    if (known != null
        && (known.getHeads() != group.getHeads()
            || known.getHeadDimension() != group.getHeadDimension())) {
      throw new InvalidInputException(
          Reason.WRONG_DIMENSION,
          "group has "
              + group.getHeads()
              + " heads of "
              + group.getHeadDimension()
              + " channels, expected "
              + known.getHeads()
              + " of "
              + known.getHeadDimension()
              + " as before");
    }
  }

  private static void requireOpen(KeyValueState state) {
    if (state.isEnded()) {
      throw new InvalidInputException(
          Reason.ENDED, "session has ended at " + state.endMillis + " milliseconds");
    }
  }

  /**
   * Checks a rotary position.
   *
   * @throws InvalidInputException MALFORMED, WRONG_DIMENSION or OUT_OF_RANGE
   */
  static void requireRotary(TensorKind kind, RotaryPosition rotary, int headDimension) {
    if (kind == TensorKind.VALUES && rotary.getState() != RotaryState.NONE) {
      throw new InvalidInputException(
          Reason.MALFORMED, "values have rotary state " + rotary.getState() + ", expected NONE");
    }
    if (rotary.getState() == RotaryState.NONE) {
      return;
    }
    int dimensions = rotary.getDimensions();
    if (dimensions < 2 || dimensions > headDimension || dimensions % 2 != 0) {
      throw new InvalidInputException(
          Reason.WRONG_DIMENSION,
          dimensions + " channels turn, expected an even number from 2 to " + headDimension);
    }
    double base = rotary.getBase();
    if (!(base >= 1 && base <= 1e30)) {
      throw new InvalidInputException(
          Reason.OUT_OF_RANGE, "rotary base is " + base + ", expected 1 to 1e30");
    }
    int factors = rotary.getFrequencyScale().size();
    if (factors != 0 && factors != dimensions / 2) {
      throw new InvalidInputException(
          Reason.WRONG_DIMENSION,
          "rotary frequencies have " + factors + " factors, expected 0 or " + dimensions / 2);
    }
    for (double factor : rotary.getFrequencyScale()) {
      if (!(factor > 0 && factor <= 1e6)) {
        throw new InvalidInputException(
            Reason.OUT_OF_RANGE,
            "factor of a rotary frequency is " + factor + ", expected above 0 and at most 1e6");
      }
    }
  }

  private static void requireSameStream(KeyValueState state, KeyValueBlock block) {
    PagedTensor tensor = state.tensorOrNull(block.getKind());
    if (tensor != null && !tensor.layout.fits(block.getFormat(), block.getRotary())) {
      throw new InvalidInputException(
          Reason.INCONSISTENT,
          "block is "
              + block.getFormat()
              + " with "
              + block.getRotary()
              + ", expected "
              + tensor.layout.format()
              + " with "
              + tensor.layout.rotary()
              + " as before");
    }
    long next = tensor == null ? 0 : tensor.window.next();
    if (block.getFirstToken() > next) {
      throw new InvalidInputException(
          Reason.GAP,
          "block begins at token "
              + block.getFirstToken()
              + ", expected "
              + next
              + " or one before it");
    }
  }

  private static int channels(HeadGroup group) {
    return group.getHeads() * group.getHeadDimension();
  }
}
