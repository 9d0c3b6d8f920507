package io.millrace.operator.federated;

import java.util.Locale;

/** Server optimisers by name. */
public enum OptimiserName {
  /** x += rate D. */
  SGD,
  /** {@link ServerMomentum}. */
  MOMENTUM,
  /** {@link ServerAdagrad}. */
  ADAGRAD,
  /** {@link ServerYogi}. */
  YOGI,
  /** {@link ServerAdam}. */
  ADAM,
  /** {@link ServerLion}. */
  LION,
  /** {@link ServerDiffGrad}. */
  DIFFGRAD,
  /** {@link ServerKronecker}. */
  MKOR;

  /** Name in settings, for example adam. */
  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }
}
