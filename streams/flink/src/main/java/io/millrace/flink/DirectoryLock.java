package io.millrace.flink;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Keeps a second run of a deployment from the checkpoints of the first: it would go on from them,
 * end the first one's transactions and clear its files away. The operating system gives the lock
 * back when the process ends, however it ends.
 */
final class DirectoryLock implements AutoCloseable {
  private final FileChannel channel;

  private DirectoryLock(FileChannel channel) {
    this.channel = channel;
  }

  /**
   * Takes the lock; makes the directory.
   *
   * @throws IllegalStateException when another run has it, or the directory cannot be written
   */
  static DirectoryLock take(Path directory, String deployment) {
    Path file = directory.resolve(deployment + ".lock");
    try {
      Files.createDirectories(directory);
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (!isTaken(channel)) {
        channel.close();
        throw new IllegalStateException(
            deployment + " runs already: its state in " + directory + " is in use");
      }
      return new DirectoryLock(channel);
    } catch (IOException e) {
      throw new IllegalStateException(directory + " cannot be written: " + e, e);
    }
  }

  private static boolean isTaken(FileChannel channel) throws IOException {
    try {
      return channel.tryLock() != null;
    } catch (OverlappingFileLockException e) {
      // another run in this process has it
      return false;
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new IllegalStateException("the lock cannot be given back: " + e, e);
    }
  }
}
