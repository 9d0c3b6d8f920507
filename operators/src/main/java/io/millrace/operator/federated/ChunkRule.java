package io.millrace.operator.federated;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.federated.FederatedSettings.Robust;
import io.millrace.schema.ChunkGram;
import io.millrace.schema.RoundDecision;
import io.millrace.schema.RoundFreeze;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A robust rule over one chunk: coordinate by coordinate on its own, or in two steps, inner
 * products to the control and weights or groups back.
 *
 * <p>4 n c bytes while it works, means of updates in blocks. Keeps the network of the last number
 * of rows: one thread.
 */
final class ChunkRule {
  private final Robust robust;
  private ColumnRule columns;
  private int columnRows = -1;

  ChunkRule(Robust robust) {
    this.robust = robust;
  }

  /** Whether there is a rule at all, or the mean will do. */
  boolean isActive() {
    return robust.rule() != RobustRule.MEAN || robust.mixing() != PreMixing.NONE;
  }

  /** Whether the next round's reference is this round's aggregate. */
  boolean remembersAggregate() {
    return robust.rule().hasReference() && robust.rule() != RobustRule.GEOMETRIC_MEDIAN;
  }

  /** Rows of the Gram matrix of so many updates. */
  int rows(int updates) {
    return updates + (robust.rule().hasReference() ? 1 : 0);
  }

  /** Inner products of the round's updates, and of the reference behind them. */
  ChunkGram gram(ChunkState state, ChunkRound round) {
    float[][] rows = withReference(state, round.rows());
    Gram gram = new Gram(rows.length);
    gram.add(rows, 0, round.length());
    List<Double> products = new ArrayList<>(rows.length * (rows.length + 1) / 2);
    for (int i = 0; i < rows.length; i++) {
      for (int j = i; j < rows.length; j++) {
        products.add(gram.product(i, j));
      }
    }
    RoundFreeze freeze = round.freeze();
    return new ChunkGram(
        freeze.getModel(), freeze.getVersion(), round.chunk(), rows.length, products);
  }

  /**
   * Passes decisions that this rule can follow.
   *
   * @param updates of the freeze
   * @throws InvalidInputException for others
   */
  void check(RoundDecision decision, int updates) {
    int weights = decision.getWeights().size();
    boolean fits = weights == rows(updates) || weights == 0 && !robust.rule().fromGram();
    for (double weight : decision.getWeights()) {
      fits &= Math.abs(weight) <= 1e6;
    }
    for (List<Integer> group : decision.getGroups()) {
      fits &= !group.isEmpty();
      for (int row : group) {
        fits &= row >= 0 && row < updates;
      }
    }
    if (!fits) {
      throw new InvalidInputException(
          Reason.MALFORMED,
          "decision has "
              + weights
              + " weights and "
              + decision.getGroups().size()
              + " groups over "
              + updates
              + " updates, expected weights of "
              + rows(updates)
              + " rows, or groups of them");
    }
  }

  /**
   * The aggregate, of the size of one update.
   *
   * @param decisionOrNull null for rules that need none
   */
  double[] aggregate(ChunkState state, ChunkRound round, RoundDecision decisionOrNull) {
    float[][] rows = round.rows();
    double[] out = new double[round.length()];
    if (decisionOrNull != null && !decisionOrNull.getWeights().isEmpty()) {
      double[] weights =
          decisionOrNull.getWeights().stream().mapToDouble(Double::doubleValue).toArray();
      WeightedSum.combine(weights, withReference(state, rows), 0, out.length, out, 0);
      return out;
    }
    Mixing mixingOrNull = mixing(round, rows.length, decisionOrNull);
    if (mixingOrNull == null) {
      rule(rows.length).combine(rows, 0, out.length, out, 0);
    } else {
      new MixedRule(mixingOrNull, rule(mixingOrNull.size())).combine(rows, 0, out.length, out, 0);
    }
    return out;
  }

  /** The means that take the updates' place; null: none do. */
  private Mixing mixing(ChunkRound round, int updates, RoundDecision decisionOrNull) {
    if (decisionOrNull != null && !decisionOrNull.getGroups().isEmpty()) {
      int[][] members = new int[decisionOrNull.getGroups().size()][];
      Arrays.setAll(
          members,
          i ->
              decisionOrNull.getGroups().get(i).stream()
                  .mapToInt(Integer::intValue)
                  .sorted()
                  .toArray());
      return new Mixing(updates, members);
    }
    return robust.mixing() == PreMixing.BUCKETING
        ? new Bucketing(robust.size(), round.freeze().getSeed()).mixing(updates)
        : null;
  }

  private float[][] withReference(ChunkState state, float[][] rows) {
    if (!robust.rule().hasReference()) {
      return rows;
    }
    int length = rows[0].length;
    float[][] extended = Arrays.copyOf(rows, rows.length + 1);
    if (robust.rule() == RobustRule.GEOMETRIC_MEDIAN) {
      double[] median = new double[length];
      new CoordinateMedian(rows.length).combine(rows, 0, length, median, 0);
      extended[rows.length] = Vectors.floats(median);
    } else {
      extended[rows.length] = state.aggregate.length == 0 ? new float[length] : state.aggregate;
    }
    return extended;
  }

  /** The rule for so many rows, withstanding fewer than are set where rows are few. */
  private ColumnRule rule(int rows) {
    if (robust.rule() == RobustRule.MEAN) {
      double[] weights = new double[rows];
      Arrays.fill(weights, 1.0 / rows);
      return (x, from, length, out, to) -> WeightedSum.combine(weights, x, from, length, out, to);
    }
    if (columnRows != rows) {
      int faulty = Math.min(robust.faulty(), (rows - 1) / 2);
      columns =
          switch (robust.rule()) {
            case TRIMMED_MEAN -> new TrimmedMean(rows, faulty);
            case MEAN_AROUND_MEDIAN -> new MeanAroundMedian(rows, faulty);
            case PHOCAS -> new Phocas(rows, faulty);
            default -> new CoordinateMedian(rows);
          };
      columnRows = rows;
    }
    return columns;
  }
}
