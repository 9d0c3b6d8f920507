package io.millrace.client;

import io.millrace.operator.SettingCheck;
import java.nio.ByteBuffer;
import java.util.Map;

/**
 * What a client asks of masked rounds, whatever the aggregator says.
 *
 * @param required whether it refuses tasks whose updates would be seen one by one
 * @param leastMembers that a sum must be of, 2 or more; of two, each learns the other's update
 * @param peers public keys of all clients that may be in a cohort, by name, 32 bytes each: whoever
 *     is not among them, or has not signed its keys, is masked with by no means. Empty: the
 *     aggregator is trusted to hand keys on, as all that only reads what it was given
 */
public record MaskChoices(boolean required, int leastMembers, Map<String, ByteBuffer> peers) {
  /** Masked where the task says so, with two others at least. */
  public static final MaskChoices USUAL = new MaskChoices(false, 3, Map.of());

  /**
   * @throws IllegalArgumentException if a value is out of range
   */
  public MaskChoices {
    SettingCheck.range("least members of a masked sum", leastMembers, 2, 1 << 10);
    peers = Map.copyOf(peers);
  }
}
