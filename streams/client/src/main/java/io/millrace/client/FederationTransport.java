package io.millrace.client;

import io.millrace.schema.ClientMemory;
import io.millrace.schema.CodecPlan;
import io.millrace.schema.TaskOffer;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Carries records between a client and the aggregator's topics. One thread. */
public interface FederationTransport extends AutoCloseable {
  /**
   * Sends records.
   *
   * @throws IllegalStateException unless all of them lie in the log when this returns; some may
   */
  void send(List<OutgoingRecord> records);

  /**
   * The client's newest offer that this has not returned yet; hands the client the versions and
   * outcomes that come by on the way, and its masks the records of masked rounds.
   *
   * @param wait for one at most; none is waited for once {@link ClientMasks#isDue}
   */
  Optional<TaskOffer> offer(FederatedClient client, Duration wait);

  /**
   * A task's base version, checked against its commit.
   *
   * @throws IllegalStateException when it has not come within the wait, or a chunk was tampered
   *     with
   */
  ModelVersion model(TaskOffer offer, Duration wait);

  /** What the server remembers of the client, a chunk each, in any order. */
  List<ClientMemory> memories(FederatedClient client);

  /** A codec plan, as far as it has come. */
  Optional<CodecPlan> plan(long version);

  @Override
  void close();
}
