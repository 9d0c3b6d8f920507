package io.millrace.operator.kvcache;

import io.millrace.schema.KeyValuePage;
import io.millrace.schema.KeyValueSummary;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.TensorKind;

/** The door of a {@link PageTable}: whether a record is what its key and its frame say. */
final class RecordCheck {
  private RecordCheck() {}

  /**
   * Checks a page against its key and its frame.
   *
   * @return the frame, verified
   * @throws IllegalArgumentException or InvalidInputException, with what is wrong
   */
  static PageFrame page(String key, KeyValuePage page) {
    requireKey(
        key,
        HeadGroupKey.page(HeadGroupKey.of(page.getGroup()), page.getKind(), page.getFirstToken()));
    PageFrame frame = PageFrame.decode(page.getFrame());
    PageShape shape =
        new PageShape(
            page.getTokens(), page.getGroup().getHeads(), page.getGroup().getHeadDimension());
    PageKind kind = page.getKind() == TensorKind.KEYS ? PageKind.KEYS : PageKind.VALUES;
    boolean before = page.getRotary().getState() == RotaryState.BEFORE;
    if (!shape.equals(frame.shape())
        || kind != frame.kind()
        || before != frame.beforeRotary()
        || page.getFirstToken() != frame.firstToken()) {
      throw new IllegalArgumentException(
          "record says "
              + kind
              + " of "
              + shape
              + " at token "
              + page.getFirstToken()
              + ", its frame "
              + frame.kind()
              + " of "
              + frame.shape()
              + " at token "
              + frame.firstToken()
              + (before == frame.beforeRotary() ? "" : " in another rotary state"));
    }
    requireRotary(page.getRotary(), shape.headDimension());
    return frame;
  }

  /** Checks what turning needs, so that no page can stop a reader. */
  private static void requireRotary(RotaryPosition rotary, int headDimension) {
    int factors = rotary.getFrequencyScale().size();
    boolean finite = Double.isFinite(rotary.getBase()) && rotary.getBase() > 0;
    for (double factor : rotary.getFrequencyScale()) {
      finite &= Double.isFinite(factor);
    }
    if (rotary.getState() != RotaryState.NONE
        && (!finite
            || rotary.getDimensions() < 2
            || rotary.getDimensions() > headDimension
            || rotary.getDimensions() % 2 != 0
            || factors != 0 && factors != rotary.getDimensions() / 2)) {
      throw new IllegalArgumentException(
          "rotary step turns "
              + rotary.getDimensions()
              + " of "
              + headDimension
              + " channels with "
              + factors
              + " factors and base "
              + rotary.getBase());
    }
  }

  /**
   * Checks a summary against its key and its own sizes.
   *
   * @throws IllegalArgumentException or InvalidInputException, with what is wrong
   */
  static void summary(String key, KeyValueSummary summary) {
    requireKey(key, HeadGroupKey.summary(HeadGroupKey.of(summary.getGroup()), summary.getHead()));
    if (summary.getHead() < 0
        || summary.getHead() >= summary.getGroup().getHeads()
        || summary.getFirstToken() < 0
        || summary.getTokens() < 0
        || summary.getFirstToken() > HeadGroupKey.MAXIMUM_TOKEN
        || summary.getTokens() > HeadGroupKey.MAXIMUM_TOKEN
        || summary.getRotary().getState() == RotaryState.BEFORE) {
      throw new IllegalArgumentException(
          "summary of head "
              + summary.getHead()
              + " covers "
              + summary.getTokens()
              + " tokens from "
              + summary.getFirstToken()
              + ", rotary state "
              + summary.getRotary().getState());
    }
    long floats =
        (long) summary.getFeatures() * summary.getGroup().getHeadDimension() * Float.BYTES;
    if (summary.getFeatures() < 1
        || summary.getNormalizer().remaining() != (long) summary.getFeatures() * Float.BYTES
        || summary.getWeighted().remaining() != floats) {
      throw new IllegalArgumentException(
          "summary of "
              + summary.getFeatures()
              + " features has "
              + summary.getNormalizer().remaining()
              + " and "
              + summary.getWeighted().remaining()
              + " bytes");
    }
  }

  private static void requireKey(String key, String expected) {
    if (!key.equals(expected)) {
      throw new IllegalArgumentException("record says that it is " + expected);
    }
  }
}
