package io.millrace.app.dashboard;

import io.millrace.app.dashboard.EvaluationView.PointView;
import io.millrace.app.dashboard.EvaluationView.ProcessView;
import io.millrace.app.dashboard.FeedSettings.CacheTopics;
import io.millrace.app.dashboard.FeedSettings.FederatedTopics;
import io.millrace.app.dashboard.FeedSettings.FollowedPipeline;
import io.millrace.app.dashboard.PipelineFeed.Role;
import io.millrace.schema.RoundPhase;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Made-up federated rounds, for working on the page. */
final class PreviewRounds {
  private static final int CLIENTS = 8;

  private final List<PointView> points = new ArrayList<>();
  private final PipelineFeed feed =
      new PipelineFeed(
          new FollowedPipeline(
              "control",
              "federated",
              "",
              "",
              "",
              "",
              "",
              "control.dead",
              CacheTopics.NONE,
              new FederatedTopics(
                  "control", "updates", "rounds", "versions", "tasks", "accounts", "models")),
          new Observations(Optional::empty, () -> Optional.of(evaluation())));
  private long version;

  PreviewRounds() {
    put(Role.TASKS, FederatedRecords.offer("qsgd-16"));
    put(Role.UPDATES, FederatedRecords.update(0, 1, 2_050));
    put(Role.MODELS, FederatedRecords.chunk(0, 7, 4_096));
    put(Role.MODELS, FederatedRecords.chunk(6, 7, 874));
    put(Role.MODEL_VERSIONS, FederatedRecords.version(0, -1, List.of(), 0, 0));
    for (int i = 0; i < 24; i++) {
      step(i);
    }
  }

  PipelineFeed feed() {
    return feed;
  }

  /** A round every other call, with what becomes of its updates. */
  void step(long call) {
    if (call % 2 == 0) {
      put(Role.ROUNDS, FederatedRecords.status(version, RoundPhase.OPEN, 5, 6, 8));
      return;
    }
    version++;
    List<String> included = new ArrayList<>();
    for (int client = 0; client < CLIENTS; client++) {
      String name = "client-" + client;
      if (client == CLIENTS - 1) {
        put(
            Role.ROUNDS,
            FederatedRecords.outcome(
                name, "NORM", 0, "update has length 48.2, expected at most 20"));
      } else if (client == 3 && version % 5 == 0) {
        put(
            Role.ROUNDS,
            FederatedRecords.outcome(
                name, version % 10 == 0 ? "LATE" : "CARRIED", 1, "came a round late"));
      } else {
        included.add(name);
        put(
            Role.ROUNDS,
            FederatedRecords.outcome(name, "INCLUDED", version % 7 == client ? 1 : 0, ""));
      }
      put(Role.ACCOUNTS, FederatedRecords.account(name, 0.21 * Math.sqrt(version), client == 2));
    }
    long parent = version == 9 ? 5 : version - 1;
    put(
        Role.MODEL_VERSIONS,
        FederatedRecords.version(version, parent, included, 1, 0.21 * Math.sqrt(version)));
    put(Role.MODEL_VERSIONS, FederatedRecords.pointer(version));
    points.add(new PointView(version, 0.84 - 0.6 * Math.exp(-version / 6.0)));
  }

  private EvaluationView evaluation() {
    List<ProcessView> processes = new ArrayList<>();
    for (int client = 0; client < CLIENTS; client++) {
      processes.add(
          new ProcessView(
              "client-" + client,
              client == 4 ? 0 : 40_000 + client,
              900,
              client == 6 ? "alie" : client == 7 ? "sign-flip" : "",
              client == 4 ? 2 : 1));
    }
    return new EvaluationView(
        "Fashion-MNIST, 32 units", 0.841, 0.826, 2_000, points, 39_999, processes);
  }

  private void put(Role role, byte[] value) {
    feed.accept(role, null, value, System.currentTimeMillis());
  }
}
