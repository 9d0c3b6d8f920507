package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import io.millrace.schema.PrivacyAccount;
import java.util.function.Consumer;

/**
 * What clients have given away, by their true participations as in {@link ParticipationLedger}: a
 * release of noise multiplier z costs 1 / z^2. Where the clip adapts itself, the count of updates
 * within it is a release, too: noise of deviation n / 20 on a count that one client moves by one
 * half either way (Andrew et al., 2019, arXiv 1905.03871) costs (10 / n)^2 for n updates. Stateless.
 */
final class PrivacyBudget {
  /** Noise on the count of updates within the clip, over their number. */
  static final double COUNT_NOISE = 1.0 / 20;

  private final FederatedSettings.Privacy privacy;
  private final int fewest;

  /**
   * @param fewest updates that a version has
   */
  PrivacyBudget(FederatedSettings.Privacy privacy, int fewest) {
    this.privacy = privacy;
    this.fewest = fewest;
    if (isPrivate()) {
      SettingCheck.range("privacy.noise", privacy.noise(), 0.01, 1e6);
      SettingCheck.range("privacy.delta", privacy.delta(), 1e-15, 0.5);
    }
  }

  boolean isPrivate() {
    return privacy.noise() > 0;
  }

  /** Whether one more version with its update stays within a client's budget. */
  boolean affords(ControlState state, String client) {
    if (!isPrivate() || privacy.epsilon() == 0) {
      return true;
    }
    ClientEntry entry = state.clients.get(client);
    double precision = entry == null ? 0 : entry.precision;
    return epsilon(precision + cost(fewest)) <= privacy.epsilon();
  }

  /** Charges a client for a version of so many updates. */
  void charge(
      ControlState state, String client, int updates, Consumer<? super FederatedOutput> out) {
    ClientEntry entry = state.client(client);
    entry.precision += cost(updates);
    entry.participations++;
    state.worstPrecision = Math.max(state.worstPrecision, entry.precision);
    account(state, client, out);
  }

  /** Tells where a client stands. */
  void account(ControlState state, String client, Consumer<? super FederatedOutput> out) {
    ClientEntry entry = state.clients.get(client);
    double precision = entry == null ? 0 : entry.precision;
    out.accept(
        new FederatedOutput.Account(
            new PrivacyAccount(
                state.key,
                client,
                entry == null ? 0 : entry.participations,
                precision,
                epsilon(precision),
                privacy.delta(),
                !affords(state, client))));
  }

  /** Loss of the client who has given away most; 0 without noise. */
  double worst(ControlState state) {
    return isPrivate() ? epsilon(state.worstPrecision) : 0;
  }

  double delta() {
    return isPrivate() ? privacy.delta() : 0;
  }

  private double cost(int updates) {
    double cost = 1 / (privacy.noise() * privacy.noise());
    if (privacy.clipQuantile() > 0) {
      double count = 2 * COUNT_NOISE * updates;
      cost += 1 / (count * count);
    }
    return cost;
  }

  private double epsilon(double precision) {
    return ParticipationLedger.epsilon(precision, privacy.delta());
  }
}
