package io.millrace.operator.federated;

import io.millrace.operator.federated.FederatedSettings.Buffered;
import io.millrace.operator.federated.FederatedSettings.Policy;
import io.millrace.operator.federated.FederatedSettings.Synchronous;

/** What names the settings of a version: {@code VersionCommit.settingsHash}. Stateless. */
final class SettingsDigest {
  private SettingsDigest() {}

  /** SHA-256 of all settings, 32 bytes. */
  static byte[] of(FederatedSettings settings) {
    CanonicalBytes bytes = new CanonicalBytes("federated-settings");
    method(bytes, settings.method());
    FederatedSettings.Rounds rounds = settings.rounds();
    policy(bytes, rounds.policy());
    staleness(bytes, rounds.staleness());
    bytes.number(rounds.largestStaleness()).number(rounds.taskMillis());
    FederatedSettings.Robust robust = settings.robust();
    bytes
        .text(robust.mixing().id())
        .text(robust.rule().id())
        .number(robust.faulty())
        .number(robust.radius())
        .number(robust.passes())
        .number(robust.size());
    FederatedSettings.Admission admission = settings.admission();
    bytes
        .number(admission.largestNorm())
        .number(admission.largestWeight())
        .number(admission.signed() ? 1 : 0);
    FederatedSettings.Privacy privacy = settings.privacy();
    bytes
        .number(privacy.clip())
        .number(privacy.noise())
        .number(privacy.epsilon())
        .number(privacy.delta())
        .number(privacy.clipQuantile());
    FederatedSettings.Exchange exchange = settings.exchange();
    bytes.number(exchange.codecs().size());
    exchange.codecs().forEach(bytes::text);
    return bytes
        .number(exchange.elementBytes())
        .number(exchange.keptVersions())
        .number(exchange.pendingUpdates())
        .number(exchange.pendingBytes())
        .sha256();
  }

  private static void method(CanonicalBytes bytes, FederatedSettings.Method method) {
    FederatedSettings.Local local = method.local();
    FederatedSettings.Server server = method.server();
    bytes
        .text(method.averaging().id())
        .number(method.clients())
        .number(method.memoryBits())
        .number(local.steps())
        .number(local.rate())
        .number(local.proximal())
        .number(local.alpha())
        .number(local.momentum())
        .number(local.errorWeight())
        .text(server.optimiser().id())
        .number(server.rate())
        .number(server.firstDecay())
        .number(server.secondDecay())
        .number(server.floor())
        .number(server.weightDecay());
  }

  private static void policy(CanonicalBytes bytes, Policy policy) {
    if (policy instanceof Synchronous rounds) {
      bytes
          .text("synchronous")
          .number(rounds.target())
          .number(rounds.minimum())
          .number(rounds.deadlineMillis())
          .number(rounds.carries() ? 1 : 0);
    } else if (policy instanceof Buffered buffered) {
      bytes
          .text("buffered")
          .number(buffered.size())
          .number(buffered.largestCorrection())
          .number(buffered.arrivalMemory());
    } else {
      bytes.text("immediate");
    }
  }

  private static void staleness(CanonicalBytes bytes, Staleness staleness) {
    if (staleness instanceof Staleness.Polynomial polynomial) {
      bytes.text("polynomial").number(polynomial.exponent());
    } else if (staleness instanceof Staleness.Hinge hinge) {
      bytes.text("hinge").number(hinge.slope()).number(hinge.grace());
    } else {
      bytes.text("constant");
    }
  }
}
