package io.millrace.app.dashboard;

import io.millrace.schema.CodecPlan;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.ModelPointer;
import io.millrace.schema.PrivacyAccount;
import io.millrace.schema.RoundStatus;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateOutcome;
import io.millrace.schema.VersionCommit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What the page knows of one pipeline that controls rounds. Bounded; not thread-safe. */
final class FederatedFeed {
  private static final int MOST_MODELS = 16;
  private static final int LONGEST_NAME = 60;

  private final RecordDecoder<RoundStatus> statuses = new RecordDecoder<>(RoundStatus.class);
  private final RecordDecoder<UpdateOutcome> outcomes = new RecordDecoder<>(UpdateOutcome.class);
  private final RecordDecoder<VersionCommit> commits = new RecordDecoder<>(VersionCommit.class);
  private final RecordDecoder<ModelPointer> pointers = new RecordDecoder<>(ModelPointer.class);
  private final RecordDecoder<CodecPlan> plans = new RecordDecoder<>(CodecPlan.class);
  private final RecordDecoder<PrivacyAccount> accounts = new RecordDecoder<>(PrivacyAccount.class);
  private final RecordDecoder<TaskOffer> offers = new RecordDecoder<>(TaskOffer.class);
  private final RecordDecoder<ModelChunk> chunks = new RecordDecoder<>(ModelChunk.class);
  private final RecordDecoder<UpdateChunk> updates = new RecordDecoder<>(UpdateChunk.class);

  /** By use: the model heard of last is the one shown. */
  private final Map<String, FederatedModelFeed> models =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, FederatedModelFeed> eldest) {
          return size() > MOST_MODELS;
        }
      };

  /** A status or an outcome. */
  void round(byte[] value) {
    statuses
        .decode(value)
        .ifPresentOrElse(
            status -> model(status.getModel()).status(status),
            () ->
                outcomes
                    .decode(value)
                    .ifPresent(outcome -> model(outcome.getModel()).outcome(outcome)));
  }

  /** A version, the one that holds, or a plan of codecs. */
  void version(byte[] value) {
    commits.decode(value).ifPresent(commit -> model(commit.getModel()).version(commit));
    pointers.decode(value).ifPresent(pointer -> model(pointer.getModel()).pointer(pointer));
    plans.decode(value).ifPresent(plan -> model(plan.getModel()).plan(plan));
  }

  void account(byte[] value) {
    accounts.decode(value).ifPresent(account -> model(account.getModel()).account(account));
  }

  void task(byte[] value) {
    offers.decode(value).ifPresent(offer -> model(offer.getTask().getModel()).task(offer));
  }

  void chunk(byte[] value) {
    chunks.decode(value).ifPresent(chunk -> model(chunk.getModel()).chunk(chunk));
  }

  void update(byte[] value) {
    updates.decode(value).ifPresent(chunk -> model(chunk.getTask().getModel()).update(chunk));
  }

  /** Whether updates have told all they are read for: how large they are under their codec. */
  boolean knowsSizes() {
    return !models.isEmpty() && models.values().stream().allMatch(FederatedModelFeed::knowsSize);
  }

  /** Whether chunks of models have told all they are read for: how long the models are. */
  boolean knowsLengths() {
    return !models.isEmpty() && models.values().stream().allMatch(FederatedModelFeed::knowsLength);
  }

  private FederatedModelFeed model(String name) {
    return models.computeIfAbsent(
        PrintableText.of(name, LONGEST_NAME), key -> new FederatedModelFeed());
  }

  /** All there is to see. */
  FederatedView view(Optional<EvaluationView> evaluation) {
    List<String> names = new ArrayList<>(models.keySet());
    String newest = names.isEmpty() ? "" : names.get(names.size() - 1);
    FederatedModelFeed feed = newest.isEmpty() ? new FederatedModelFeed() : models.get(newest);
    return feed.view(newest, names.stream().sorted().toList(), evaluation);
  }
}
