package io.millrace.app.dashboard;

import io.millrace.schema.Contribution;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.ModelPointer;
import io.millrace.schema.PrivacyAccount;
import io.millrace.schema.Rejection;
import io.millrace.schema.RoundPhase;
import io.millrace.schema.RoundStatus;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateOutcome;
import io.millrace.schema.UpdateTask;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Records of federated rounds as a pipeline would write them. */
final class FederatedRecords {
  static final String MODEL = "fashion";

  private FederatedRecords() {}

  static byte[] status(long round, RoundPhase phase, int complete, int minimum, int target) {
    return SingleObject.of(RoundStatus.class)
        .encode(
            new RoundStatus(
                MODEL,
                round,
                round,
                phase,
                target,
                complete,
                minimum,
                target,
                9_000_000L,
                2_000_000L));
  }

  static byte[] outcome(String client, String outcome, long staleness, String message) {
    return SingleObject.of(UpdateOutcome.class)
        .encode(
            new UpdateOutcome(MODEL, client, 7L, 3L, outcome, staleness, message, -1L, 5_000_000L));
  }

  static byte[] version(
      long version, long parent, List<String> clients, int rejected, double epsilon) {
    ByteBuffer hash = ByteBuffer.wrap(new byte[32]);
    hash.putLong(0, 0x0123456789ABCDEFL * (version + 1));
    return SingleObject.of(VersionCommit.class)
        .encode(
            new VersionCommit(
                MODEL,
                version,
                parent,
                version - 1,
                List.of(hash.duplicate()),
                clients.stream()
                    .map(
                        client ->
                            new Contribution(client, version, 2, 1.0, hash.duplicate(), 1f, 2, 0L))
                    .toList(),
                IntStream.range(0, rejected)
                    .mapToObj(i -> new Rejection("bad-" + i, version, "NORM", "too long"))
                    .toList(),
                "fedavg/nnm+trimmed-mean/sgd",
                hash.duplicate(),
                epsilon,
                epsilon > 0 ? 1e-5 : 0,
                Map.of("loss", 2.0 / (version + 1)),
                version * 1_000_000,
                version * 1_000_000 + 800_000,
                hash.duplicate()));
  }

  static byte[] pointer(long version) {
    return SingleObject.of(ModelPointer.class)
        .encode(new ModelPointer(MODEL, version, "PUBLISHED"));
  }

  static byte[] account(String client, double epsilon, boolean exhausted) {
    return SingleObject.of(PrivacyAccount.class)
        .encode(new PrivacyAccount(MODEL, client, 4L, 4.0, epsilon, 1e-5, exhausted));
  }

  static byte[] offer(String codec) {
    ByteBuffer hash = ByteBuffer.wrap(new byte[32]);
    return SingleObject.of(TaskOffer.class)
        .encode(
            new TaskOffer(
                new UpdateTask(MODEL, "a", 1L, 1L, 0L, 5L, 0L, hash.duplicate()),
                2,
                hash,
                codec,
                -1L,
                "fedavg",
                Map.of(),
                List.of()));
  }

  static byte[] update(int chunk, int chunks, int bytes) {
    ByteBuffer hash = ByteBuffer.wrap(new byte[32]);
    return SingleObject.of(UpdateChunk.class)
        .encode(
            new UpdateChunk(
                new UpdateTask(MODEL, "a", 1L, 1L, 0L, 5L, 0L, hash.duplicate()),
                chunk,
                chunks,
                hash.duplicate(),
                "qsgd-16",
                ByteBuffer.wrap(new byte[bytes]),
                ByteBuffer.wrap(new byte[0]),
                hash));
  }

  static byte[] chunk(int chunk, int chunks, int length) {
    ByteBuffer hash = ByteBuffer.wrap(new byte[32]);
    return SingleObject.of(ModelChunk.class)
        .encode(
            new ModelChunk(
                MODEL,
                0L,
                chunk,
                chunks,
                hash.duplicate(),
                4,
                ByteBuffer.wrap(new byte[4 * length]),
                ByteBuffer.wrap(new byte[0]),
                hash.duplicate()));
  }
}
