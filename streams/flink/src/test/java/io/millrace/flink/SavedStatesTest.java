package io.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.DataOutputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Optional;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SavedStatesTest {
  private static final long NOON = 1_700_000_000_000L;

  @TempDir Path job;

  @Test
  void aJobWithoutADirectoryHasNone() throws IOException {
    assertEquals(Optional.empty(), SavedStates.newest(job.resolve("new").toUri().toString()));
  }

  @Test
  void aCheckpointWithoutMetadataIsUnfinishedAndNotTaken() throws IOException {
    save("run-1/chk-4", 4, NOON);
    Files.createDirectories(job.resolve("run-1/chk-5"));

    assertNewest("run-1/chk-4");
  }

  @Test
  void aSavepointOfTheSameSecondAsACheckpointIsTakenWhereItsNumberIsHigher() throws IOException {
    save("run-1/chk-9", 9, NOON);
    save("savepoints/savepoint-1", 10, NOON);
    assertNewest("savepoints/savepoint-1");

    save("run-1/chk-11", 11, NOON);
    assertNewest("run-1/chk-11");
  }

  @Test
  void aRunFromNothingCountsFromOneAndItsStateIsStillTheNewest() throws IOException {
    save("run-1/chk-900", 900, NOON);
    save("run-2/chk-1", 1, NOON + 10_000);

    assertNewest("run-2/chk-1");
  }

  @Test
  void damageInTheNewestIsAnErrorAndNoReasonToTakeAnOlderOne() throws IOException {
    save("run-1/chk-4", 4, NOON);
    save("run-1/chk-5", 5, NOON);
    Files.write(job.resolve("run-1/chk-5/_metadata"), new byte[3]);

    IOException refused =
        assertThrows(IOException.class, () -> SavedStates.newest(job.toUri().toString()));
    assertTrue(refused.getMessage().contains("chk-5"), refused::getMessage);
  }

  private void assertNewest(String expected) throws IOException {
    String found = SavedStates.newest(job.toUri().toString()).orElseThrow();
    assertEquals(job.resolve(expected), Path.of(URI.create(found)));
  }

  private void save(String place, long number, long completedMillis) throws IOException {
    Path metadata = job.resolve(place).resolve("_metadata");
    Files.createDirectories(metadata.getParent());
    try (DataOutputStream out = new DataOutputStream(Files.newOutputStream(metadata))) {
      Checkpoints.storeCheckpointMetadata(
          new CheckpointMetadata(number, List.of(), List.of()), out);
    }
    Files.setLastModifiedTime(metadata, FileTime.fromMillis(completedMillis));
  }
}
