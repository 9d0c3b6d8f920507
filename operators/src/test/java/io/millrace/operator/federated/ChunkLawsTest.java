package io.millrace.operator.federated;

import io.millrace.operator.federated.FederatedSettings.Local;
import io.millrace.operator.federated.FederatedSettings.Server;
import org.junit.jupiter.api.Nested;

/** The laws for what a chunk can be: sums, rules with and without a decision, memories. */
class ChunkLawsTest {
  static FederatedSettings sums() {
    return new FederatedTestSettings()
        .codecs("plain", "random-k-0.5", "top-k-0.5", "qsgd-4")
        .elementBytes(Float.BYTES)
        .server(new Server(OptimiserName.ADAM, 1, 0.9, 0.99, 1e-3, 0))
        .build();
  }

  static FederatedSettings clipping() {
    return new FederatedTestSettings()
        .robust(PreMixing.NEAREST_NEIGHBOURS, RobustRule.CENTERED_CLIPPING, 1)
        .server(new Server(OptimiserName.LION, 1, 0.9, 0.99, 1e-3, 0.1))
        .build();
  }

  static FederatedSettings scallion() {
    return new FederatedTestSettings()
        .method(AveragingMethod.SCALLION)
        .local(new Local(10, 0.02, 0, 0.1, 1, 1))
        .codecs("random-k-0.5")
        .server(new Server(OptimiserName.DIFFGRAD, 1, 0.9, 0.99, 1e-3, 0))
        .build();
  }

  @Nested
  class Sums extends ChunkContract {
    @Override
    FederatedSettings settings() {
      return sums();
    }
  }

  @Nested
  class NoisySums extends ChunkContract {
    @Override
    FederatedSettings settings() {
      return new FederatedTestSettings().codecs("srht-0.5").privacy(1, 0.5).build();
    }
  }

  @Nested
  class TrimmedMeans extends ChunkContract {
    @Override
    FederatedSettings settings() {
      return new FederatedTestSettings()
          .robust(PreMixing.BUCKETING, RobustRule.TRIMMED_MEAN, 1)
          .server(new Server(OptimiserName.YOGI, 1, 0.9, 0.99, 1e-3, 0))
          .build();
    }
  }

  @Nested
  class MixedMedians extends ChunkContract {
    @Override
    FederatedSettings settings() {
      return new FederatedTestSettings()
          .robust(PreMixing.NEAREST_NEIGHBOURS, RobustRule.MEDIAN, 1)
          .build();
    }
  }

  @Nested
  class CenteredClippings extends ChunkContract {
    @Override
    FederatedSettings settings() {
      return clipping();
    }
  }

  @Nested
  class AsynchronousMixings extends ChunkContract {
    @Override
    FederatedSettings settings() {
      return new FederatedTestSettings().method(AveragingMethod.FEDASYNC).build();
    }
  }

  @Nested
  class Scallions extends ChunkContract {
    @Override
    FederatedSettings settings() {
      return scallion();
    }
  }

  @Nested
  class Scaffolds extends ChunkContract {
    @Override
    FederatedSettings settings() {
      return new FederatedTestSettings().method(AveragingMethod.SCAFFOLD).build();
    }
  }

  @Nested
  class ErrorFeedbacks extends ChunkContract {
    @Override
    FederatedSettings settings() {
      return new FederatedTestSettings()
          .method(AveragingMethod.EF21)
          .codecs("top-k-0.5", "sign")
          .server(new Server(OptimiserName.MOMENTUM, 1, 0.9, 0.99, 1e-3, 0))
          .build();
    }
  }

  @Nested
  class AnarchicSilos extends ChunkContract {
    @Override
    FederatedSettings settings() {
      return new FederatedTestSettings()
          .method(AveragingMethod.AFA_CS)
          .server(new Server(OptimiserName.ADAGRAD, 1, 0.9, 0.99, 1e-3, 0))
          .build();
    }
  }
}
