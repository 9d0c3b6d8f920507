package io.millrace.app.federated;

import io.millrace.client.ClientTopics;
import io.millrace.runtime.Pipeline;

/** Names of a federated pipeline's topics, as its clients know them. Stateless. */
public final class FederatedTopics {
  private FederatedTopics() {}

  /** Of a pipeline. */
  public static ClientTopics of(Pipeline pipeline) {
    return new ClientTopics(
        pipeline.topic("updates"),
        pipeline.topic("control"),
        pipeline.topic("tasks"),
        pipeline.topic("models"),
        pipeline.topic("versions"),
        pipeline.topic("memories"),
        pipeline.topic("rounds"));
  }
}
