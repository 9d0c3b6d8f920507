package io.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DirectoryLockTest {
  @TempDir Path directory;

  @Test
  void aSecondRunOfADeploymentIsRefusedUntilTheFirstHasEnded() {
    DirectoryLock first = DirectoryLock.take(directory, "plant");
    IllegalStateException refused =
        assertThrows(IllegalStateException.class, () -> DirectoryLock.take(directory, "plant"));
    assertTrue(refused.getMessage().startsWith("plant runs already"), refused::getMessage);

    first.close();
    DirectoryLock.take(directory, "plant").close();
  }

  @Test
  void deploymentsMayShareADirectory() {
    try (DirectoryLock one = DirectoryLock.take(directory.resolve("new"), "plant");
        DirectoryLock other = DirectoryLock.take(directory.resolve("new"), "mill")) {
      assertTrue(one != other);
    }
  }
}
