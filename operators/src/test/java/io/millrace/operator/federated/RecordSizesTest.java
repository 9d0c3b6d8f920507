package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.federated.FederatedSettings.Buffered;
import io.millrace.operator.federated.FederatedSettings.Synchronous;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.ChunkGram;
import io.millrace.schema.Contribution;
import io.millrace.schema.Rejection;
import io.millrace.schema.RoundFreeze;
import io.millrace.schema.SingleObject;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The largest records that settings let through, encoded. */
class RecordSizesTest {
  /** Kafka's max.request.size and what a batch of one record has around it. */
  private static final int MOST_BYTES = (1 << 20) - 256;

  private static final String LONGEST_NAME = "n".repeat(128);

  @Test
  void theLargestFreezeFitsARecord() {
    RoundFreeze freeze =
        ChunkRecords.freeze(Long.MAX_VALUE, contributions(RecordSizes.MOST_UPDATES), 1);
    freeze.setDropped(Collections.nCopies(4096, Long.MAX_VALUE));
    byte[] framed = SingleObject.of(RoundFreeze.class).encode(freeze);
    AuthorisedRecord record =
        new ChunkRecords().authority.authorise(FederatedKeys.chunk(LONGEST_NAME, 1), framed);
    assertFits(SingleObject.of(AuthorisedRecord.class).encode(record));
  }

  @Test
  void theLargestGramMatrixFitsARecord() {
    int rows = RecordSizes.MOST_ROWS;
    List<Double> products = Collections.nCopies(rows * (rows + 1) / 2, 1.0);
    ChunkGram gram = new ChunkGram(LONGEST_NAME, Long.MAX_VALUE, 1 << 30, rows, products);
    byte[] framed = SingleObject.of(ChunkGram.class).encode(gram);
    AuthorisedRecord record = new ChunkRecords().authority.authorise(LONGEST_NAME, framed);
    assertFits(SingleObject.of(AuthorisedRecord.class).encode(record));
  }

  @ParameterizedTest
  @CsvSource({"1, NONE, MEAN", "64, NONE, MEAN", "4096, NONE, MEAN", "500, NONE, KRUM"})
  void theLargestCommitFitsARecord(int target, PreMixing mixing, RobustRule rule) {
    FederatedSettings settings =
        new ControlTestSettings()
            .policy(new Synchronous(target, 1, 0, false))
            .robust(mixing, rule, 0)
            .build();
    int chunks = settings.mostChunks();
    List<Rejection> all = new ArrayList<>();
    for (int i = 0; i < ControlState.MOST_REJECTIONS; i++) {
      all.add(new Rejection(LONGEST_NAME, Long.MAX_VALUE, "EQUIVOCATION", "\u20ac".repeat(300)));
    }
    VersionCommit commit = new VersionCommit();
    commit.setModel(LONGEST_NAME);
    commit.setVersion(Long.MAX_VALUE);
    commit.setParent(Long.MAX_VALUE);
    commit.setRound(Long.MAX_VALUE);
    commit.setChunkDigests(Collections.nCopies(chunks, ByteBuffer.allocate(32)));
    commit.setContributions(contributions(target));
    commit.setRejected(RecordSizes.newest(all, settings, target, chunks));
    commit.setRule("r".repeat(60));
    commit.setSettingsHash(ByteBuffer.allocate(32));
    commit.setMeasures(measures());
    commit.setLineage(ByteBuffer.allocate(32));
    assertFits(SingleObject.of(VersionCommit.class).encode(commit));
    assertTrue(chunks > 1000, chunks + " chunks");
    commit.setChunkDigests(List.of(ByteBuffer.allocate(32)));
    commit.setRejected(RecordSizes.newest(all, settings, target, 1));
    assertFits(SingleObject.of(VersionCommit.class).encode(commit));
    assertTrue(commit.getRejected().size() > 100, commit.getRejected().size() + " told");
  }

  @Test
  void sevenBillionNumbersOfSixtyFourClientsAreNotTooMany() {
    FederatedSettings settings =
        new ControlTestSettings().policy(new Synchronous(64, 1, 0, false)).build();
    assertTrue(settings.mostChunks() >= 7_000_000_000L / settings.largestChunk() + 1);
  }

  @Test
  void settingsOfLargerVersionsAreRefusedInALine() {
    assertRefused("rounds.target is 4097", () -> new Synchronous(4097, 1, 0, false));
    assertRefused("rounds.size is 4097", () -> new Buffered(4097, 1, 10));
    ControlTestSettings krum =
        new ControlTestSettings()
            .policy(new Synchronous(508, 1, 0, false))
            .robust(PreMixing.NONE, RobustRule.KRUM, 0);
    assertRefused("Gram matrix is 508", krum::build);
  }

  private static void assertRefused(String expected, Runnable settings) {
    String message = assertThrows(IllegalArgumentException.class, settings::run).getMessage();
    assertTrue(message.contains(expected), message);
    assertEquals(1, message.lines().count(), message);
  }

  private static void assertFits(byte[] record) {
    int key = LONGEST_NAME.length() + 20;
    assertTrue(record.length + key <= MOST_BYTES, record.length + " bytes");
  }

  private static List<Contribution> contributions(int count) {
    return Collections.nCopies(
        count,
        new Contribution(
            LONGEST_NAME,
            Long.MAX_VALUE,
            1 << 28,
            0.5,
            ByteBuffer.allocate(32),
            1f,
            Integer.MAX_VALUE,
            Long.MAX_VALUE));
  }

  private static Map<String, Double> measures() {
    Map<String, Double> measures = new HashMap<>();
    for (int i = 0; i < 64; i++) {
      measures.put("\u20ac".repeat(126) + (char) ('0' + i / 8) + (char) ('0' + i % 8), 1.0);
    }
    return measures;
  }
}
