package io.millrace.operator.federated;

import java.nio.ByteBuffer;

/**
 * A client's half of an averaging method, for one chunk of the model: what it adds to its
 * gradients, what it sends after its local steps, and what it remembers in between. The codec is
 * not part of it and may change between rounds; clipping and local noise come after {@link
 * #increment} and before the codec, so that the memory follows what the server gets.
 *
 * <p>The order of calls: {@link #shift}, the local steps, {@link #increment}, {@link #sent}; and
 * {@link #lost} for an update that the server will never count. One thread.
 */
public sealed interface ClientMethod
    permits AveragingClient,
        ErrorFeedbackClient,
        ErrorFeedback21Client,
        ErrorControlClient,
        ScaffoldClient,
        ScallionClient,
        ScafcomClient {

  /** Numbers of the chunk. */
  int length();

  /**
   * Adds to {@code out} what every gradient of the local steps is shifted by; most methods add
   * nothing.
   *
   * @param control c as the server has published it, [length], or none: zeros
   * @param out modified from {@code offset} on
   */
  default void shift(double[] control, double[] out, int offset) {}

  /**
   * What shall be sent; moves the client's momentum, where it has one.
   *
   * @return [length], new
   */
  float[] increment(LocalResult result);

  /**
   * What shall be sent beside it.
   *
   * @return [length], new, or nothing for all methods but SCAFFOLD
   */
  default float[] second(LocalResult result) {
    return new float[0];
  }

  /** Whether {@link #second} is anything. */
  default boolean isTwofold() {
    return false;
  }

  /**
   * Follows what has been sent.
   *
   * @param increment as the server unpacks it, [length], not modified
   * @param second likewise; nothing where {@link #second} is
   * @throws IllegalArgumentException for values beyond the fixed point; nothing has changed then
   */
  default void sent(float[] increment, float[] second) {}

  /** Takes {@link #sent} back: the update was lost, and the server does not count it. */
  default void lost(float[] increment, float[] second) {}

  /** Bytes that {@link #save} writes. */
  default int savedBytes() {
    return 0;
  }

  /** Writes what is remembered, in the buffer's byte order, as the class draws it. */
  default void save(ByteBuffer out) {}

  /**
   * Reads what {@link #save} wrote.
   *
   * @param in holds {@link #savedBytes} bytes or more
   * @throws IllegalArgumentException for numbers that cannot have been written
   */
  default void load(ByteBuffer in) {}

  /**
   * Takes over what the server remembers of this client. What only a client can remember, a
   * momentum or an error, begins anew.
   *
   * @param bits binary digits behind the point
   * @param sums [length], not modified
   * @throws IllegalArgumentException for another length or scale, or a method without such a memory
   */
  default void restore(int bits, long[] sums) {
    throw new IllegalArgumentException("the server remembers nothing of this client");
  }

  /** Whether {@link #restore} brings back everything that a client remembers. */
  default boolean wholeInEscrow() {
    return savedBytes() == 0;
  }
}
