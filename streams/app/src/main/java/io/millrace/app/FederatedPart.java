package io.millrace.app;

import io.millrace.app.cohort.ImageTraining;
import io.millrace.app.cohort.ParentWatch;
import io.millrace.app.federated.FederatedTopics;
import io.millrace.app.federation.FederatedTask;
import io.millrace.app.federation.LabelledImages;
import io.millrace.app.federation.Misconduct;
import io.millrace.client.ClientIdentity;
import io.millrace.client.ClientSettings;
import io.millrace.client.FederatedClient;
import io.millrace.client.FileStore;
import io.millrace.client.KafkaTransport;
import io.millrace.client.TrainingRound;
import io.millrace.runtime.Deployment;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.common.KafkaException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The processes that {@code millrace demo federated} starts. Not for people. */
final class FederatedPart {
  private FederatedPart() {}

  /** The aggregator: {@code millrace run}, that ends with its parent. */
  @Command(name = "aggregator", hidden = true)
  static final class Aggregator implements Callable<Integer> {
    @Option(names = "--config", required = true)
    private String file;

    @Option(names = "--engine", required = true)
    private String engine;

    @Override
    public Integer call() {
      ParentWatch.start();
      return Millrace.commandLine().execute("run", "-c", file, "--engine", engine);
    }
  }

  /** A client, until it is killed. */
  @Command(name = "client", hidden = true)
  static final class Client implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(Client.class);

    /**
     * Who asks while its update waits for the others is given nothing, and asks again: short, or a
     * new round would wait for it.
     */
    private static final Duration WAIT = Duration.ofSeconds(1);

    private static final long RETRY_NANOS = 500_000_000L;

    @Mixin private DeploymentFile file;

    @Option(names = "--task", required = true)
    private String task;

    @Option(names = "--number", required = true)
    private int number;

    @Option(names = "--clients", required = true)
    private int clients;

    @Option(names = "--concentration", required = true)
    private double concentration;

    @Option(names = "--seed", required = true)
    private long seed;

    @Option(names = "--misconduct")
    private String misconduct;

    @Option(names = "--directory", required = true)
    private Path directory;

    @Override
    public Integer call() throws IOException {
      ParentWatch.start();
      LogLevels.forService();
      Deployment deployment = file.read();
      FederatedTask learned = FederatedTask.named(task);
      LabelledImages share = learned.shares(clients, concentration, seed).get(number);
      FederatedClient client =
          new FederatedClient(
              ClientSettings.of(
                  task, name(number), ClientIdentity.in(directory.resolve(name(number) + ".key"))),
              new ImageTraining(
                  learned, share, Optional.ofNullable(misconduct).map(Misconduct::of)),
              new FileStore(directory.resolve(name(number) + ".state")));
      LOG.info("{} has {} images", name(number), share.count());
      while (true) {
        train(client, deployment);
        LockSupport.parkNanos(RETRY_NANOS);
      }
    }

    /** Round after round, until something goes wrong that another connection may mend. */
    private void train(FederatedClient client, Deployment deployment) {
      try (KafkaTransport transport =
          new KafkaTransport(
              new HashMap<>(deployment.kafka()),
              FederatedTopics.of(deployment.pipelines().get(0)),
              client)) {
        TrainingRound round = TrainingRound.of(client, transport);
        while (true) {
          turn(round);
        }
      } catch (KafkaException e) {
        LOG.warn("connects again: {}", e.toString());
      }
    }

    /** One turn; what did not come or could not be sent is for the next. */
    private static void turn(TrainingRound round) {
      try {
        TrainingRound.Result result = round.run(WAIT);
        if (result != TrainingRound.Result.NO_TASK) {
          LOG.info("{}", result.name().toLowerCase(Locale.ROOT));
        }
      } catch (IllegalStateException e) {
        LOG.info("once more: {}", e.getMessage());
        LockSupport.parkNanos(RETRY_NANOS);
      }
    }
  }

  /** Name of client i. */
  static String name(int number) {
    return "client-" + number;
  }
}
