package io.millrace.operator.kvcache;

import io.millrace.schema.ElementFormat;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import java.util.List;

/**
 * What is the same for all blocks of a group's keys, or of its values.
 *
 * @param format of an element
 * @param rotary of the vectors as they come; never modified
 */
record TensorLayout(TokenFormat format, RotaryPosition rotary) {

  /** Of values, and of keys that no rotary step turns. */
  static RotaryPosition unturned() {
    return new RotaryPosition(RotaryState.NONE, RotaryPairing.NEIGHBOURS, 10000.0, 0, List.of());
  }

  /** Of a block, holding nothing of it. */
  static TensorLayout of(ElementFormat format, RotaryPosition rotary) {
    return new TensorLayout(TokenFormat.valueOf(format.name()), copy(rotary));
  }

  /** Whether a block has this layout. */
  boolean fits(ElementFormat otherFormat, RotaryPosition other) {
    return elementFormat() == otherFormat
        && rotary.getState() == other.getState()
        && (rotary.getState() == RotaryState.NONE
            || rotary.getPairing() == other.getPairing()
                && rotary.getBase() == other.getBase()
                && rotary.getDimensions() == other.getDimensions()
                && rotary.getFrequencyScale().equals(other.getFrequencyScale()));
  }

  /** Whether a rotary step turns the vectors somewhere. */
  boolean isTurned() {
    return rotary.getState() != RotaryState.NONE;
  }

  /** Factors on rotary frequencies. */
  int factors() {
    return rotary.getFrequencyScale().size();
  }

  ElementFormat elementFormat() {
    return ElementFormat.valueOf(format.name());
  }

  /** As a page says it whose vectors are before the rotary step, or as they came. */
  RotaryPosition pageRotary(boolean beforeRotary) {
    return beforeRotary ? with(rotary, RotaryState.BEFORE) : rotary;
  }

  /** The same position of vectors in another state; a copy. */
  static RotaryPosition with(RotaryPosition rotary, RotaryState state) {
    return new RotaryPosition(
        state,
        rotary.getPairing(),
        rotary.getBase(),
        rotary.getDimensions(),
        List.copyOf(rotary.getFrequencyScale()));
  }

  private static RotaryPosition copy(RotaryPosition rotary) {
    return rotary.getState() == RotaryState.NONE ? unturned() : with(rotary, rotary.getState());
  }
}
