package io.millrace.flink;

import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.checkpoint.CheckpointException;
import org.apache.flink.runtime.checkpoint.CheckpointFailureReason;

/** Ends jobs with a savepoint. */
public final class Savepoints {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /** Why a cluster refuses a savepoint while tasks are starting: before, and as, they answer. */
  private static final Set<CheckpointFailureReason> STARTING =
      EnumSet.of(
          CheckpointFailureReason.NOT_ALL_REQUIRED_TASKS_RUNNING,
          CheckpointFailureReason.CHECKPOINT_DECLINED_TASK_NOT_READY);

  private Savepoints() {}

  /**
   * Stops a job; asks again while some of its tasks are still starting, which others' results do
   * not tell.
   *
   * @return where the savepoint is
   */
  public static String stop(JobClient job, Path directory, SavepointFormatType format)
      throws Exception {
    long until = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      try {
        return job.stopWithSavepoint(false, directory.toUri().toString(), format)
            .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
      } catch (ExecutionException e) {
        if (!isStarting(e) || System.nanoTime() > until) {
          throw e;
        }
        TimeUnit.MILLISECONDS.sleep(50);
      }
    }
  }

  private static boolean isStarting(ExecutionException e) {
    return e.getCause() instanceof CheckpointException refusal
        && STARTING.contains(refusal.getCheckpointFailureReason());
  }
}
