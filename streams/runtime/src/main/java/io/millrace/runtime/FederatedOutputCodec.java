package io.millrace.runtime;

import io.millrace.operator.federated.FederatedOutput;
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
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.UpdateOutcome;
import io.millrace.schema.VersionCommit;
import java.util.List;

/** Routes and frames what both stages of federated models emit. One thread. */
final class FederatedOutputCodec implements OutputCodec<FederatedOutput> {
  static final String MODELS = "models";
  static final String MEMORIES = "memories";
  static final String REPORTS = "reports";
  static final String COMMANDS = "commands";
  static final String TASKS = "tasks";
  static final String VERSIONS = "versions";
  static final String ACCOUNTS = "accounts";
  static final String ROUNDS = "rounds";

  private final SingleObject<ModelChunk> models = SingleObject.of(ModelChunk.class);
  private final SingleObject<ClientMemory> memories = SingleObject.of(ClientMemory.class);
  private final SingleObject<AuthorisedRecord> records = SingleObject.of(AuthorisedRecord.class);
  private final SingleObject<TaskOffer> tasks = SingleObject.of(TaskOffer.class);
  private final SingleObject<MaskCohort> cohorts = SingleObject.of(MaskCohort.class);
  private final SingleObject<MaskDelivery> deliveries = SingleObject.of(MaskDelivery.class);
  private final SingleObject<MaskSurvivors> survivors = SingleObject.of(MaskSurvivors.class);
  private final SingleObject<VersionCommit> versions = SingleObject.of(VersionCommit.class);
  private final SingleObject<ModelPointer> pointers = SingleObject.of(ModelPointer.class);
  private final SingleObject<CodecPlan> plans = SingleObject.of(CodecPlan.class);
  private final SingleObject<PrivacyAccount> accounts = SingleObject.of(PrivacyAccount.class);
  private final SingleObject<RoundStatus> statuses = SingleObject.of(RoundStatus.class);
  private final SingleObject<UpdateOutcome> outcomes = SingleObject.of(UpdateOutcome.class);

  @Override
  public List<String> channels() {
    return List.of(MODELS, MEMORIES, REPORTS, COMMANDS, TASKS, VERSIONS, ACCOUNTS, ROUNDS);
  }

  @Override
  public String channel(FederatedOutput output) {
    if (output instanceof FederatedOutput.Report) {
      return REPORTS;
    }
    if (output instanceof FederatedOutput.Command) {
      return COMMANDS;
    }
    if (output instanceof FederatedOutput.Memory) {
      return MEMORIES;
    }
    if (output instanceof FederatedOutput.Task
        || output instanceof FederatedOutput.Cohort
        || output instanceof FederatedOutput.Delivery
        || output instanceof FederatedOutput.Survivors) {
      return TASKS;
    }
    if (output instanceof FederatedOutput.Account) {
      return ACCOUNTS;
    }
    if (output instanceof FederatedOutput.Status || output instanceof FederatedOutput.Outcome) {
      return ROUNDS;
    }
    return output instanceof FederatedOutput.Model || output instanceof FederatedOutput.RemovedModel
        ? MODELS
        : VERSIONS;
  }

  @Override
  public String key(FederatedOutput output, String stateKey) {
    return output.key();
  }

  @Override
  public byte[] encode(FederatedOutput output) {
    if (output instanceof FederatedOutput.Report report) {
      return records.encode(report.record());
    }
    if (output instanceof FederatedOutput.Command command) {
      return records.encode(command.record());
    }
    if (output instanceof FederatedOutput.Model model) {
      return models.encode(model.chunk());
    }
    if (output instanceof FederatedOutput.Memory memory) {
      return memories.encode(memory.memory());
    }
    if (output instanceof FederatedOutput.Task task) {
      return tasks.encode(task.offer());
    }
    if (output instanceof FederatedOutput.Cohort cohort) {
      return cohorts.encode(cohort.cohort());
    }
    if (output instanceof FederatedOutput.Delivery delivery) {
      return deliveries.encode(delivery.delivery());
    }
    if (output instanceof FederatedOutput.Survivors named) {
      return survivors.encode(named.survivors());
    }
    if (output instanceof FederatedOutput.Account account) {
      return accounts.encode(account.account());
    }
    if (output instanceof FederatedOutput.Status status) {
      return statuses.encode(status.status());
    }
    if (output instanceof FederatedOutput.Outcome outcome) {
      return outcomes.encode(outcome.outcome());
    }
    if (output instanceof FederatedOutput.Version version) {
      return versions.encode(version.commit());
    }
    if (output instanceof FederatedOutput.Pointer pointer) {
      return pointers.encode(pointer.pointer());
    }
    return output instanceof FederatedOutput.Plan plan ? plans.encode(plan.plan()) : null;
  }
}
