package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.Models;
import io.millrace.operator.StateCodec;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ChunkDone;
import io.millrace.schema.ChunkGram;
import io.millrace.schema.ChunkReceipt;
import io.millrace.schema.ClientMemory;
import io.millrace.schema.Contribution;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.RoundDecision;
import io.millrace.schema.RoundFreeze;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateTask;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;

/**
 * All chunks of one model in memory, each with a state of its own, on some partitions with an
 * operator each, and rounds closed by hand: everything is frozen that is whole. Records between two
 * commands may be shuffled and repeated, and states taken through their bytes after every record.
 */
final class ChunkFederation {
  private static final StateCodec<ChunkState> CODEC = new ChunkStateCodec();

  final ChunkRecords records = new ChunkRecords();
  final FederatedSettings settings;
  final ChunkAggregation[] operators;
  final ChunkState[] states;
  final int chunkLength;
  final List<String> refusals = new ArrayList<>();
  final List<ChunkReceipt> contested = new ArrayList<>();

  /** Digest of each chunk, by version. */
  final TreeMap<Long, byte[][]> digests = new TreeMap<>();

  final Map<String, ClientMemory> memories = new TreeMap<>();

  /** What has not been delivered yet. */
  private final List<UpdateChunk> waiting = new ArrayList<>();

  private final TreeMap<Long, ChunkReceipt[]> receipts = new TreeMap<>();
  private final TreeMap<Integer, ChunkGram> grams = new TreeMap<>();
  private final double[] model;
  private final double[] control;
  private Random chaosOrNull;
  private boolean restoring;
  private long sequence;

  ChunkFederation(FederatedSettings settings, double[] start, int chunkLength, int partitions) {
    this(settings, Optional.empty(), start, chunkLength, partitions);
  }

  /**
   * @param definition sent before version 0
   */
  ChunkFederation(
      FederatedSettings settings,
      Optional<ModelDefinition> definition,
      double[] start,
      int chunkLength,
      int partitions) {
    this.settings = settings;
    this.chunkLength = chunkLength;
    this.model = new double[start.length];
    this.control = new double[start.length];
    this.states = new ChunkState[(start.length + chunkLength - 1) / chunkLength];
    this.operators = new ChunkAggregation[partitions];
    Arrays.setAll(
        operators, i -> new ChunkAggregation(settings, new Authority(ChunkRecords.MASTER_KEY)));
    for (int chunk = 0; chunk < states.length; chunk++) {
      int to = Math.min(start.length, (chunk + 1) * chunkLength);
      states[chunk] =
          operators[chunk % partitions].createState(FederatedKeys.chunk(ChunkRecords.MODEL, chunk));
      int place = chunk;
      definition.ifPresent(
          layers -> send(place, records.authorised(place, ModelDefinition.class, layers)));
      send(
          chunk,
          records.start(chunk, states.length, Arrays.copyOfRange(start, chunk * chunkLength, to)));
    }
  }

  /** Delivers updates in random order, one to five times each. */
  ChunkFederation chaos(long seed) {
    chaosOrNull = new Random(seed);
    return this;
  }

  /** Takes every state through its bytes after every record. */
  ChunkFederation restoring() {
    restoring = true;
    return this;
  }

  double[] model() {
    return model.clone();
  }

  double[] control() {
    return control.clone();
  }

  long version() {
    return digests.lastKey();
  }

  /**
   * The next task. Its seed is the same for all of a round, so that packed updates add up; where
   * each is unpacked anyway, each has its own, so that what codecs lose averages out.
   */
  UpdateTask task(String client) {
    long seed = settings.method().averaging().remembers() ? ~sequence : version() + 1;
    return records.task(client, sequence++, version(), seed);
  }

  /** Sends a whole update of the first codec. */
  void update(UpdateTask task, float[] values) {
    UpdateCodec codec = UpdateCodecs.named(settings.exchange().codecs().get(0));
    for (int chunk = 0; chunk < states.length; chunk++) {
      byte[] payload = codec.encode(ChunkRecords.slice(values, chunk, chunkLength), task.getSeed());
      chunk(task, chunk, payload, new byte[0]);
    }
  }

  /** Sends one chunk. */
  void chunk(UpdateTask task, int chunk, byte[] payload, byte[] second) {
    String codec = settings.exchange().codecs().get(0);
    waiting.add(ChunkRecords.chunk(task, chunk, states.length, codec, payload, second));
  }

  void send(UpdateChunk chunk) {
    waiting.add(chunk);
  }

  /** Delivers what waits. */
  void deliver() {
    List<UpdateChunk> order = new ArrayList<>();
    for (UpdateChunk chunk : waiting) {
      int times = chaosOrNull == null ? 1 : 1 + chaosOrNull.nextInt(5);
      order.addAll(Collections.nCopies(times, chunk));
    }
    waiting.clear();
    if (chaosOrNull != null) {
      Collections.shuffle(order, chaosOrNull);
    }
    order.forEach(chunk -> send(chunk.getChunk(), new FederatedInput.Update(chunk)));
  }

  /** Updates that are whole and uncontested, by client and then number. */
  List<Contribution> whole() {
    List<Contribution> whole = new ArrayList<>();
    receipts.forEach(
        (number, chunks) -> {
          boolean complete = Arrays.stream(chunks).noneMatch(Objects::isNull);
          boolean fought = contested.stream().anyMatch(receipt -> receipt.getSequence() == number);
          if (complete && !fought) {
            whole.add(ChunkRecords.part(chunks[0].getClient(), number, 1, 1));
          }
        });
    whole.sort(
        Comparator.comparing(Contribution::getClient).thenComparing(Contribution::getSequence));
    return whole;
  }

  /** Delivers, and makes a version of the mean of all that is whole; drops all else. */
  void close(double rate) {
    closeFrom(version(), rate);
  }

  /** Likewise, on an older version. */
  void closeFrom(long parent, double rate) {
    deliver();
    List<Contribution> parts = whole();
    RoundFreeze freeze = ChunkRecords.freeze(version() + 1, parts, largest(parts));
    freeze.setParent(parent);
    freeze.setRate(rate);
    List<Long> dropped = new ArrayList<>(receipts.keySet());
    parts.forEach(part -> dropped.remove(part.getSequence()));
    freeze.setDropped(dropped);
    close(freeze);
  }

  /** Commands a freeze, and decides where a rule asks for it. */
  void close(RoundFreeze freeze) {
    freeze.setNeedsDecision(settings.robust().needsDecision());
    grams.clear();
    for (int chunk = 0; chunk < states.length; chunk++) {
      send(chunk, records.authorised(chunk, RoundFreeze.class, freeze));
    }
    if (freeze.getNeedsDecision()) {
      RoundDecision decision = decide(freeze);
      for (int chunk = 0; chunk < states.length; chunk++) {
        send(chunk, records.authorised(chunk, RoundDecision.class, decision));
      }
    }
    receipts.clear();
    contested.clear();
  }

  float largest(List<Contribution> parts) {
    float largest = 0;
    for (Contribution part : parts) {
      for (ChunkReceipt receipt : receipts.get(part.getSequence())) {
        largest = Math.max(largest, (float) (receipt.getLargest() * part.getFactor()));
      }
    }
    return largest;
  }

  /** The rule on the sum of all chunks' Gram matrices, as the control does it. */
  private RoundDecision decide(RoundFreeze freeze) {
    int rows = grams.firstEntry().getValue().getRows();
    double[] sum = new double[rows * (rows + 1) / 2];
    for (ChunkGram gram : grams.values()) {
      Arrays.setAll(sum, i -> sum[i] + gram.getProducts().get(i));
    }
    return HandMadeDecision.of(settings.robust(), freeze, Gram.ofTriangle(rows, sum));
  }

  private void send(int chunk, FederatedInput input) {
    ChunkAggregation operator = operators[chunk % operators.length];
    try {
      operator.accept(states[chunk], input, 0, Models.NONE, this::take);
    } catch (InvalidInputException refusal) {
      refusals.add(refusal.reason() + ": " + refusal.getMessage());
    }
    if (restoring) {
      byte[][] sections = new byte[CODEC.sections()][];
      Arrays.setAll(sections, section -> CODEC.encode(states[chunk], section));
      states[chunk] = CODEC.decode(sections);
    }
  }

  private void take(FederatedOutput output) {
    if (output instanceof FederatedOutput.Model published) {
      ModelChunk chunk = published.chunk();
      read(chunk.getValues(), chunk.getElementBytes(), chunk.getChunk(), model);
      read(chunk.getControl(), Double.BYTES, chunk.getChunk(), control);
    } else if (output instanceof FederatedOutput.Memory memory) {
      memories.put(memory.key(), memory.memory());
    } else if (output instanceof FederatedOutput.Report report) {
      take(report.key(), report.record());
    }
  }

  private void take(String key, AuthorisedRecord record) {
    byte[] framed = records.authority.open(key, record);
    switch (SingleObject.recordName(framed)) {
      case "ChunkReceipt" -> {
        ChunkReceipt receipt = SingleObject.of(ChunkReceipt.class).decode(framed);
        if (receipt.getContestedDigest().hasRemaining()) {
          contested.add(receipt);
        }
        receipts
                .computeIfAbsent(receipt.getSequence(), number -> new ChunkReceipt[states.length])[
                receipt.getChunk()] =
            receipt;
      }
      case "ChunkGram" -> {
        ChunkGram gram = SingleObject.of(ChunkGram.class).decode(framed);
        grams.put(gram.getChunk(), gram);
      }
      default -> {
        ChunkDone done = SingleObject.of(ChunkDone.class).decode(framed);
        digests
                .computeIfAbsent(done.getVersion(), version -> new byte[states.length][])[
                done.getChunk()] =
            CanonicalBytes.array(done.getDigest());
      }
    }
  }

  private void read(ByteBuffer bytes, int elementBytes, int chunk, double[] out) {
    ByteBuffer in = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    for (int i = chunk * chunkLength; in.hasRemaining(); i++) {
      out[i] = elementBytes == Float.BYTES ? in.getFloat() : in.getDouble();
    }
  }

  /** Digests of all versions, for comparison. */
  List<String> fingerprints() {
    List<String> all = new ArrayList<>();
    digests.forEach(
        (version, chunks) -> {
          for (byte[] digest : chunks) {
            all.add(version + " " + HexFormat.of().formatHex(digest));
          }
        });
    return all;
  }
}
