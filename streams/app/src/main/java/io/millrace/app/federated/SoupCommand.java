package io.millrace.app.federated;

import io.millrace.app.federated.FederatedSelection.Selected;
import io.millrace.app.inspect.TopicScan;
import io.millrace.operator.federated.ModelSoup;
import io.millrace.operator.federated.ModelSoup.Ingredient;
import io.millrace.operator.federated.ModelSoup.Soup;
import io.millrace.runtime.ConfigurationException;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.SingleObject;
import io.millrace.schema.VersionCommit;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.function.UnaryOperator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace federated soup}: a mean of versions. */
@Command(
    name = "soup",
    description = {
      "Averages versions of a model and writes the mean's numbers to a file, which",
      "millrace federated publish takes as the first version of another model. Versions that the",
      "models topic keeps no longer are made anew from the log of updates."
    },
    mixinStandardHelpOptions = true)
final class SoupCommand implements Callable<Integer> {
  private static final int MOST_VERSIONS = 1000;

  @Spec private CommandSpec spec;
  @Mixin private FederatedSelection selection;

  @Option(names = "--model", required = true, description = "Which.")
  private String model;

  @Option(
      names = "--versions",
      required = true,
      split = ",",
      paramLabel = "VERSION",
      description = "Which, with commas between them.")
  private List<Long> versions;

  @Option(
      names = "--score",
      paramLabel = "COMMAND",
      description = {
        "Greedy soup: the best version, and then each other one, best first, that makes the mean",
        "no worse. COMMAND gets the path of a file of numbers behind its arguments and prints one",
        "number, the more the better."
      })
  private String command;

  @Option(
      names = "--score-seconds",
      defaultValue = "600",
      description = "How long COMMAND may take (default: ${DEFAULT-VALUE}).")
  private long seconds;

  @Option(
      names = "--sparse",
      description = "Refuse versions whose zeros are not all at the same places.")
  private boolean sparse;

  @Option(
      names = "--out",
      required = true,
      description = "File for the numbers, little-endian, as exchange.numbers.")
  private Path file;

  @Override
  public Integer call() throws IOException {
    FederatedSelection.requireName("--model", model);
    if (versions.size() > MOST_VERSIONS || versions.stream().anyMatch(version -> version < 0)) {
      throw new ConfigurationException(
          "--versions: got " + versions + ", expected up to " + MOST_VERSIONS + ", each 0 or more");
    }
    if (seconds < 1 || seconds > 86_400) {
      throw new ConfigurationException("--score-seconds: got " + seconds + ", expected 1 to 86400");
    }
    Selected selected = selection.read();
    int elementBytes = selected.pipeline().settings().exchange().elementBytes();
    List<Ingredient> ingredients = ingredients(selected);
    Soup soup =
        command == null
            ? ModelSoup.uniform(ingredients)
            : ModelSoup.greedy(
                ingredients, new ModelScore(command, elementBytes, Duration.ofSeconds(seconds)));
    Files.write(file, ModelScore.bytes(soup.values(), elementBytes));
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        "%s: mean of versions %s, %,d numbers: %s%n",
        model, soup.versions(), soup.values().length, file);
    out.flush();
    return 0;
  }

  private List<Ingredient> ingredients(Selected selected) {
    SoupIngredients ingredients = new SoupIngredients(model, new TreeSet<>(versions));
    SingleObject<VersionCommit> commits = SingleObject.of(VersionCommit.class);
    SingleObject<ModelChunk> chunks = SingleObject.of(ModelChunk.class);
    TopicScan scan = new TopicScan(selected.deployment().kafka());
    scan.forEach(
        selected.pipeline().pipeline().topic("versions"),
        record -> {
          if (record.value() != null
              && SingleObject.recordName(record.value()).equals("VersionCommit")) {
            ingredients.take(commits.decode(record.value()));
          }
        });
    scan.forEach(
        selected.pipeline().pipeline().topic("models"),
        record -> {
          if (record.value() != null) {
            ingredients.take(chunks.decode(record.value()));
          }
        });
    if (!ingredients.missing().isEmpty()) {
      UpdateLog.into(
          new ChunkReplay(
              selected.deployment(),
              selected.pipeline(),
              UnaryOperator.identity(),
              (key, chunk) -> ingredients.take(chunk)),
          selected);
    }
    return ingredients.all(sparse);
  }
}
