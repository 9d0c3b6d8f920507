package io.millrace.runtime;

import java.util.List;

/**
 * Routes and writes an operator's outputs.
 *
 * @param <O> the output
 */
public interface OutputCodec<O> {

  /** Names of all channels, in a fixed order. */
  List<String> channels();

  /** The channel of an output, one of {@link #channels}. */
  String channel(O output);

  /** The record key of an output that a key's state emitted. */
  String key(O output, String stateKey);

  /** The record value; null removes what a compacted topic has under the key. */
  byte[] encode(O output);
}
