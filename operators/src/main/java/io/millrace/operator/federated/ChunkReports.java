package io.millrace.operator.federated;

import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ChunkDone;
import io.millrace.schema.ChunkGram;
import io.millrace.schema.ChunkReceipt;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.RoundDecision;
import io.millrace.schema.RoundFreeze;
import io.millrace.schema.SingleObject;

/** Frames and vouches for what a chunk tells the control, and opens what it is told. One thread. */
final class ChunkReports {
  private final Authority authority;
  final SingleObject<ChunkReceipt> receipts = SingleObject.of(ChunkReceipt.class);
  final SingleObject<ChunkGram> grams = SingleObject.of(ChunkGram.class);
  final SingleObject<ChunkDone> dones = SingleObject.of(ChunkDone.class);
  final SingleObject<ModelDefinition> definitions = SingleObject.of(ModelDefinition.class);
  final SingleObject<ModelChunk> models = SingleObject.of(ModelChunk.class);
  final SingleObject<RoundFreeze> freezes = SingleObject.of(RoundFreeze.class);
  final SingleObject<RoundDecision> decisions = SingleObject.of(RoundDecision.class);

  ChunkReports(Authority authority) {
    this.authority = authority;
  }

  Authority authority() {
    return authority;
  }

  FederatedOutput report(ChunkReceipt receipt) {
    return report(receipt.getModel(), receipts.encode(receipt));
  }

  FederatedOutput report(ChunkGram gram) {
    return report(gram.getModel(), grams.encode(gram));
  }

  FederatedOutput report(ChunkDone done) {
    return report(done.getModel(), dones.encode(done));
  }

  private FederatedOutput report(String model, byte[] framed) {
    AuthorisedRecord record = authority.authorise(model, framed);
    return new FederatedOutput.Report(model, record);
  }
}
