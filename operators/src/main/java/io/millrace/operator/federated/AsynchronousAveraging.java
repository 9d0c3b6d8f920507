package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;

/**
 * FedAsync (Xie, Koyejo, Gupta, 2019, arXiv 1903.03934): every arrival moves the model at once, x =
 * (1 - a) x + a y with a = mixing s(age). The result depends on the order of arrivals, which is
 * that of the log. Clients add a proximal term. Stateless but for the model.
 *
 * @param mixing of a fresh update, above 0 to 1; published 0.6
 */
record AsynchronousAveraging(double mixing, Staleness staleness) {
  AsynchronousAveraging {
    SettingCheck.range("mixing", mixing, 1e-12, 1);
  }

  /**
   * Mixes a client's model in.
   *
   * @param model the newest version, modified
   * @param base the version the client started from
   * @param update y - base, finite
   * @param age versions since the base, 0 or more
   * @throws IllegalArgumentException for a negative age; the model is unchanged then
   */
  void accept(double[] model, double[] base, float[] update, long age) {
    SettingCheck.range("age of an update", age, 0, Long.MAX_VALUE);
    double share = mixing * staleness.weight(age);
    for (int i = 0; i < model.length; i++) {
      model[i] = (1 - share) * model[i] + share * (base[i] + update[i]);
    }
  }
}
