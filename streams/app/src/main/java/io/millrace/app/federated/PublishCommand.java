package io.millrace.app.federated;

import io.millrace.app.federated.FederatedSelection.Selected;
import io.millrace.app.federated.FederatedSelection.SelectedMixing;
import io.millrace.operator.federated.FederatedSettings;
import io.millrace.operator.federated.MixingSettings;
import io.millrace.runtime.ConfigurationException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.RecordMetadata;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace federated publish}: version 0 of a model. */
@Command(
    name = "publish",
    description = {
      "Publishes the first version of a model: its definition and its numbers. What was published",
      "before stays: the same again changes nothing, and another first version is refused."
    },
    mixinStandardHelpOptions = true)
final class PublishCommand implements Callable<Integer> {
  private static final int MOST_UNDERWAY = 16;

  @Spec private CommandSpec spec;
  @Mixin private FederatedSelection selection;

  @Option(names = "--model", required = true, description = "Its name.")
  private String model;

  @Option(
      names = "--definition",
      required = true,
      description = {
        "JSON: {\"chunk-length\": 131072, \"layers\": [{\"name\": \"w\", \"shape\": [64, 10]}]};",
        "without chunk-length as long as a record can be."
      })
  private Path definition;

  @Option(
      names = "--values",
      required = true,
      description = "Its numbers, layer by layer, row by row, little-endian, as exchange.numbers.")
  private Path values;

  @Override
  public Integer call() throws IOException {
    FederatedSelection.requireName("--model", model);
    Optional<SelectedMixing> mixing = selection.mixing();
    ModelFile file = mixing.isPresent() ? publish(mixing.get()) : publish(selection.read());
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        "%s: sent %,d numbers in %,d chunks%n",
        model, file.definition().getLength(), file.chunkCount());
    out.flush();
    return 0;
  }

  private ModelFile publish(Selected selected) throws IOException {
    FederatedSettings settings = selected.pipeline().settings();
    ModelFile file =
        ModelFile.read(
            model, definition, values, settings.exchange().elementBytes(), settings.largestChunk());
    try {
      settings.checkLayers(file.definition());
    } catch (IllegalArgumentException e) {
      throw new ConfigurationException("--definition: got " + definition + ": " + e.getMessage());
    }
    try (OwnerRecords records =
        new OwnerRecords(selected.pipeline(), selected.deployment().kafka())) {
      OwnerRecords.await(records.send(file.definition()));
      for (int chunk = 0; settings.needsLayers() && chunk < file.chunkCount(); chunk++) {
        OwnerRecords.await(records.send(file.definition(), chunk));
      }
      send(file, records);
    }
    return file;
  }

  private ModelFile publish(SelectedMixing selected) throws IOException {
    MixingSettings settings = selected.pipeline().settings();
    ModelFile file =
        ModelFile.read(
            model, definition, values, settings.exchange().elementBytes(), settings.largestChunk());
    try (OwnerRecords records =
        new OwnerRecords(selected.pipeline(), selected.deployment().kafka())) {
      send(file, records);
    }
    return file;
  }

  private static void send(ModelFile file, OwnerRecords records) throws IOException {
    try (FileChannel numbers = file.open()) {
      ArrayDeque<Future<RecordMetadata>> underway = new ArrayDeque<>();
      for (int chunk = 0; chunk < file.chunkCount(); chunk++) {
        underway.add(records.send(file.chunk(numbers, chunk)));
        if (underway.size() > MOST_UNDERWAY) {
          OwnerRecords.await(underway.remove());
        }
      }
      underway.forEach(OwnerRecords::await);
    }
  }
}
