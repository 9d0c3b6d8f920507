package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import io.millrace.operator.federated.OpenVersion.Part;
import io.millrace.schema.Rejection;
import io.millrace.schema.RoundDecision;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * What a robust rule decides on, once the Gram matrices of all chunks are summed: means that take
 * the updates' place, and weights where the rule is one of weights. An update of weight 0, or in no
 * more nearest-neighbour means than there may be faulty updates, is told to be outvoted. Stateless
 * but for settings.
 */
final class RuleDecision {
  /** Of a distance, in Weiszfeld passes: published. */
  private static final double FLOOR = 1e-6;

  private static final int MOST_ROWS = 4096;

  private final FederatedSettings.Robust robust;
  private final ChunkCommands commands;

  /**
   * @throws IllegalArgumentException for rounds too small for the rule, or too large for a Gram
   *     matrix
   */
  RuleDecision(FederatedSettings settings, Authority authority) {
    this.robust = settings.robust();
    this.commands = new ChunkCommands(authority);
    ControlPolicy policy = ControlPolicy.of(settings.rounds());
    int fewest = policy.minimum();
    if (robust.needsDecision()) {
      SettingCheck.range("rounds.target under such a rule", policy.target(), 1, MOST_ROWS - 1);
    }
    if (robust.mixing() == PreMixing.NEAREST_NEIGHBOURS) {
      SettingCheck.range("rounds.minimum under mixing", fewest, robust.faulty() + 1, 1 << 16);
    }
    int rows =
        robust.mixing() == PreMixing.BUCKETING
            ? (fewest + robust.size() - 1) / robust.size()
            : fewest;
    SettingCheck.range("updates that reach the rule", rows, fewest(robust), 1 << 16);
  }

  private static int fewest(FederatedSettings.Robust robust) {
    return switch (robust.rule()) {
      case MEAN, MEDIAN, GEOMETRIC_MEDIAN, CENTERED_CLIPPING, FLAG -> 1;
      case KRUM, MULTI_KRUM -> robust.faulty() + 3;
      case NEAREST_NEIGHBOUR_AVERAGING -> robust.faulty() + 1;
      case TRIMMED_MEAN, MEAN_AROUND_MEDIAN, PHOCAS -> 2 * robust.faulty() + 1;
    };
  }

  /** Decides and tells every chunk, once all Gram matrices are summed. */
  void decideIfComplete(ControlState state, Consumer<? super FederatedOutput> out) {
    OpenVersion open = state.openOrNull;
    if (!open.isDeciding() || open.nextGram < state.chunks) {
      return;
    }
    Gram gram = Gram.ofTriangle(open.rows, open.products);
    int updates = open.parts.size();
    Mixing mixingOrNull = mixing(gram, updates, open.seed);
    List<Double> weights = new ArrayList<>();
    List<List<Integer>> groups = new ArrayList<>();
    if (robust.rule().fromGram()) {
      for (double weight : weights(gram, mixingOrNull)) {
        weights.add(weight);
      }
    } else {
      for (int i = 0; i < mixingOrNull.size(); i++) {
        groups.add(Arrays.stream(mixingOrNull.members(i)).boxed().toList());
      }
    }
    open.decided = true;
    open.products = new double[0];
    state.touch(ControlState.VERSIONS);
    commands.send(
        state,
        RoundDecision.class,
        new RoundDecision(state.key, open.round, open.version, name(), weights, groups),
        out);
    takeOut(state, outvoted(updates, weights, groups), out);
  }

  /** Name of mixing and rule, for example nearest-neighbours+trimmed-mean. */
  String name() {
    String rule = robust.rule().id();
    return robust.mixing() == PreMixing.NONE ? rule : robust.mixing().id() + "+" + rule;
  }

  private Mixing mixing(Gram gram, int updates, long seed) {
    return switch (robust.mixing()) {
      case NONE -> null;
      case BUCKETING -> new Bucketing(robust.size(), seed).mixing(updates);
      case NEAREST_NEIGHBOURS ->
          new NearestNeighbourMixing(robust.faulty())
              .mixing(
                  gram.size() == updates
                      ? gram
                      : gram.select(IntStream.range(0, updates).toArray()));
    };
  }

  private double[] weights(Gram gram, Mixing mixingOrNull) {
    if (mixingOrNull == null) {
      return rule(gram.size()).weights(gram);
    }
    Mixing mixing = robust.rule().hasReference() ? mixingOrNull.withReference() : mixingOrNull;
    return mixing.unmixed(rule(mixing.size()).weights(gram.mixed(mixing)));
  }

  private GramRule rule(int rows) {
    int faulty = robust.faulty();
    return switch (robust.rule()) {
      case KRUM -> new Krum(faulty, 1);
      case MULTI_KRUM -> new Krum(faulty, rows - faulty);
      case GEOMETRIC_MEDIAN -> new GeometricMedian(robust.passes(), FLOOR);
      case CENTERED_CLIPPING -> new CenteredClipping(robust.radius(), robust.passes());
      case NEAREST_NEIGHBOUR_AVERAGING -> new NearestNeighbourAveraging(faulty);
      case FLAG -> new FlagAggregator(robust.size(), robust.passes());
      case MEAN, MEDIAN, TRIMMED_MEAN, MEAN_AROUND_MEDIAN, PHOCAS ->
          throw new IllegalStateException(robust.rule() + " needs no Gram matrix");
    };
  }

  /** Why each update is outvoted; null: it is not. */
  private String[] outvoted(int updates, List<Double> weights, List<List<Integer>> groups) {
    String[] outvoted = new String[updates];
    int[] means = new int[updates];
    groups.forEach(group -> group.forEach(row -> means[row]++));
    for (int i = 0; i < updates; i++) {
      if (!weights.isEmpty() && weights.get(i) == 0) {
        outvoted[i] = name() + " gave it weight 0";
      } else if (weights.isEmpty() && means[i] <= robust.faulty()) {
        outvoted[i] =
            name()
                + " has it in "
                + means[i]
                + " of "
                + groups.size()
                + " means, expected more than "
                + robust.faulty();
      }
    }
    return outvoted;
  }

  private static void takeOut(
      ControlState state, String[] outvoted, Consumer<? super FederatedOutput> out) {
    OpenVersion open = state.openOrNull;
    List<Part> parts = List.copyOf(open.parts);
    open.parts.clear();
    for (int i = 0; i < outvoted.length; i++) {
      Part part = parts.get(i);
      if (outvoted[i] == null) {
        open.parts.add(part);
        continue;
      }
      String rule = RejectionReason.RULE.name();
      open.rejected.add(
          new Rejection(
              part.contribution().getClient(),
              part.contribution().getSequence(),
              rule,
              UpdateOutcomes.brief(outvoted[i])));
      UpdateOutcomes.say(state, part, rule, outvoted[i], out);
    }
  }
}
