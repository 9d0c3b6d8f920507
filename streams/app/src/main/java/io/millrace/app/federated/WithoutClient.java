package io.millrace.app.federated;

import io.millrace.schema.Contribution;
import io.millrace.schema.RoundFreeze;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * Takes a client's updates out of freezes, and has chunks forget them. The sum is divided by what
 * is left of the divisor: where that was the sum of weights, by the sum of those that are left;
 * else, where every update had the same share of it, by their shares. A version of this client
 * alone stays, as a step of zero length. One thread.
 */
final class WithoutClient implements UnaryOperator<RoundFreeze> {
  private final String model;
  private final String client;
  private final Set<Long> taken = new HashSet<>();

  WithoutClient(String model, String client) {
    this.model = model;
    this.client = client;
  }

  /** Updates that were taken out. */
  int taken() {
    return taken.size();
  }

  @Override
  public RoundFreeze apply(RoundFreeze freeze) {
    List<Contribution> left =
        freeze.getContributions().stream()
            .filter(part -> !part.getClient().equals(client))
            .toList();
    if (!freeze.getModel().equals(model) || left.size() == freeze.getContributions().size()) {
      return freeze;
    }
    if (!freeze.getReveals().isEmpty()) {
      throw new IllegalStateException(
          model
              + " version "
              + freeze.getVersion()
              + " is a sum behind masks: nobody can take "
              + client
              + " out of it");
    }
    List<Long> gone =
        freeze.getContributions().stream()
            .filter(part -> part.getClient().equals(client))
            .map(Contribution::getSequence)
            .toList();
    taken.addAll(gone);
    if (left.isEmpty()) {
      return with(freeze, standing(freeze), freeze.getDropped(), freeze.getDivisor());
    }
    List<Long> dropped = new ArrayList<>(freeze.getDropped());
    dropped.addAll(gone);
    return with(freeze, left, dropped, divisor(freeze, left));
  }

  private static List<Contribution> standing(RoundFreeze freeze) {
    return freeze.getContributions().stream()
        .map(
            part ->
                new Contribution(
                    part.getClient(), part.getSequence(), part.getWeight(), 0.0, part.getRoot()))
        .toList();
  }

  private static RoundFreeze with(
      RoundFreeze freeze, List<Contribution> contributions, List<Long> dropped, double divisor) {
    return new RoundFreeze(
        freeze.getModel(),
        freeze.getRound(),
        freeze.getVersion(),
        freeze.getParent(),
        contributions,
        dropped,
        freeze.getLargest(),
        freeze.getTotalWeight(),
        divisor,
        freeze.getRate(),
        freeze.getSeed(),
        freeze.getNoise(),
        freeze.getNeedsDecision(),
        freeze.getReveals());
  }

  private static double divisor(RoundFreeze freeze, List<Contribution> left) {
    double before = freeze.getDivisor();
    if (before == weight(freeze.getContributions())) {
      return weight(left);
    }
    return before / freeze.getContributions().size() * left.size();
  }

  private static double weight(List<Contribution> parts) {
    return parts.stream().mapToLong(Contribution::getWeight).sum();
  }
}
