package io.millrace.runtime;

import io.millrace.operator.StateCodec;
import java.nio.ByteBuffer;
import java.util.OptionalLong;

/** A state of two sections of free content and a deadline: enough to see what a keeper writes. */
final class Notes {
  private static final byte NONE = 0;
  private static final byte DEADLINE = 1;

  private OptionalLong deadline = OptionalLong.empty();
  private final byte[][] content = {new byte[0], new byte[0]};
  private final long[] revisions = new long[2];

  Notes write(int section, byte[] bytes) {
    content[section] = bytes.clone();
    revisions[section]++;
    return this;
  }

  Notes deadline(OptionalLong millis) {
    deadline = millis;
    revisions[0]++;
    return this;
  }

  byte[] content(int section) {
    return content[section];
  }

  OptionalLong deadline() {
    return deadline;
  }

  /** Counts what it is asked for. */
  static final class Codec implements StateCodec<Notes> {
    final int[] encoded = new int[2];
    int decoded;

    @Override
    public int sections() {
      return 2;
    }

    @Override
    public long revision(Notes state, int section) {
      return state.revisions[section];
    }

    @Override
    public byte[] encode(Notes state, int section) {
      encoded[section]++;
      if (section == 1) {
        return state.content[1].clone();
      }
      return ByteBuffer.allocate(9 + state.content[0].length)
          .put(state.deadline.isPresent() ? DEADLINE : NONE)
          .putLong(state.deadline.orElse(0))
          .put(state.content[0])
          .array();
    }

    @Override
    public Notes decode(byte[][] sections) {
      decoded++;
      ByteBuffer buffer = ByteBuffer.wrap(sections[0]);
      if (buffer.remaining() < 9) {
        throw new IllegalArgumentException("notes have " + sections[0].length + " bytes");
      }
      Notes notes = new Notes();
      boolean present = buffer.get() == DEADLINE;
      long millis = buffer.getLong();
      notes.deadline = present ? OptionalLong.of(millis) : OptionalLong.empty();
      notes.content[0] = new byte[buffer.remaining()];
      buffer.get(notes.content[0]);
      notes.content[1] = sections[1].clone();
      return notes;
    }

    @Override
    public long heapBytes(Notes state) {
      return 100 + state.content[0].length + state.content[1].length;
    }
  }
}
