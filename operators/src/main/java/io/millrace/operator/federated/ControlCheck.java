package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ChunkDone;
import io.millrace.schema.ChunkGram;
import io.millrace.schema.ChunkReceipt;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.ClientKey;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.ModelLayer;
import io.millrace.schema.ModelPointer;
import io.millrace.schema.RoundTick;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskRequest;
import io.millrace.schema.UnreadableRecordException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.avro.specific.SpecificRecord;

/** The door of {@link RoundControl}: refuses with a reason before anything is changed. */
final class ControlCheck {
  private static final int DIGEST_BYTES = OpenTask.DIGEST_BYTES;
  private static final int MOST_MEASURES = 64;
  private static final int LONGEST_MEASURE = 128;
  private static final double LARGEST_MEASURE = 1e100;
  private static final int MOST_CLIENTS = 1 << 20;

  private final FederatedSettings settings;
  private final Authority authority;

  ControlCheck(FederatedSettings settings, Authority authority) {
    this.settings = settings;
    this.authority = authority;
  }

  /**
   * The record inside.
   *
   * @throws InvalidInputException UNAUTHORISED, WRONG_SCHEMA or MALFORMED
   */
  SpecificRecord open(ControlState state, AuthorisedRecord record) {
    byte[] framed = authority.open(state.key, record);
    try {
      String name = SingleObject.recordName(framed);
      return switch (name) {
        case "ModelDefinition" -> SingleObject.of(ModelDefinition.class).decode(framed);
        case "ClientKey" -> SingleObject.of(ClientKey.class).decode(framed);
        case "RoundTick" -> SingleObject.of(RoundTick.class).decode(framed);
        case "ModelPointer" -> SingleObject.of(ModelPointer.class).decode(framed);
        case "ChunkReceipt" -> SingleObject.of(ChunkReceipt.class).decode(framed);
        case "ChunkGram" -> SingleObject.of(ChunkGram.class).decode(framed);
        case "ChunkDone" -> SingleObject.of(ChunkDone.class).decode(framed);
        default ->
            throw new InvalidInputException(
                Reason.WRONG_SCHEMA,
                "authorised record is a "
                    + name
                    + ", expected a ModelDefinition, ClientKey, RoundTick, ModelPointer,"
                    + " ChunkReceipt, ChunkGram or ChunkDone");
      };
    } catch (UnreadableRecordException e) {
      throw new InvalidInputException(Reason.MALFORMED, "authorised record: " + e.getMessage());
    }
  }

  /** A model that is new here. */
  void definition(ControlState state, ModelDefinition definition) {
    requireModel(state, definition.getModel());
    long length = definition.getLength();
    int chunkLength = definition.getChunkLength();
    require(
        chunkLength >= 1 && chunkLength <= settings.largestChunk(),
        Reason.OUT_OF_RANGE,
        "chunk length is " + chunkLength + ", expected 1 to " + settings.largestChunk());
    long most = (long) chunkLength * settings.mostChunks();
    require(
        length >= 1 && length <= most,
        Reason.OUT_OF_RANGE,
        "model has "
            + length
            + " numbers, expected 1 to "
            + most
            + " in at most "
            + settings.mostChunks()
            + " chunks");
    requireLayers(definition);
    require(
        definition.getSchemaHash().equals(ByteBuffer.wrap(Digests.of(definition))),
        Reason.INCONSISTENT,
        "schema hash is not that of the definition");
    if (state.chunks > 0) {
      boolean same = definition.getSchemaHash().equals(ByteBuffer.wrap(state.schemaHash));
      throw new InvalidInputException(
          same ? Reason.DUPLICATE : Reason.INCONSISTENT,
          "model " + state.key + " is defined already, expected no other definition");
    }
    long chunks = (length + chunkLength - 1) / chunkLength;
    require(
        state.firstDigests.isEmpty() || state.firstDigests.lastKey() < chunks,
        Reason.INCONSISTENT,
        "model has " + chunks + " chunks, but more of version 0 are done");
  }

  private static void requireLayers(ModelDefinition definition) {
    long offset = 0;
    for (ModelLayer layer : definition.getLayers()) {
      require(
          layer.getOffset() == offset,
          Reason.INCONSISTENT,
          "layer " + layer.getName() + " begins at " + layer.getOffset() + ", expected " + offset);
      long size = 1;
      for (int side : layer.getShape()) {
        require(
            side >= 1 && size <= definition.getLength() / side,
            Reason.WRONG_DIMENSION,
            "layer " + layer.getName() + " is larger than its model, or empty");
        size *= side;
      }
      offset += size;
    }
    require(
        offset == definition.getLength(),
        Reason.WRONG_DIMENSION,
        "layers have " + offset + " numbers, expected " + definition.getLength());
  }

  void key(ControlState state, ClientKey key) {
    requireModel(state, key.getModel());
    requireClient(key.getClient());
    ByteBuffer bytes = key.getPublicKey();
    require(
        !bytes.hasRemaining() || ClientSignatures.isKey(bytes),
        Reason.MALFORMED,
        "public key of " + key.getClient() + " is no Ed25519 key of 32 bytes");
    ClientEntry entry = state.clients.get(key.getClient());
    byte[] known = entry == null ? new byte[0] : entry.publicKey;
    require(
        !bytes.equals(ByteBuffer.wrap(known)),
        Reason.DUPLICATE,
        "key of " + key.getClient() + " is known already");
    require(
        entry != null || state.clients.size() < MOST_CLIENTS,
        Reason.OUT_OF_RANGE,
        state.clients.size() + " clients are known, expected no more");
  }

  void tick(ControlState state, RoundTick tick) {
    requireModel(state, tick.getModel());
    long time = tick.getTimeMicros();
    require(
        time >= 0 && time < TaskOffers.NEVER,
        Reason.BAD_TIME,
        "time is " + time + " microseconds, expected 0 to below " + TaskOffers.NEVER);
  }

  void pointer(ControlState state, ModelPointer pointer) {
    requireModel(state, pointer.getModel());
    require(
        state.lineages.containsKey(pointer.getVersion()),
        Reason.UNKNOWN_MODEL,
        "version " + pointer.getVersion() + " is not kept, expected one of " + versions(state));
    // the version being made takes the place of the oldest
    OpenVersion open = state.openOrNull;
    require(
        open == null || pointer.getVersion() > open.version - settings.exchange().keptVersions(),
        Reason.UNKNOWN_MODEL,
        "version " + pointer.getVersion() + " goes with version " + state.newestVersion() + " + 1");
    require(
        pointer.getVersion() != (state.rollback >= 0 ? state.rollback : state.pointer)
            || (state.rollback < 0 && state.openOrNull != null),
        Reason.DUPLICATE,
        "version " + pointer.getVersion() + " is pointed to already");
  }

  private static String versions(ControlState state) {
    return state.lineages.keySet().toString();
  }

  void request(ControlState state, TaskRequest request) {
    requireModel(state, request.getModel());
    requireDefined(state);
    requireClient(request.getClient());
    require(
        !settings.admission().signed() || key(state, request.getClient()).length > 0,
        Reason.UNAUTHORISED,
        "no key of client " + request.getClient() + " is known");
  }

  void receipt(ControlState state, ChunkReceipt receipt) {
    requireModel(state, receipt.getModel());
    requireDefined(state);
    requireChunk(state, receipt.getChunk());
    requireDigest("digest", receipt.getDigest());
    if (receipt.getContestedDigest().hasRemaining()) {
      requireDigest("contested digest", receipt.getContestedDigest());
    }
    require(
        receipt.getSequence() >= 0 && receipt.getSequence() < state.nextSequence,
        Reason.INCONSISTENT,
        "task " + receipt.getSequence() + " was never given, expected below " + state.nextSequence);
    requireNumber("squared norm", receipt.getSquaredNorm());
    requireNumber("largest value", receipt.getLargest());
    require(
        receipt.getBytes() >= 0,
        Reason.OUT_OF_RANGE,
        "payloads have " + receipt.getBytes() + " bytes, expected 0 or more");
  }

  /**
   * Checks a report on a chunk's Gram matrix.
   *
   * @return its triangle
   */
  double[] gram(ControlState state, ChunkGram gram) {
    requireModel(state, gram.getModel());
    OpenVersion open = state.openOrNull;
    require(
        open != null && gram.getVersion() == open.version && open.isDeciding(),
        open != null && gram.getVersion() > open.version ? Reason.INCONSISTENT : Reason.LATE,
        "no decision is awaited for version " + gram.getVersion());
    requireChunk(state, gram.getChunk());
    require(
        !open.hasGram(gram.getChunk()),
        Reason.DUPLICATE,
        "Gram matrix of chunk " + gram.getChunk() + " is here already");
    List<Double> products = gram.getProducts();
    require(
        gram.getRows() == open.rows && products.size() == open.triangle(),
        Reason.WRONG_DIMENSION,
        "Gram matrix has "
            + gram.getRows()
            + " rows and "
            + products.size()
            + " products, expected "
            + open.rows
            + " and "
            + open.triangle());
    double[] triangle = new double[products.size()];
    for (int i = 0; i < triangle.length; i++) {
      triangle[i] = products.get(i);
      require(
          Math.abs(triangle[i]) <= 1e150,
          Reason.NOT_FINITE,
          "product " + i + " is " + triangle[i] + ", expected at most 1e150");
    }
    return triangle;
  }

  void done(ControlState state, ChunkDone done) {
    requireModel(state, done.getModel());
    requireDigest("digest", done.getDigest());
    int chunks = state.chunks > 0 ? state.chunks : FederatedKeys.MOST_CHUNKS;
    require(
        done.getChunk() >= 0 && done.getChunk() < chunks,
        Reason.OUT_OF_RANGE,
        "chunk is " + done.getChunk() + ", expected 0 to below " + chunks);
    OpenVersion open = state.openOrNull;
    long awaited = state.version < 0 ? 0 : open == null ? -1 : open.version;
    require(
        awaited >= 0 && done.getVersion() == awaited && (open == null || !open.isDeciding()),
        done.getVersion() <= state.version ? Reason.DUPLICATE : Reason.INCONSISTENT,
        "no chunk of version " + done.getVersion() + " is awaited");
    require(
        !(open == null ? state.firstDigests : open.done).containsKey(done.getChunk()),
        Reason.DUPLICATE,
        "chunk " + done.getChunk() + " of version " + awaited + " is done already");
  }

  /**
   * Checks a commit.
   *
   * @return what is kept of it
   */
  CommitStatement commit(ControlState state, ClientCommit commit) {
    requireModel(state, commit.getTask().getModel());
    requireDefined(state);
    authority.require(commit.getTask());
    long sequence = commit.getTask().getSequence();
    OpenTask task = state.tasks.get(sequence);
    byte[] signed = Digests.signed(commit);
    if (task == null) {
      throw ended(state, sequence);
    }
    CommitStatement statement = statement(state, commit, CanonicalBytes.sha256(signed));
    if (settings.admission().signed()) {
      ByteBuffer key = ByteBuffer.wrap(key(state, task.client));
      require(
          ClientSignatures.verify(key, signed, commit.getSignature()),
          Reason.UNAUTHORISED,
          "commit of task " + sequence + " is not signed with the key of " + task.client);
    }
    if (task.statementOrNull != null) {
      boolean same = Arrays.equals(task.statementOrNull.digest(), statement.digest());
      throw new InvalidInputException(
          same ? Reason.DUPLICATE : Reason.INCONSISTENT,
          "task " + sequence + " is committed already" + (same ? "" : ", otherwise"));
    }
    return statement;
  }

  private static InvalidInputException ended(ControlState state, long sequence) {
    boolean counted = false;
    for (WholeUpdate update : state.whole) {
      counted |= update.sequence() == sequence;
    }
    if (state.openOrNull != null) {
      for (OpenVersion.Part part : state.openOrNull.parts) {
        counted |= part.contribution().getSequence() == sequence;
      }
    }
    return new InvalidInputException(
        counted ? Reason.DUPLICATE : Reason.LATE,
        "task " + sequence + (counted ? " is committed already" : " has ended"));
  }

  private CommitStatement statement(ControlState state, ClientCommit commit, byte[] digest) {
    require(
        commit.getChunkCount() == state.chunks,
        Reason.WRONG_DIMENSION,
        "commit has " + commit.getChunkCount() + " chunks, expected " + state.chunks);
    requireDigest("root", commit.getRoot());
    requireNumber("squared norm", commit.getSquaredNorm());
    require(
        commit.getExamples() >= 1,
        Reason.OUT_OF_RANGE,
        "commit is over " + commit.getExamples() + " examples, expected at least 1");
    require(
        commit.getLocalSteps() >= 0,
        Reason.OUT_OF_RANGE,
        "commit is over " + commit.getLocalSteps() + " steps, expected 0 or more");
    return new CommitStatement(
        digest,
        CanonicalBytes.array(commit.getRoot()),
        commit.getSquaredNorm(),
        commit.getExamples(),
        codecErrors(state, commit.getCodecErrors()),
        measures(commit.getMeasures()));
  }

  private float[] codecErrors(ControlState state, List<Float> errors) {
    int levels = settings.exchange().codecs().size();
    require(
        errors.isEmpty() || errors.size() == (long) levels * state.chunks,
        Reason.WRONG_DIMENSION,
        "commit has "
            + errors.size()
            + " codec errors, expected none or "
            + levels
            + " for each of "
            + state.chunks
            + " chunks");
    float[] values = new float[errors.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = errors.get(i);
      requireNumber("codec error " + i, values[i]);
    }
    return values;
  }

  private static SortedMap<String, Double> measures(Map<String, Double> measures) {
    require(
        measures.size() <= MOST_MEASURES,
        Reason.OUT_OF_RANGE,
        "commit has " + measures.size() + " measures, expected at most " + MOST_MEASURES);
    TreeMap<String, Double> copy = new TreeMap<>();
    measures.forEach(
        (name, value) -> {
          require(
              name.length() <= LONGEST_MEASURE,
              Reason.OUT_OF_RANGE,
              "name of a measure has " + name.length() + " characters");
          require(
              Math.abs(value) <= LARGEST_MEASURE,
              Reason.NOT_FINITE,
              "measure is " + value + ", expected at most " + LARGEST_MEASURE);
          copy.put(name, value);
        });
    return copy;
  }

  private static byte[] key(ControlState state, String client) {
    ClientEntry entry = state.clients.get(client);
    return entry == null ? new byte[0] : entry.publicKey;
  }

  private static void requireModel(ControlState state, String model) {
    require(
        model.equals(state.key) && FederatedKeys.isName(model),
        Reason.BAD_KEY,
        "record of model " + UpdateOutcomes.brief(model) + " has the key " + state.key);
  }

  private static void requireDefined(ControlState state) {
    require(state.chunks > 0, Reason.UNKNOWN_MODEL, "model " + state.key + " is not defined yet");
  }

  private static void requireClient(String client) {
    require(
        FederatedKeys.isName(client),
        Reason.BAD_KEY,
        "name of a client is "
            + UpdateOutcomes.brief(client)
            + ", expected 1 to 128 letters, digits, dots, dashes, underscores or colons");
  }

  private static void requireChunk(ControlState state, int chunk) {
    require(
        chunk >= 0 && chunk < state.chunks,
        Reason.OUT_OF_RANGE,
        "chunk is " + chunk + ", expected 0 to below " + state.chunks);
  }

  private static void requireDigest(String what, ByteBuffer digest) {
    require(
        digest.remaining() == DIGEST_BYTES,
        Reason.MALFORMED,
        what + " has " + digest.remaining() + " bytes, expected " + DIGEST_BYTES);
  }

  private static void requireNumber(String what, double value) {
    require(
        value >= 0 && value <= Double.MAX_VALUE,
        Reason.NOT_FINITE,
        what + " is " + value + ", expected a finite number from 0 on");
  }

  private static void require(boolean condition, Reason reason, String message) {
    if (!condition) {
      throw new InvalidInputException(reason, message);
    }
  }
}
