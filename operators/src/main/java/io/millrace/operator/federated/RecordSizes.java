package io.millrace.operator.federated;

import io.millrace.schema.Rejection;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Bytes that records of the control reach at worst, so that none passes Kafka's mebibyte. Settings
 * and models under which one could are refused before anybody trains.
 *
 * <pre>
 * RoundFreeze     205 n + 10 x 4096 dropped + 512                n updates, names of 128
 * VersionCommit   205 n + 34 P + 64 x 394 measures + 512, and rejections in what is left;
 *                 where a rule outvotes, 250 n more
 * ChunkGram       4 m (m + 1) + 512                              m rows
 * ClientCommit    4 P levels + 64 x 394 measures + 512
 * </pre>
 *
 * Stateless.
 */
public final class RecordSizes {
  /** Updates of a version at most. */
  public static final int MOST_UPDATES = 1 << 12;

  /** Rows of a Gram matrix at most. */
  static final int MOST_ROWS = 508;

  /** What is around a record: its key, its authenticator, the batch. */
  private static final int MOST_BYTES = (1 << 20) - 8192;

  private static final int CONTRIBUTION = 205;
  private static final int OUTVOTED = 250;
  private static final int DIGEST = 34;
  private static final int FIXED = 512 + 64 * 394;

  /** Numbers of a rejection, the lengths of its texts, and its reason. */
  private static final int REJECTION = 40;

  private RecordSizes() {}

  /** Chunks of a model at most, under some settings. */
  static int mostChunks(FederatedSettings settings) {
    int committed = room(settings, ControlPolicy.of(settings.rounds()).target()) / DIGEST;
    int levels = settings.exchange().codecs().size();
    int told = levels == 1 ? committed : (MOST_BYTES - FIXED) / (Float.BYTES * levels);
    return Math.min(FederatedKeys.MOST_CHUNKS, Math.min(committed, told));
  }

  /** The newest rejections that a version still has room for. */
  static List<Rejection> newest(
      List<Rejection> rejections, FederatedSettings settings, int updates, int chunks) {
    int room = room(settings, updates) - DIGEST * chunks;
    int from = rejections.size();
    while (from > 0 && room >= bytes(rejections.get(from - 1))) {
      from--;
      room -= bytes(rejections.get(from));
    }
    return rejections.subList(from, rejections.size());
  }

  private static int room(FederatedSettings settings, int updates) {
    int each = CONTRIBUTION + (settings.robust().needsDecision() ? OUTVOTED : 0);
    return MOST_BYTES - FIXED - each * updates;
  }

  private static int bytes(Rejection rejection) {
    return REJECTION
        + rejection.getClient().length()
        + rejection.getMessage().getBytes(StandardCharsets.UTF_8).length;
  }
}
