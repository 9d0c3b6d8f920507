package io.millrace.operator.kvcache;

import io.millrace.operator.StateCodec;

/** State bytes of a head group. */
public final class KeyValueStateCodec implements StateCodec<KeyValueState> {
  private static final int SECTIONS = 13;

  @Override
  public int sections() {
    return SECTIONS;
  }

  @Override
  public long revision(KeyValueState state, int section) {
    throw new UnsupportedOperationException("not written yet");
  }

  @Override
  public byte[] encode(KeyValueState state, int section) {
    throw new UnsupportedOperationException("not written yet");
  }

  @Override
  public KeyValueState decode(byte[][] sections) {
    throw new UnsupportedOperationException("not written yet");
  }

  @Override
  public long heapBytes(KeyValueState state) {
    throw new UnsupportedOperationException("not written yet");
  }
}
