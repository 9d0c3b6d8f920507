package io.millrace.operator.federated;

import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ClientMemory;
import io.millrace.schema.CodecPlan;
import io.millrace.schema.MaskCohort;
import io.millrace.schema.MaskDelivery;
import io.millrace.schema.MaskSurvivors;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.ModelPointer;
import io.millrace.schema.PrivacyAccount;
import io.millrace.schema.RoundStatus;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.UpdateOutcome;
import io.millrace.schema.VersionCommit;

/** What {@link ChunkAggregation} and the control of rounds emit. */
public sealed interface FederatedOutput {

  /** The key of its record. */
  String key();

  /** A chunk of a version; channel models. */
  record Model(ModelChunk chunk) implements FederatedOutput {
    @Override
    public String key() {
      return FederatedKeys.modelChunk(chunk.getModel(), chunk.getVersion(), chunk.getChunk());
    }
  }

  /** A chunk of a version is no longer kept: an empty record; channel models. */
  record RemovedModel(String model, long version, int chunk) implements FederatedOutput {
    @Override
    public String key() {
      return FederatedKeys.modelChunk(model, version, chunk);
    }
  }

  /** What the server holds of a client; channel memories. */
  record Memory(ClientMemory memory) implements FederatedOutput {
    @Override
    public String key() {
      return FederatedKeys.clientChunk(memory.getModel(), memory.getClient(), memory.getChunk());
    }
  }

  /** A ChunkReceipt, ChunkGram or ChunkDone; channel reports, which is the control topic. */
  record Report(String key, AuthorisedRecord record) implements FederatedOutput {}

  /** A RoundFreeze or RoundDecision; channel commands, which is the updates topic. */
  record Command(String key, AuthorisedRecord record) implements FederatedOutput {}

  /** A task; channel tasks. */
  record Task(TaskOffer offer) implements FederatedOutput {
    @Override
    public String key() {
      return FederatedKeys.client(offer.getTask().getModel(), offer.getTask().getClient());
    }
  }

  /** Who masks with whom in a round; channel tasks. */
  record Cohort(MaskCohort cohort) implements FederatedOutput {
    @Override
    public String key() {
      return FederatedKeys.cohort(cohort.getModel());
    }
  }

  /** Shares dealt to a client; channel tasks. */
  record Delivery(MaskDelivery delivery) implements FederatedOutput {
    @Override
    public String key() {
      return FederatedKeys.shares(delivery.getModel(), delivery.getClient());
    }
  }

  /** Whose updates are in a masked sum; channel tasks. */
  record Survivors(MaskSurvivors survivors) implements FederatedOutput {
    @Override
    public String key() {
      return FederatedKeys.survivors(survivors.getModel());
    }
  }

  /** A version is whole; channel versions. */
  record Version(VersionCommit commit) implements FederatedOutput {
    @Override
    public String key() {
      return FederatedKeys.version(commit.getModel(), commit.getVersion());
    }
  }

  /** The version that holds; channel versions. */
  record Pointer(ModelPointer pointer) implements FederatedOutput {
    @Override
    public String key() {
      return pointer.getModel();
    }
  }

  /** Codecs by chunk; channel versions. */
  record Plan(CodecPlan plan) implements FederatedOutput {
    @Override
    public String key() {
      return plan.getModel() + "/plan";
    }
  }

  /** What a client has given away; channel accounts. */
  record Account(PrivacyAccount account) implements FederatedOutput {
    @Override
    public String key() {
      return FederatedKeys.client(account.getModel(), account.getClient());
    }
  }

  /** Where a round stands; channel rounds. */
  record Status(RoundStatus status) implements FederatedOutput {
    @Override
    public String key() {
      return status.getModel();
    }
  }

  /** What became of an update; channel rounds. */
  record Outcome(UpdateOutcome outcome) implements FederatedOutput {
    @Override
    public String key() {
      return FederatedKeys.client(outcome.getModel(), outcome.getClient());
    }
  }
}
