package io.millrace.app.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/**
 * Offsets that one run committed, and when they were seen. The clock starts at 0 s with the run.
 */
final class CommitSeries {
  /** Fewer commits than this say nothing about a steady rate. */
  private static final int LEAST_COMMITS = 3;

  private final List<Commit> commits = new ArrayList<>();

  private record Commit(double seconds, long offset) {}

  /** Takes a look at the committed offset; one that did not move changes nothing. */
  void saw(double seconds, long offset) {
    if (offset > last()) {
      commits.add(new Commit(seconds, offset));
    }
  }

  /** The offset committed last; 0 before the first. */
  long last() {
    return commits.isEmpty() ? 0 : commits.get(commits.size() - 1).offset;
  }

  int count() {
    return commits.size();
  }

  /** Records per second from the start to the last commit. */
  double wholeRate() {
    return last() / commits.get(commits.size() - 1).seconds;
  }

  /**
   * Records per second from the first commit to the last but one: without the start, and without
   * the end, when the engine waits for its next commit with nothing to do. Empty when there were
   * too few commits.
   */
  OptionalDouble steadyRate() {
    if (commits.size() < LEAST_COMMITS) {
      return OptionalDouble.empty();
    }
    Commit first = commits.get(0);
    Commit end = commits.get(commits.size() - 2);
    return OptionalDouble.of((end.offset - first.offset) / (end.seconds - first.seconds));
  }
}
