package io.millrace.operator.kvcache;

/** State of one head group. */
public final class KeyValueState {
  final String key;

  KeyValueState(String key) {
    this.key = key;
  }
}
