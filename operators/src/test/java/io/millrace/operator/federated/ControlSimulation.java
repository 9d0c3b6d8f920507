package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.schema.ChunkGram;
import io.millrace.schema.ChunkReceipt;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.ModelPointer;
import io.millrace.schema.RoundFreeze;
import io.millrace.schema.RoundTick;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;

/**
 * Clients, chunks and an owner that act at random, from a seed: uploads in any order, torn, slow,
 * lying or contested, chunks that answer late and out of order, roll-backs.
 */
final class ControlSimulation {
  private static final int CLIENTS = 7;
  private final ControlRun run;
  private final Random random;
  private final int inputs;
  private final List<FederatedInput> inFlight = new ArrayList<>();
  private final TreeMap<Long, Boolean> seen = new TreeMap<>();
  private int read;
  private long millis = 1_000;

  ControlSimulation(FederatedSettings settings, int chunks, long seed, int inputs) {
    this.run = new ControlRun(settings, chunks);
    this.random = new Random(seed);
    this.inputs = inputs;
  }

  /** The run after so many inputs were taken. */
  ControlRun run() {
    run.authorised(run.definition());
    for (int chunk = 0; chunk < run.chunks; chunk++) {
      run.done(0, chunk);
    }
    while (run.inputs.size() < inputs) {
      answer();
      step();
    }
    return run;
  }

  private void step() {
    int dice = random.nextInt(100);
    if (dice < 60 && !inFlight.isEmpty()) {
      offer(inFlight.remove(random.nextInt(inFlight.size())));
    } else if (dice < 85) {
      offer(ControlRun.request("client-" + random.nextInt(CLIENTS)));
    } else if (dice < 99) {
      millis += random.nextInt(300);
      offer(ControlRun.authorise(new RoundTick(ControlRun.MODEL, 1000 * millis)));
    } else if (run.state.version > 3) {
      offer(
          ControlRun.authorise(
              new ModelPointer(
                  ControlRun.MODEL, run.state.version - random.nextInt(3), "ROLLED_BACK")));
    }
  }

  private void offer(FederatedInput input) {
    try {
      run.accept(input);
    } catch (InvalidInputException refusal) {
      // as a dead letter: the stream goes on
    }
  }

  /** Puts what clients and chunks answer to new outputs in flight. */
  private void answer() {
    for (; read < run.outputs.size(); read++) {
      FederatedOutput output = run.outputs.get(read);
      if (output instanceof FederatedOutput.Task task) {
        upload(task.offer());
      } else if (output instanceof FederatedOutput.Command command) {
        obey(command);
      }
    }
  }

  private void upload(TaskOffer offer) {
    if (seen.putIfAbsent(offer.getTask().getSequence(), true) != null) {
      return;
    }
    double squaredNorm = 1 + 20 * random.nextDouble();
    ControlRun.Update update =
        new ControlRun.Update(offer.getTask(), run.chunks, squaredNorm, 1 + random.nextInt(2000));
    int mood = random.nextInt(20);
    if (mood == 0) {
      return;
    }
    List<FederatedInput> sent = new ArrayList<>();
    for (int chunk = 0; chunk < run.chunks; chunk++) {
      ChunkReceipt receipt = update.receipt(chunk);
      sent.add(ControlRun.authorise(receipt));
      if (mood == 1 && chunk == 1) {
        receipt.setContestedDigest(ByteBuffer.wrap(new byte[32]));
        sent.add(ControlRun.authorise(receipt));
      }
    }
    ClientCommit commit = update.commit();
    if (mood == 2) {
      commit.setRoot(ByteBuffer.wrap(new byte[32]));
    } else if (mood == 3) {
      commit.setSquaredNorm(squaredNorm * 1.01);
    }
    int levels = run.settings.exchange().codecs().size();
    if (levels > 1) {
      List<Float> errors = new ArrayList<>();
      for (int i = 0; i < run.chunks * levels; i++) {
        errors.add(random.nextFloat());
      }
      commit.setCodecErrors(errors);
    }
    sent.add(new FederatedInput.Commit(commit));
    if (mood == 4) {
      sent.remove(random.nextInt(sent.size()));
    }
    inFlight.addAll(sent);
  }

  private void obey(FederatedOutput.Command command) {
    int chunk = FederatedKeys.chunkOf(command.key());
    byte[] framed = ControlRun.AUTHORITY.open(command.key(), command.record());
    boolean freeze = SingleObject.recordName(framed).equals("RoundFreeze");
    if (freeze && SingleObject.of(RoundFreeze.class).decode(framed).getContributions().isEmpty()) {
      // only to be forgotten
      return;
    }
    OpenVersion open = run.state.openOrNull;
    if (freeze && SingleObject.of(RoundFreeze.class).decode(framed).getNeedsDecision()) {
      List<Double> products = new ArrayList<>(Collections.nCopies(open.triangle(), 0.0));
      int next = 0;
      for (int i = 0; i < open.rows; i++) {
        for (int j = i; j < open.rows; j++) {
          products.set(next++, (i == j ? 3.0 : 0.0) + random.nextDouble());
        }
      }
      inFlight.add(
          ControlRun.authorise(
              new ChunkGram(ControlRun.MODEL, open.version, chunk, open.rows, products)));
    } else {
      inFlight.add(ControlRun.authorise(run.chunkDone(open.version, chunk)));
    }
  }
}
