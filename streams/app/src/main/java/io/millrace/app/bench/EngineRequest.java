package io.millrace.app.bench;

/**
 * What a benchmark asks of an {@link EngineCommand}, one line of JSON each.
 *
 * @param action what to do
 * @param deployment text of a deployment file; empty where nothing starts
 * @param copyFrom topic to copy; empty unless {@link Action#COPY}
 * @param copyTo topic to copy to; likewise
 */
record EngineRequest(Action action, String deployment, String copyFrom, String copyTo) {
  /** What to do. */
  enum Action {
    /** Start the pipelines of the deployment. */
    RUN,
    /** Start a copy of a topic under the deployment's settings. */
    COPY,
    /** Say how things stand. */
    FIGURES,
    /** End what runs. */
    STOP
  }

  static EngineRequest run(String deployment) {
    return new EngineRequest(Action.RUN, deployment, "", "");
  }

  static EngineRequest copy(String deployment, String from, String to) {
    return new EngineRequest(Action.COPY, deployment, from, to);
  }

  static EngineRequest figures() {
    return new EngineRequest(Action.FIGURES, "", "", "");
  }

  static EngineRequest stop() {
    return new EngineRequest(Action.STOP, "", "", "");
  }
}
