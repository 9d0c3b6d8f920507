package io.millrace.operator.federated;

import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ClientCommit;
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

  /** A command, a report or what the owner sends; on either topic. Opened by the operator. */
  record Authorised(AuthorisedRecord record) implements FederatedInput {}
}
