package io.millrace.operator.federated;

import io.millrace.schema.CodecPlan;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Codecs by chunk after {@link LayerPlan}, from the errors that clients measured: of the means over
 * all updates since the last plan, the least bytes whose errors sum to no more than those of the
 * first codec everywhere. Made anew every {@value #VERSIONS} versions. A chunk stands for the
 * paper's layer, so that {@code ClientCommit.codecErrors} has [chunks x codecs] numbers. The size of
 * a codec is that of seeded noise packed by it. Stateless but for sizes, which it remembers.
 */
final class CodecPlanning {
  /** Versions between two plans. */
  static final int VERSIONS = 10;

  private static final int MOST_BINS = 1_000_000;
  private static final long MOST_STEPS = 200_000_000;

  private final List<String> codecs;
  private final Map<Integer, long[]> sizes = new HashMap<>();

  CodecPlanning(FederatedSettings settings) {
    this.codecs = settings.exchange().codecs();
  }

  /** Counts the errors measured by clients whose updates enter a version. */
  static void count(ControlState state, List<WholeUpdate> chosen) {
    for (WholeUpdate update : chosen) {
      float[] errors = update.statement().codecErrors();
      if (errors.length == 0) {
        continue;
      }
      if (state.errorSums.length != errors.length) {
        state.errorSums = new double[errors.length];
        state.errorCount = 0;
      }
      for (int i = 0; i < errors.length; i++) {
        state.errorSums[i] += errors[i];
      }
      state.errorCount++;
      state.touch(ControlState.PLAN);
    }
  }

  /** Makes a plan when one is due. */
  void planIfDue(ControlState state, Consumer<? super FederatedOutput> out) {
    boolean due = state.plan < 0 || state.version - state.planned >= VERSIONS;
    if (codecs.size() < 2
        || !due
        || state.errorCount == 0
        || state.errorSums.length != state.chunks * codecs.size()) {
      return;
    }
    long[][] sizes = new long[state.chunks][];
    double[][] errors = new double[state.chunks][codecs.size()];
    double budget = 0;
    for (int chunk = 0; chunk < state.chunks; chunk++) {
      sizes[chunk] = sizes(chunkLength(state, chunk));
      for (int level = 0; level < codecs.size(); level++) {
        errors[chunk][level] =
            state.errorSums[chunk * codecs.size() + level] / state.errorCount;
      }
      budget += errors[chunk][0];
    }
    int[] levels = choose(errors, sizes, budget);
    long bytes = bytes(sizes, levels);
    long uniform = bytes(sizes, new int[state.chunks]);
    if (bytes > uniform) {
      levels = new int[state.chunks];
      bytes = uniform;
    }
    List<String> names = new ArrayList<>();
    for (int level : levels) {
      names.add(codecs.get(level));
    }
    state.plan++;
    state.planned = state.version;
    state.errorSums = new double[0];
    state.errorCount = 0;
    state.touch(ControlState.PLAN);
    out.accept(
        new FederatedOutput.Plan(new CodecPlan(state.key, state.plan, names, bytes, uniform)));
  }

  private int[] choose(double[][] errors, long[][] sizes, double budget) {
    int chunks = errors.length;
    // rounding up costs half a bin a chunk on average
    long bins =
        Math.min(
            Math.min(MOST_BINS, 1000L * chunks),
            MOST_STEPS / ((long) chunks * codecs.size()));
    int[] uniform = new int[chunks];
    if (bins < chunks || !(budget >= Double.MIN_NORMAL)) {
      return uniform;
    }
    try {
      return LayerPlan.choose(errors, sizes, budget, (int) bins);
    } catch (IllegalArgumentException nothingFits) {
      return uniform;
    }
  }

  private static int chunkLength(ControlState state, int chunk) {
    return (int) Math.min(state.chunkLength, state.length - (long) chunk * state.chunkLength);
  }

  private long[] sizes(int length) {
    return sizes.computeIfAbsent(
        length,
        unknown -> {
          float[] noise = new float[length];
          for (int i = 0; i < length; i++) {
            noise[i] = (float) (SeededBits.uniform(1, i) - 0.5);
          }
          return codecs.stream()
              .mapToLong(codec -> UpdateCodecs.named(codec).encode(noise, 1).length)
              .toArray();
        });
  }

  private static long bytes(long[][] sizes, int[] levels) {
    long bytes = 0;
    for (int chunk = 0; chunk < levels.length; chunk++) {
      bytes += sizes[chunk][levels[chunk]];
    }
    return bytes;
  }
}
