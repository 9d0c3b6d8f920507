package io.millrace.operator.federated;

import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.MaskKeys;
import io.millrace.schema.MaskReveal;
import io.millrace.schema.MaskShares;
import io.millrace.schema.TaskRequest;
import io.millrace.schema.UpdateChunk;

/** What {@link ChunkAggregation} and the control of rounds take. */
public sealed interface FederatedInput {

  /** A chunk of a client's update; on the updates topic. */
  record Update(UpdateChunk chunk) implements FederatedInput {}

  /** A client offers to train; on the control topic. */
  record Request(TaskRequest request) implements FederatedInput {}

  /** A client's word for its whole update; on the control topic. */
  record Commit(ClientCommit commit) implements FederatedInput {}

  /** A client's keys for a masked round; on the control topic. */
  record Keys(MaskKeys keys) implements FederatedInput {}

  /** Shares of a client's secrets; on the control topic. */
  record Shares(MaskShares shares) implements FederatedInput {}

  /** Shares that a client lays open; on the control topic. */
  record Reveal(MaskReveal reveal) implements FederatedInput {}

  /** A command, a report or what the owner sends; on either topic. Opened by the operator. */
  record Authorised(AuthorisedRecord record) implements FederatedInput {}
}
