package io.millrace.app.cache;

import java.io.PrintWriter;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace cache list}: sessions with their tokens, tiers and bits. */
@Command(
    name = "list",
    description = "Lists the sessions in the cache.",
    mixinStandardHelpOptions = true)
final class ListCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private CacheSelection selection;

  @Option(names = "--tenant", description = "Only this tenant (default: all).")
  private String tenant = "";

  @Override
  public Integer call() {
    CacheStore store = selection.scan(tenant.isEmpty() ? "" : tenant + "/");
    List<CacheListing.Session> sessions =
        store.read(
            view ->
                view.table().tenants().stream()
                    .flatMap(name -> CacheListing.of(view.table(), name).stream())
                    .toList());
    print(spec.commandLine().getOut(), sessions);
    return 0;
  }

  static void print(PrintWriter out, List<CacheListing.Session> sessions) {
    out.printf(
        "%-40s %6s %6s %8s %8s %7s %10s %6s  %s%n",
        "tenant/model/weights/session",
        "layers",
        "groups",
        "tokens",
        "aged",
        "pages",
        "bytes",
        "bits",
        "tiers, newest event");
    for (CacheListing.Session session : sessions) {
      out.printf(
          Locale.ROOT,
          "%-40s %6d %6d %8d %8d %7d %10d %6.2f  %s, %s%s%n",
          String.join("/", session.tenant(), session.model(), session.weights(), session.session()),
          session.layers(),
          session.headGroups(),
          session.tokens(),
          session.agedTokens(),
          session.pages(),
          session.frameBytes(),
          session.bitsPerValue(),
          session.tiers().entrySet().stream()
              .map(tier -> tier.getKey() + " " + tier.getValue())
              .collect(Collectors.joining(" ")),
          Instant.EPOCH.plus(session.timeMicros(), ChronoUnit.MICROS),
          session.damaged() == 0 ? "" : ", " + session.damaged() + " damaged");
    }
    out.printf("%d sessions%n", sessions.size());
    out.flush();
  }
}
