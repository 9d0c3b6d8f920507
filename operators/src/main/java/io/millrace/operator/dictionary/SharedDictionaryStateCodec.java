package io.millrace.operator.dictionary;

import io.millrace.operator.StateCodec;
import io.millrace.operator.StateHeader;
import java.nio.ByteBuffer;

/**
 * Bytes of a {@link SharedDictionaryState} in three sections, each behind a {@link StateHeader} of
 * family {@link StateHeader#SHARED_DICTIONARY}, little endian.
 *
 * <pre>
 * section 0    2 + n  the dictionary's id, UTF-8;  8  version;  1  1: version 0 is published
 * section 1    {@link LearnerState#encodeStatistics}, moves with every contribution
 * section 2    {@link LearnerState#encodeDictionary}, moves with every round
 * </pre>
 */
public final class SharedDictionaryStateCodec implements StateCodec<SharedDictionaryState> {
  private static final byte VERSION = 1;

  @Override
  public int sections() {
    return 3;
  }

  @Override
  public long revision(SharedDictionaryState state, int section) {
    return switch (section) {
      case 0 -> state.revision;
      case 1 -> state.learner.statisticsRevision();
      default -> state.learner.dictionaryRevision();
    };
  }

  @Override
  public byte[] encode(SharedDictionaryState state, int section) {
    int bytes =
        switch (section) {
          case 0 -> StateHeader.textBytes(state.key) + 9;
          case 1 -> state.learner.statisticsBytes();
          default -> state.learner.dictionaryBytes();
        };
    ByteBuffer buffer = StateHeader.begin(StateHeader.SHARED_DICTIONARY, VERSION, section, bytes);
    switch (section) {
      case 0 -> {
        StateHeader.putText(buffer, state.key);
        buffer.putLong(state.version);
        StateHeader.putFlag(buffer, state.initialPublished);
      }
      case 1 -> state.learner.encodeStatistics(buffer);
      default -> state.learner.encodeDictionary(buffer);
    }
    return buffer.array();
  }

  @Override
  public SharedDictionaryState decode(byte[][] sections) {
    if (sections.length != 3) {
      throw new IllegalArgumentException(
          "shared dictionary state has " + sections.length + " sections, expected 3");
    }
    ByteBuffer head = open(sections, 0);
    String key = StateHeader.getText(head);
    StateHeader.need(head, Long.BYTES);
    long version = head.getLong();
    boolean published = StateHeader.getFlag(head);
    StateHeader.end(head);
    if (version < 0) {
      throw new IllegalArgumentException("shared dictionary state has version " + version);
    }
    ByteBuffer statistics = open(sections, 1);
    ByteBuffer dictionary = open(sections, 2);
    SharedDictionaryState state =
        new SharedDictionaryState(key, LearnerState.decode(statistics, dictionary));
    StateHeader.end(statistics);
    StateHeader.end(dictionary);
    state.version = version;
    state.initialPublished = published;
    return state;
  }

  @Override
  public long heapBytes(SharedDictionaryState state) {
    return state.learner.heapBytes() + 256;
  }

  private static ByteBuffer open(byte[][] sections, int section) {
    return StateHeader.open(sections[section], StateHeader.SHARED_DICTIONARY, VERSION, section);
  }
}
