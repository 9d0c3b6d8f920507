package io.millrace.operator.federated;

/** Replaces updates by means of some of them, before any rule. Stateless. */
interface GramMixing {
  /** The means to take, over the clients in the Gram matrix. */
  Mixing mixing(Gram gram);
}
