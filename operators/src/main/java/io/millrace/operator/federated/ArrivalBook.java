package io.millrace.operator.federated;

/**
 * {@link ArrivalShares} of clients that come and go, in the state: a client's first arrival finds
 * it at the mean of those known, so that all shares are equal at first. Stateless.
 *
 * @param policy its memory and bound
 */
record ArrivalBook(FederatedSettings.Buffered policy) {

  /**
   * Counts an arrival.
   *
   * @param weight of its staleness, above 0 to 1
   * @return what to multiply its weight by: 1 / (clients x share), within the bound both ways
   */
  double arrived(ControlState state, String client, double weight) {
    if (policy.largestCorrection() == 1) {
      return 1;
    }
    double decay = 1 - 1 / policy.arrivalMemory();
    ClientEntry entry = state.client(client);
    if (entry.arrivalWeight == 0) {
      entry.arrivalWeight = state.arrivalClients == 0 ? 1 : state.arrivalTotal / state.arrivalClients;
      entry.arrivalIndex = state.arrivals;
      state.arrivalTotal += entry.arrivalWeight;
      state.arrivalClients++;
    }
    double before =
        entry.arrivalWeight * StrictMath.pow(decay, state.arrivals - entry.arrivalIndex);
    state.arrivals++;
    entry.arrivalWeight = decay * before + (1 - decay) * weight;
    entry.arrivalIndex = state.arrivals;
    state.arrivalTotal = decay * state.arrivalTotal + (1 - decay) * weight;
    double share = entry.arrivalWeight / state.arrivalTotal;
    double correction = 1 / (state.arrivalClients * share);
    double bound = policy.largestCorrection();
    return Math.max(1 / bound, Math.min(bound, correction));
  }
}
