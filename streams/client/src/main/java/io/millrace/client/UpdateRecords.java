package io.millrace.client;

import io.millrace.client.OutgoingRecord.Channel;
import io.millrace.operator.federated.FederatedKeys;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskRequest;
import io.millrace.schema.UpdateChunk;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/** Frames what a client sends of its own accord, each record under its key. One thread. */
final class UpdateRecords {
  private final SingleObject<TaskRequest> requests = SingleObject.of(TaskRequest.class);
  private final SingleObject<UpdateChunk> updates = SingleObject.of(UpdateChunk.class);
  private final SingleObject<ClientCommit> commits = SingleObject.of(ClientCommit.class);

  OutgoingRecord request(TaskRequest request) {
    return control(request.getModel(), requests.encode(request));
  }

  /**
   * Chunks in order, then the commit.
   *
   * @param missing chunks to send; empty: all
   */
  List<OutgoingRecord> of(OpenUpdate update, List<Integer> missing) {
    String model = update.commit().getTask().getModel();
    TreeSet<Integer> wanted = new TreeSet<>(missing);
    List<OutgoingRecord> records = new ArrayList<>();
    for (UpdateChunk chunk : update.chunks()) {
      if (wanted.isEmpty() || wanted.contains(chunk.getChunk())) {
        String key = FederatedKeys.chunk(model, chunk.getChunk());
        records.add(
            new OutgoingRecord(Channel.UPDATES, key, chunk.getChunk(), updates.encode(chunk)));
      }
    }
    records.add(control(model, commits.encode(update.commit())));
    return records;
  }

  private static OutgoingRecord control(String model, byte[] value) {
    return new OutgoingRecord(Channel.CONTROL, model, -1, value);
  }
}
