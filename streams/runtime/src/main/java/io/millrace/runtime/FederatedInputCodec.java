package io.millrace.runtime;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.federated.FederatedInput;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.MaskKeys;
import io.millrace.schema.MaskReveal;
import io.millrace.schema.MaskShares;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskRequest;
import io.millrace.schema.UnreadableRecordException;
import io.millrace.schema.UpdateChunk;

/**
 * Reads what lies on the two topics of federated models, told apart by fingerprint; which of it
 * belongs on which topic is the operator's to say. Every record is a new one: operators keep
 * payloads until their round is frozen. One thread.
 */
final class FederatedInputCodec implements InputCodec<FederatedInput> {
  private final SingleObject<UpdateChunk> chunks = SingleObject.of(UpdateChunk.class);
  private final SingleObject<TaskRequest> requests = SingleObject.of(TaskRequest.class);
  private final SingleObject<ClientCommit> commits = SingleObject.of(ClientCommit.class);
  private final SingleObject<AuthorisedRecord> records = SingleObject.of(AuthorisedRecord.class);
  private final SingleObject<MaskKeys> keys = SingleObject.of(MaskKeys.class);
  private final SingleObject<MaskShares> shares = SingleObject.of(MaskShares.class);
  private final SingleObject<MaskReveal> reveals = SingleObject.of(MaskReveal.class);

  @Override
  public FederatedInput decode(byte[] value) {
    try {
      String name = SingleObject.recordName(value);
      return switch (name) {
        case "UpdateChunk" -> new FederatedInput.Update(chunks.decode(value));
        case "TaskRequest" -> new FederatedInput.Request(requests.decode(value));
        case "ClientCommit" -> new FederatedInput.Commit(commits.decode(value));
        case "AuthorisedRecord" -> new FederatedInput.Authorised(records.decode(value));
        case "MaskKeys" -> new FederatedInput.Keys(keys.decode(value));
        case "MaskShares" -> new FederatedInput.Shares(shares.decode(value));
        case "MaskReveal" -> new FederatedInput.Reveal(reveals.decode(value));
        default ->
            throw new InvalidInputException(
                Reason.WRONG_SCHEMA,
                "record is a "
                    + name
                    + ", expected an UpdateChunk, TaskRequest, ClientCommit, AuthorisedRecord,"
                    + " MaskKeys, MaskShares or MaskReveal");
      };
    } catch (UnreadableRecordException e) {
      throw AvroInput.refusal(e);
    }
  }
}
