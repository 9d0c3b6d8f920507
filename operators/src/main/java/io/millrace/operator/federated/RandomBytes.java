package io.millrace.operator.federated;

/** Where random bytes come from. One thread. */
@FunctionalInterface
interface RandomBytes {
  /** Fills an array with the next bytes. */
  void fill(byte[] bytes);
}
