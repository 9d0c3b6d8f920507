package io.millrace.operator.federated;

import io.millrace.schema.SingleObject;
import java.util.function.Consumer;
import org.apache.avro.specific.SpecificRecord;

/** Sends a command to every chunk of a model, authorised for each. Stateless. */
record ChunkCommands(Authority authority) {

  <T extends SpecificRecord> void send(
      ControlState state, Class<T> type, T command, Consumer<? super FederatedOutput> out) {
    byte[] framed = SingleObject.of(type).encode(command);
    for (int chunk = 0; chunk < state.chunks; chunk++) {
      String key = FederatedKeys.chunk(state.key, chunk);
      out.accept(new FederatedOutput.Command(key, authority.authorise(key, framed.clone())));
    }
  }
}
