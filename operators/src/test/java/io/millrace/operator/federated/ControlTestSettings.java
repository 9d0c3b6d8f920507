package io.millrace.operator.federated;

import io.millrace.operator.federated.FederatedSettings.Admission;
import io.millrace.operator.federated.FederatedSettings.Exchange;
import io.millrace.operator.federated.FederatedSettings.Local;
import io.millrace.operator.federated.FederatedSettings.Method;
import io.millrace.operator.federated.FederatedSettings.Policy;
import io.millrace.operator.federated.FederatedSettings.Privacy;
import io.millrace.operator.federated.FederatedSettings.Robust;
import io.millrace.operator.federated.FederatedSettings.Rounds;
import io.millrace.operator.federated.FederatedSettings.Server;
import io.millrace.operator.federated.FederatedSettings.Synchronous;
import java.util.List;

/** Settings of the tests, changed one by one. */
final class ControlTestSettings {
  private AveragingMethod averaging = AveragingMethod.FEDAVG;
  private Policy policy = new Synchronous(4, 2, 1000, false);
  private Staleness staleness = new Staleness.Polynomial(0.5);
  private long largestStaleness = 10;
  private long taskMillis;
  private Robust robust = Robust.NONE;
  private Admission admission = new Admission(1e6, 1000, false);
  private Privacy privacy = Privacy.NONE;
  private List<String> codecs = List.of("plain");
  private int keptVersions = 4;
  private int pendingUpdates = 1000;

  ControlTestSettings averaging(AveragingMethod method) {
    averaging = method;
    return this;
  }

  ControlTestSettings policy(Policy rounds) {
    policy = rounds;
    return this;
  }

  ControlTestSettings staleness(Staleness weight, long largest) {
    staleness = weight;
    largestStaleness = largest;
    return this;
  }

  ControlTestSettings taskMillis(long millis) {
    taskMillis = millis;
    return this;
  }

  ControlTestSettings robust(PreMixing mixing, RobustRule rule, int faulty) {
    robust = new Robust(mixing, rule, faulty, 10, 3, 2);
    return this;
  }

  ControlTestSettings admission(double norm, int weight, boolean signed) {
    admission = new Admission(norm, weight, signed);
    return this;
  }

  ControlTestSettings privacy(
      double clip, double noise, double epsilon, double delta, double quantile) {
    privacy = new Privacy(clip, noise, epsilon, delta, quantile);
    return this;
  }

  ControlTestSettings codecs(String... names) {
    codecs = List.of(names);
    return this;
  }

  ControlTestSettings pendingUpdates(int most) {
    pendingUpdates = most;
    return this;
  }

  FederatedSettings build() {
    return new FederatedSettings(
        new Method(averaging, new Local(5, 0.1, 0, 1, 1, 0.1), Server.plain(0.5), 8, 40),
        new Rounds(policy, staleness, largestStaleness, taskMillis),
        robust,
        admission,
        privacy,
        new Exchange(codecs, 4, keptVersions, pendingUpdates, 1 << 20));
  }
}
