package io.millrace.app.dashboard;

import java.util.List;

/**
 * How good the versions of a federated model are, as somebody beside the pipeline measures them,
 * and the clients as processes.
 *
 * @param task what is learned
 * @param reference accuracy of the same model trained in one place
 * @param goal accuracy that is good enough
 * @param images that every version is judged by
 * @param points oldest first
 * @param aggregatorPid to kill it by; 0 while it is not there
 * @param processes clients of the demo
 */
public record EvaluationView(
    String task,
    double reference,
    double goal,
    int images,
    List<PointView> points,
    long aggregatorPid,
    List<ProcessView> processes) {

  /** A version's accuracy, 0 to 1. */
  public record PointView(long version, double accuracy) {}

  /**
   * A client of the demo.
   *
   * @param client name
   * @param pid to kill it by; 0 while it is not there
   * @param images it trains on
   * @param misconduct what it sends in place of its update; empty: it is honest
   * @param starts of its process
   */
  public record ProcessView(String client, long pid, int images, String misconduct, int starts) {}
}
