package io.millrace.operator.federated;

/** What is kept of a client beyond its tasks. One thread. */
final class ClientEntry {
  /** Ed25519, 32 bytes; empty: none is known. */
  byte[] publicKey = {};

  long participations;

  /** Sum of 1 / z^2. */
  double precision;

  /** Decayed staleness weights of its arrivals, 0 before the first; see {@link ArrivalBook}. */
  double arrivalWeight;

  /** Arrivals of all when that was brought up to date. */
  long arrivalIndex;
}
