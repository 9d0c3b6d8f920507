package io.millrace.flink;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.Optional;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;

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

  private SavedStates() {}

  static String savepoints(String directory) {
    return directory + "/savepoints";
  }

  /**
   * The one that was completed last.
   *
   * @throws IOException when the directory cannot be read from this process
   */
  static Optional<String> newest(String directory) throws IOException {
    Path root = new Path(directory);
    FileSystem files = root.getFileSystem();
    FileStatus newest = null;
    for (FileStatus run : list(files, root)) {
      for (FileStatus saved : list(files, run.getPath())) {
        FileStatus metadata = metadataOrNull(files, saved.getPath());
        if (metadata != null && (newest == null || isNewer(metadata, newest))) {
          newest = metadata;
        }
      }
    }
    return Optional.ofNullable(newest).map(status -> status.getPath().getParent().toString());
  }

  /** Of two of one moment the larger checkpoint number. */
  private static boolean isNewer(FileStatus one, FileStatus other) {
    int byTime = Long.compare(one.getModificationTime(), other.getModificationTime());
    return byTime != 0 ? byTime > 0 : number(one) > number(other);
  }

  private static long number(FileStatus metadata) {
    String name = metadata.getPath().getParent().getName();
    return name.matches("chk-[0-9]{1,18}") ? Long.parseLong(name.substring(4)) : -1;
  }

  private static FileStatus[] list(FileSystem files, Path directory) throws IOException {
    try {
      FileStatus[] found = files.listStatus(directory);
      return found == null ? new FileStatus[0] : found;
    } catch (FileNotFoundException e) {
      return new FileStatus[0];
    }
  }

  private static FileStatus metadataOrNull(FileSystem files, Path saved) throws IOException {
    Path metadata = new Path(saved, METADATA);
    try {
      return files.exists(metadata) ? files.getFileStatus(metadata) : null;
    } catch (FileNotFoundException e) {
      // subsumed while we looked
      return null;
    }
  }
}
