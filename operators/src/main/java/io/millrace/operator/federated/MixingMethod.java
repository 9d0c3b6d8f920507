package io.millrace.operator.federated;

/** How nodes without a server agree: what an edge's spike does, and what flows between spikes. */
public enum MixingMethod {
  /** Both ends of an edge take their mean: randomised gossip (Boyd and others, 2006). */
  PLAIN,

  /** A2CiD2 (Nabli, Belilovsky, Oyallon, 2023): gossip of two variables with momentum. */
  MOMENTUM,

  /** DADAO (Nabli, Oyallon, 2023): accelerated in gradients and in communications. */
  DADAO
}
