package io.millrace.operator.federated;

import io.millrace.operator.federated.FederatedSettings.Admission;
import io.millrace.operator.federated.FederatedSettings.Buffered;
import io.millrace.operator.federated.FederatedSettings.Exchange;
import io.millrace.operator.federated.FederatedSettings.Immediate;
import io.millrace.operator.federated.FederatedSettings.Local;
import io.millrace.operator.federated.FederatedSettings.Method;
import io.millrace.operator.federated.FederatedSettings.Policy;
import io.millrace.operator.federated.FederatedSettings.Privacy;
import io.millrace.operator.federated.FederatedSettings.Robust;
import io.millrace.operator.federated.FederatedSettings.Rounds;
import io.millrace.operator.federated.FederatedSettings.Server;
import io.millrace.operator.federated.FederatedSettings.Synchronous;
import java.util.List;

/** Settings of tests: plain averaging, double precision, and what is changed of it. */
final class FederatedTestSettings {
  private AveragingMethod averaging = AveragingMethod.FEDAVG;
  private Local local = new Local(10, 0.02, 0, 1, 1, 1);
  private Server server = Server.plain(1);
  private Robust robust = Robust.NONE;
  private Privacy privacy = Privacy.NONE;
  private List<String> codecs = List.of("plain");
  private Policy policy = new Synchronous(10, 1, 0, false);
  private double largestNorm = 1e6;
  private int clients = 10;
  private int elementBytes = Double.BYTES;
  private int pendingUpdates = 64;
  private Staleness staleness = new Staleness.Polynomial(0.5);

  FederatedTestSettings method(AveragingMethod method) {
    averaging = method;
    if (method == AveragingMethod.FEDASYNC) {
      policy = new Immediate();
    } else if (method == AveragingMethod.FEDBUFF) {
      policy = new Buffered(10, 1, 100);
    }
    return this;
  }

  FederatedTestSettings local(Local steps) {
    local = steps;
    return this;
  }

  FederatedTestSettings server(Server step) {
    server = step;
    return this;
  }

  FederatedTestSettings robust(PreMixing mixing, RobustRule rule, int faulty) {
    return robust(mixing, rule, faulty, 3);
  }

  FederatedTestSettings robust(PreMixing mixing, RobustRule rule, int faulty, int passes) {
    robust = new Robust(mixing, rule, faulty, 20, passes, 2);
    return this;
  }

  FederatedTestSettings round(int target, int minimum, long deadlineMillis) {
    policy = new Synchronous(target, minimum, deadlineMillis, false);
    return this;
  }

  FederatedTestSettings buffer(int size) {
    policy = new Buffered(size, 1, 100);
    return this;
  }

  FederatedTestSettings correction(double largest) {
    policy = new Buffered(3, largest, 100);
    return this;
  }

  FederatedTestSettings privacy(double clip, double noise) {
    privacy = new Privacy(clip, noise, 0, 1e-5, 0);
    return this;
  }

  FederatedTestSettings codecs(String... names) {
    codecs = List.of(names);
    return this;
  }

  FederatedTestSettings largestNorm(double norm) {
    largestNorm = norm;
    return this;
  }

  FederatedTestSettings buffer(int size, double largestCorrection, double arrivalMemory) {
    policy = new Buffered(size, largestCorrection, arrivalMemory);
    return this;
  }

  FederatedTestSettings staleness(Staleness weight) {
    staleness = weight;
    return this;
  }

  FederatedTestSettings clients(int all) {
    clients = all;
    return this;
  }

  FederatedTestSettings elementBytes(int bytes) {
    elementBytes = bytes;
    return this;
  }

  FederatedTestSettings pendingUpdates(int most) {
    pendingUpdates = most;
    return this;
  }

  FederatedSettings build() {
    return new FederatedSettings(
        new Method(averaging, local, server, clients, 40),
        new Rounds(policy, staleness, 100, 0),
        robust,
        new Admission(largestNorm, 1 << 20, false),
        privacy,
        new Exchange(codecs, elementBytes, 4, pendingUpdates, 1 << 20));
  }
}
