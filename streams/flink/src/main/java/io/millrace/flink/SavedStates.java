package io.millrace.flink;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.checkpoint.Checkpoints;

/**
 * The completed checkpoints and savepoints that the runs of one job left in its directory, on any
 * file system that Flink knows.
 *
 * <pre>
 * DIRECTORY/JOBID/chk-N/_metadata         checkpoints
 * DIRECTORY/savepoints/NAME/_metadata     savepoints
 * </pre>
 */
final class SavedStates {
  private static final String METADATA = "_metadata";
  private static final long CLOCK_GRAIN_MILLIS = 2000;

  private SavedStates() {}

  static String savepoints(String directory) {
    return directory + "/savepoints";
  }

  /**
   * The one that was completed last. File systems tell times to the second only, some of them, and
   * a savepoint may follow a checkpoint at once; so of those that are about as new as the newest it
   * is the one with the highest number. Numbers rise from run to run of a job, savepoints'
   * included, but begin again for a job that was started from nothing.
   *
   * @throws IOException when the directory cannot be read from this process
   */
  static Optional<String> newest(String directory) throws IOException {
    Path root = new Path(directory);
    FileSystem files = root.getFileSystem();
    List<FileStatus> all = new ArrayList<>();
    for (FileStatus run : list(files, root)) {
      for (FileStatus saved : list(files, run.getPath())) {
        metadata(files, saved.getPath()).ifPresent(all::add);
      }
    }
    long newest = all.stream().mapToLong(FileStatus::getModificationTime).max().orElse(0);
    Path found = null;
    long highest = -1;
    for (FileStatus metadata : all) {
      if (metadata.getModificationTime() >= newest - CLOCK_GRAIN_MILLIS) {
        long number = number(files, metadata.getPath());
        if (number > highest) {
          highest = number;
          found = metadata.getPath().getParent();
        }
      }
    }
    return Optional.ofNullable(found).map(Path::toString);
  }

  /** A state's number, from its own text; -1 where it was cleared away while we looked. */
  private static long number(FileSystem files, Path metadata) throws IOException {
    try (DataInputStream in = new DataInputStream(new BufferedInputStream(files.open(metadata)))) {
      return Checkpoints.loadCheckpointMetadata(
              in, SavedStates.class.getClassLoader(), metadata.getParent().toString())
          .getCheckpointId();
    } catch (FileNotFoundException e) {
      return -1;
    } catch (EOFException e) {
      throw new IOException(metadata + " ends early", e);
    }
  }

  private static FileStatus[] list(FileSystem files, Path directory) throws IOException {
    try {
      FileStatus[] found = files.listStatus(directory);
      return found == null ? new FileStatus[0] : found;
    } catch (FileNotFoundException e) {
      return new FileStatus[0];
    }
  }

  private static Optional<FileStatus> metadata(FileSystem files, Path saved) throws IOException {
    Path metadata = new Path(saved, METADATA);
    try {
      return files.exists(metadata) ? Optional.of(files.getFileStatus(metadata)) : Optional.empty();
    } catch (FileNotFoundException e) {
      // subsumed while we looked
      return Optional.empty();
    }
  }
}
