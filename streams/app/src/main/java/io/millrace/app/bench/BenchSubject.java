package io.millrace.app.bench;

import io.millrace.app.Engines;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * An engine, where it keeps its state, and what it guarantees.
 *
 * @param engine name of the engine
 * @param state where Flink keeps keyed state; empty: the engine has one way only; or {@code
 *     identity} for a copy of the input topic
 * @param guarantee as in a deployment file
 */
record BenchSubject(String engine, String state, String guarantee) {
  private static final String FLINK = "flink";
  private static final String IDENTITY = "identity";
  private static final String EXACTLY_ONCE = "exactly-once";
  private static final List<String> GUARANTEES = List.of(EXACTLY_ONCE, "at-least-once");

  /** All that can be measured. */
  static List<BenchSubject> all() {
    List<BenchSubject> all = new ArrayList<>();
    for (BenchSubject store : stores()) {
      GUARANTEES.forEach(
          guarantee -> all.add(new BenchSubject(store.engine, store.state, guarantee)));
    }
    return all;
  }

  /** The ways to keep state, each exactly once. */
  static List<BenchSubject> stores() {
    return List.of(
        new BenchSubject(Engines.DEFAULT, "", EXACTLY_ONCE),
        new BenchSubject(FLINK, "rocksdb", EXACTLY_ONCE),
        new BenchSubject(FLINK, "heap", EXACTLY_ONCE));
  }

  /** For example {@code flink rocksdb exactly-once}. */
  String name() {
    return store() + ' ' + guarantee;
  }

  /** For example {@code flink rocksdb}. */
  String store() {
    return state.isEmpty() ? engine : engine + ' ' + state;
  }

  /** Whether its name has all of some words. */
  boolean has(List<String> words) {
    String name = name().toLowerCase(Locale.ROOT);
    return words.stream().allMatch(word -> name.contains(word.toLowerCase(Locale.ROOT)));
  }

  /** The copy of a topic that it is held against: no state, so one for all ways to keep it. */
  BenchSubject identity() {
    return new BenchSubject(engine, IDENTITY, guarantee);
  }

  boolean isIdentity() {
    return state.equals(IDENTITY);
  }

  /** Line of a deployment file with the engine's own properties. */
  String engineProperties() {
    return switch (state) {
      case "heap" -> "engines: {flink: {state.backend.type: hashmap}}";
      case "rocksdb" -> "engines: {flink: {state.backend.type: rocksdb}}";
      default -> "engines: {}";
    };
  }
}
