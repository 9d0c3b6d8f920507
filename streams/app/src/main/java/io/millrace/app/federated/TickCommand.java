package io.millrace.app.federated;

import io.millrace.app.federated.FederatedSelection.Selected;
import io.millrace.runtime.ConfigurationException;
import io.millrace.schema.RoundTick;
import java.io.PrintWriter;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace federated tick}: tells a model's rounds what time it is. */
@Command(
    name = "tick",
    description = {
      "Tells a model's rounds what time it is; only this closes them at a deadline.",
      "millrace run does so by itself, unless ticks.interval-millis is 0."
    },
    mixinStandardHelpOptions = true)
final class TickCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private FederatedSelection selection;

  @Option(names = "--model", required = true, description = "Which.")
  private String model;

  @Option(
      names = "--time",
      description = "ISO 8601, for example 2030-01-31T12:00:00Z (default: now).")
  private String time;

  @Option(
      names = "--every",
      paramLabel = "MILLIS",
      description = "Again and again, until interrupted.")
  private Long everyMillis;

  @Override
  public Integer call() throws InterruptedException {
    FederatedSelection.requireName("--model", model);
    if (everyMillis != null && (everyMillis < 1 || time != null)) {
      throw new ConfigurationException(
          "--every: got " + everyMillis + ", expected 1 or more, and no --time");
    }
    Selected selected = selection.read();
    PrintWriter out = spec.commandLine().getOut();
    try (OwnerRecords records =
        new OwnerRecords(selected.pipeline(), selected.deployment().kafka())) {
      do {
        long micros = micros();
        OwnerRecords.await(records.send(new RoundTick(model, micros)));
        out.printf("%s: it is %s%n", model, Instant.EPOCH.plus(micros, ChronoUnit.MICROS));
        out.flush();
        if (everyMillis != null) {
          TimeUnit.MILLISECONDS.sleep(everyMillis);
        }
      } while (everyMillis != null);
    }
    return 0;
  }

  private long micros() {
    try {
      Instant instant = time == null ? Instant.now() : Instant.parse(time);
      return ChronoUnit.MICROS.between(Instant.EPOCH, instant);
    } catch (DateTimeException e) {
      throw new ConfigurationException(
          "--time: got " + time + ", expected a time such as 2030-01-31T12:00:00Z");
    }
  }
}
