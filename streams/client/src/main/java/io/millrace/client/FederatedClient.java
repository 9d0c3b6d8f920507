package io.millrace.client;

import io.millrace.operator.SettingCheck;
import io.millrace.operator.federated.AveragingMethod;
import io.millrace.operator.federated.ClientMethod;
import io.millrace.operator.federated.ClientMethods;
import io.millrace.operator.federated.FederatedKeys;
import io.millrace.operator.federated.PackedChunk;
import io.millrace.operator.federated.TaskParameters;
import io.millrace.schema.ClientMemory;
import io.millrace.schema.CodecPlan;
import io.millrace.schema.Contribution;
import io.millrace.schema.Rejection;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.TaskRequest;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateOutcome;
import io.millrace.schema.UpdateTask;
import io.millrace.schema.VersionCommit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A client's side of federated learning, from record to record: no Kafka, no clock, no threads.
 *
 * <p>An update is saved, as the bytes that will travel, together with what the method remembers
 * after it, before its first byte is sent. So a crash at any point leaves either the task untouched
 * or the whole update: asked again for a task, the client is given the same one and sends the same
 * bytes, of which the aggregator counts each once. What is remembered runs ahead of the aggregator
 * by the updates whose fate is open; one that is lost is taken back, integer for integer.
 *
 * <p>One model, one thread.
 */
public final class FederatedClient {
  /** Open updates at most; the oldest beyond are taken for counted. */
  private static final int MOST_OPEN = 64;

  private final UpdateRecords records = new UpdateRecords();
  private final ClientStateCodec codec = new ClientStateCodec();

  private final ClientSettings settings;
  private final LocalTraining training;
  private final UpdateMaker maker;
  private final ClientStore store;
  private final ClientMasks masks;
  private ClientState state;

  /**
   * @param store of this client and model alone
   * @throws IllegalArgumentException for a store that holds something else, or is damaged
   */
  public FederatedClient(ClientSettings settings, LocalTraining training, ClientStore store) {
    this.settings = settings;
    this.training = training;
    this.store = store;
    this.maker = new UpdateMaker(settings, training);
    this.state =
        store
            .load()
            .map(codec::decode)
            .orElseGet(() -> ClientState.empty(settings.model(), settings.client()));
    if (!state.model().equals(settings.model()) || !state.client().equals(settings.client())) {
      throw new IllegalArgumentException(
          "state is of "
              + state.client()
              + " on "
              + state.model()
              + ", expected "
              + settings.client());
    }
    this.masks = new ClientMasks(settings, () -> state, newer -> save(state.withMasks(newer)));
  }

  /** Who trains what. */
  public ClientSettings settings() {
    return settings;
  }

  /** Its part in masked rounds. */
  public ClientMasks masks() {
    return masks;
  }

  /**
   * Asks for a task; asked again, the same task comes again.
   *
   * @param timeMicros the client's clock, for people only
   */
  public OutgoingRecord request(long timeMicros) {
    return records.request(new TaskRequest(settings.model(), settings.client(), timeMicros));
  }

  /** What a task wants of its client. */
  public enum Demand {
    /** Nothing: it was answered, given up, or belongs to somebody else. */
    NOTHING,
    /** Chunks or the commit that are not known to have arrived: {@link #resume}. */
    RESUME,
    /** Training: {@link #train}. */
    TRAIN,
    /** To be taken on by {@link ClientMasks#begin}; training comes when masks are agreed. */
    MASK,
    /** It was begun by a client that remembers nothing of it: {@link #abandon}. */
    ABANDON
  }

  /**
   * What a task wants.
   *
   * @throws IllegalArgumentException for a task that this client cannot take on: another layout, an
   *     unknown method or codec, parameters out of range
   */
  public Demand demand(TaskOffer offer) {
    UpdateTask task = offer.getTask();
    if (!task.getModel().equals(settings.model()) || !task.getClient().equals(settings.client())) {
      return Demand.NOTHING;
    }
    Optional<OpenUpdate> update = state.update(task.getSequence());
    if (update.isPresent()) {
      boolean arrived = update.get().delivered() && offer.getMissing().isEmpty();
      return arrived ? Demand.NOTHING : Demand.RESUME;
    }
    if (task.getSequence() <= state.lastSequence()) {
      return Demand.NOTHING;
    }
    AveragingMethod method = check(offer);
    boolean begun = !offer.getMissing().isEmpty();
    if (ClientSettings.isMasked(offer)) {
      if (masks.isOf(task.getSequence())) {
        return Demand.NOTHING;
      }
      return begun ? Demand.ABANDON : Demand.MASK;
    }
    boolean again = training.repeatable() && isWhollyKnown(method, offer);
    return begun && !again ? Demand.ABANDON : Demand.TRAIN;
  }

  /**
   * Sends what is missing of an update once more, the same bytes; the whole of it when it is not
   * known that any has arrived.
   *
   * @param offer whose {@link #demand} is RESUME
   */
  public List<OutgoingRecord> resume(TaskOffer offer) {
    OpenUpdate update = state.update(offer.getTask().getSequence()).orElseThrow();
    return records.of(update, offer.getMissing());
  }

  /** Whether what the server remembers of this client is needed before it can train. */
  public boolean needsMemories(TaskOffer offer) {
    AveragingMethod method = ClientMethods.named(offer.getMethod());
    TaskParameters parameters = settings.parameters(offer);
    return method.remembers()
        && !state.remembered().map(memory -> memory.fits(method, parameters)).orElse(false);
  }

  /**
   * Trains and makes the update, which is saved before this returns.
   *
   * @param offer whose {@link #demand} is TRAIN, or whose masks are agreed
   * @param model the task's base version
   * @param memories what the server remembers of this client, in any order; used when {@link
   *     #needsMemories} says so, and none for a client that never took part
   * @param plan codecs by chunk, when the task names one
   * @return what to send, then to be told with {@link #delivered}
   * @throws IllegalArgumentException for a model or plan that is not the task's, or numbers that
   *     cannot be sent; nothing has changed then
   */
  public List<OutgoingRecord> train(
      TaskOffer offer, ModelVersion model, List<ClientMemory> memories, Optional<CodecPlan> plan) {
    AveragingMethod method = check(offer);
    TaskParameters parameters = settings.parameters(offer);
    if (model.version() != offer.getTask().getBaseVersion()
        || model.chunks().length != offer.getChunkCount()
        || !model.commit().getModel().equals(settings.model())) {
      throw new IllegalArgumentException(
          "model is version "
              + model.version()
              + ", the task starts from "
              + offer.getTask().getBaseVersion());
    }
    Optional<Remembered> fitting =
        state.remembered().filter(remembered -> remembered.fits(method, parameters));
    Remembered memory =
        fitting.orElseGet(() -> Remembered.nothing(method, parameters, model.lengths()));
    ClientMethod[] halves = memory.chunks(parameters);
    if (halves.length != model.chunks().length) {
      throw new IllegalArgumentException("the model has been cut anew since the last task");
    }
    if (fitting.isEmpty() && method.remembers()) {
      Escrow.restore(halves, memories, settings);
    }
    Optional<MaskedTask> masked = masks.of(offer);
    if (masked.isEmpty() && ClientSettings.isMasked(offer)) {
      throw new IllegalArgumentException(
          "masks of task " + offer.getTask().getSequence() + " are not agreed");
    }
    ChunkPacking packing =
        masked.map(ChunkPacking::masked).orElseGet(() -> ChunkPacking.open(offer, plan));
    OpenUpdate update = maker.make(offer, model, halves, packing);
    boolean follows = fitting.isPresent() && !memory.isEmpty();
    List<OpenUpdate> open = new ArrayList<>(follows ? state.open() : List.of());
    open.add(update);
    if (open.size() > MOST_OPEN) {
      open.remove(0);
    }
    save(state.with(update.sequence(), Optional.of(memory.with(parameters, halves)), open));
    masked.ifPresent(MaskedTask::made);
    return records.of(update, List.of());
  }

  /** Gives a task up: its number is never answered. */
  public void abandon(TaskOffer offer) {
    save(state.with(offer.getTask().getSequence(), state.remembered(), state.open()));
  }

  /** Says that all that was to be sent under a task lies in the log. */
  public void delivered(long sequence) {
    boolean known = state.update(sequence).map(OpenUpdate::delivered).orElse(true);
    if (!known) {
      List<OpenUpdate> open = new ArrayList<>(state.open());
      open.replaceAll(update -> update.sequence() == sequence ? update.asDelivered() : update);
      save(state.withOpen(open));
    }
  }

  /** Whether the fate of an update is not known. */
  public boolean hasOpenUpdates() {
    return !state.open().isEmpty();
  }

  /** Takes a version for what it says of this client's updates. */
  public void accept(VersionCommit commit) {
    if (!commit.getModel().equals(settings.model())) {
      return;
    }
    for (Contribution part : commit.getContributions()) {
      if (part.getClient().equals(settings.client())) {
        settle(part.getSequence(), true);
      }
    }
    for (Rejection rejection : commit.getRejected()) {
      if (rejection.getClient().equals(settings.client())) {
        settle(rejection.getSequence(), false);
      }
    }
  }

  /** Takes what became of an update. */
  public void accept(UpdateOutcome outcome) {
    if (outcome.getModel().equals(settings.model())
        && outcome.getClient().equals(settings.client())
        && !outcome.getOutcome().equals("CARRIED")) {
      settle(outcome.getSequence(), outcome.getOutcome().equals("INCLUDED"));
    }
  }

  private void settle(long sequence, boolean counted) {
    if (masks.isOf(sequence)) {
      masks.end();
    }
    Optional<OpenUpdate> settled = state.update(sequence);
    if (settled.isEmpty()) {
      return;
    }
    List<OpenUpdate> open = new ArrayList<>(state.open());
    open.remove(settled.get());
    Optional<Remembered> memory = state.remembered();
    if (!counted && memory.isPresent() && !memory.get().isEmpty()) {
      TaskParameters parameters = memory.get().parameters();
      ClientMethod[] halves = memory.get().chunks(parameters);
      for (UpdateChunk chunk : settled.get().chunks()) {
        int index = chunk.getChunk();
        halves[index].lost(
            unpack(chunk, false, halves[index].length()),
            halves[index].isTwofold() ? unpack(chunk, true, halves[index].length()) : new float[0]);
      }
      memory = Optional.of(memory.get().with(parameters, halves));
    }
    save(state.with(state.lastSequence(), memory, open));
  }

  private static float[] unpack(UpdateChunk chunk, boolean second, int length) {
    byte[] payload = Escrow.bytes(second ? chunk.getSecond() : chunk.getPayload());
    return second && payload.length == 0
        ? new float[0]
        : PackedChunk.unpack(chunk.getTask(), chunk.getCodec(), payload, length);
  }

  private AveragingMethod check(TaskOffer offer) {
    SettingCheck.range("chunks of the model", offer.getChunkCount(), 1, FederatedKeys.MOST_CHUNKS);
    if (settings.schemaHash().map(hash -> !hash.equals(offer.getSchemaHash())).orElse(false)) {
      throw new IllegalArgumentException("the task is for another layout of the model");
    }
    if (settings.choices().masks().required() && !ClientSettings.isMasked(offer)) {
      throw new IllegalArgumentException("the task shows every update, expected masks");
    }
    settings.parameters(offer);
    return ClientMethods.named(offer.getMethod());
  }

  /** Whether what went into an update that was begun can be had again. */
  private boolean isWhollyKnown(AveragingMethod method, TaskOffer offer) {
    boolean nothing = state.remembered().map(Remembered::isEmpty).orElse(true);
    TaskParameters parameters = settings.parameters(offer);
    return nothing && ClientMethods.of(method, parameters, 1).wholeInEscrow();
  }

  private void save(ClientState next) {
    store.save(codec.encode(next));
    state = next;
  }
}
