package io.millrace.runtime;

/**
 * Names of the meters that every engine keeps, all tagged {@code pipeline} and {@code engine}.
 *
 * <pre>
 * records.in               counter, tag stage      records taken, refused ones included
 * records.out              counter, tag channel    results written
 * dead.letters             counter, tag reason     records refused
 * state.bytes              gauge                   hot state on the heap
 * state.written            counter, bytes          state written to the engine's store
 * keys                     gauge                   keys with a state
 * lag.records              gauge                   input not yet taken
 * restarts                 counter                 recoveries from a failure
 * checkpoints              counter                 completed checkpoints; this and the following
 *                                                  only where the engine takes checkpoints
 * checkpoints.failed       counter
 * checkpoint.duration      gauge, milliseconds     of the newest
 * checkpoint.bytes         gauge                   written by the newest
 * checkpoint.state.bytes   gauge                   reachable from the newest
 * checkpoint.age           gauge, milliseconds     since the newest was completed
 * </pre>
 */
public final class PipelineMeters {
  public static final String RECORDS_IN = "millrace.records.in";
  public static final String RECORDS_OUT = "millrace.records.out";
  public static final String DEAD_LETTERS = "millrace.dead.letters";
  public static final String STATE_BYTES = "millrace.state.bytes";
  public static final String STATE_WRITTEN = "millrace.state.written";
  public static final String KEYS = "millrace.keys";
  public static final String LAG_RECORDS = "millrace.lag.records";
  public static final String RESTARTS = "millrace.restarts";
  public static final String CHECKPOINTS = "millrace.checkpoints";
  public static final String CHECKPOINTS_FAILED = "millrace.checkpoints.failed";
  public static final String CHECKPOINT_DURATION = "millrace.checkpoint.duration";
  public static final String CHECKPOINT_BYTES = "millrace.checkpoint.bytes";
  public static final String CHECKPOINT_STATE_BYTES = "millrace.checkpoint.state.bytes";
  public static final String CHECKPOINT_AGE = "millrace.checkpoint.age";

  private PipelineMeters() {}
}
