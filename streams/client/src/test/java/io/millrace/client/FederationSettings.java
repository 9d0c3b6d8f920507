package io.millrace.client;

import io.millrace.operator.federated.AveragingMethod;
import io.millrace.operator.federated.FederatedSettings;
import io.millrace.operator.federated.FederatedSettings.Admission;
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
import io.millrace.operator.federated.OptimiserName;
import io.millrace.operator.federated.Staleness;
import java.util.List;

/**
 * Settings of tests: rounds that all clients take part in, signed commits.
 *
 * @param momentum of SCAFCOM and EF21-SGDM
 */
record FederationSettings(
    AveragingMethod averaging,
    String codec,
    int clients,
    double rate,
    double alpha,
    double momentum) {
  static final int STEPS = 10;

  FederatedSettings build() {
    return build(OptimiserName.SGD);
  }

  FederatedSettings build(OptimiserName optimiser) {
    Policy policy =
        averaging == AveragingMethod.FEDASYNC
            ? new Immediate()
            : new Synchronous(clients, 1, 60_000, false);
    boolean single =
        averaging == AveragingMethod.EF21
            || averaging == AveragingMethod.ECONTROL
            || averaging == AveragingMethod.AFA_CS
            || averaging == AveragingMethod.AFA_CD;
    Local local = new Local(single ? 1 : STEPS, rate, 0, alpha, momentum, 0.1);
    double serverRate =
        averaging == AveragingMethod.EF21 || averaging == AveragingMethod.ECONTROL ? rate : 1;
    return new FederatedSettings(
        new Method(
            averaging, local, new Server(optimiser, serverRate, 0.9, 0.99, 1e-3, 0), clients, 40),
        new Rounds(policy, new Staleness.Constant(), 10, 0),
        Robust.NONE,
        new Admission(1e6, 1, true),
        Privacy.NONE,
        new Exchange(List.of(codec.split(",")), Double.BYTES, 4, 100, 1 << 24));
  }
}
