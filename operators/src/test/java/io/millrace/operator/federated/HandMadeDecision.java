package io.millrace.operator.federated;

import io.millrace.operator.federated.FederatedSettings.Robust;
import io.millrace.schema.RoundDecision;
import io.millrace.schema.RoundFreeze;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/** What the control decides from a Gram matrix, for the rules that tests use. */
final class HandMadeDecision {
  private HandMadeDecision() {}

  static RoundDecision of(Robust robust, RoundFreeze freeze, Gram gram) {
    int updates = freeze.getContributions().size();
    Mixing mixing =
        robust.mixing() == PreMixing.NEAREST_NEIGHBOURS
            ? new NearestNeighbourMixing(robust.faulty())
                .mixing(gram.select(IntStream.range(0, updates).toArray()))
            : null;
    double[] weights = new double[0];
    if (robust.rule().fromGram()) {
      GramRule rule =
          switch (robust.rule()) {
            case KRUM -> new Krum(robust.faulty(), 1);
            case MULTI_KRUM -> new Krum(robust.faulty(), updates - robust.faulty());
            case GEOMETRIC_MEDIAN -> new GeometricMedian(robust.passes(), 1e-6);
            case CENTERED_CLIPPING -> new CenteredClipping(robust.radius(), robust.passes());
            case NEAREST_NEIGHBOUR_AVERAGING -> new NearestNeighbourAveraging(robust.faulty());
            default -> new FlagAggregator(robust.size(), robust.passes());
          };
      boolean reference = robust.rule().hasReference();
      Mixing used = mixing == null || !reference ? mixing : mixing.withReference();
      weights = used == null ? rule.weights(gram) : used.unmixed(rule.weights(gram.mixed(used)));
    }
    List<List<Integer>> groups = new ArrayList<>();
    for (int i = 0; mixing != null && weights.length == 0 && i < mixing.size(); i++) {
      groups.add(IntStream.of(mixing.members(i)).boxed().toList());
    }
    return ChunkRecords.decision(
        freeze.getVersion(), DoubleStream.of(weights).boxed().toList(), groups);
  }
}
