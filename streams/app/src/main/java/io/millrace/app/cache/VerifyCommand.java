package io.millrace.app.cache;

import io.millrace.operator.kvcache.ChainCheck.Finding;
import io.millrace.operator.kvcache.HeadGroupPages;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace cache verify}: checksums, chains and coverage of every page. */
@Command(
    name = "verify",
    description = {
      "Verifies every page: checksum, identity, chain, that it opens, that no token is missing or"
          + " doubled.",
      "Exit code 0: all is well. 1: something is wrong, each named by its record key."
    },
    mixinStandardHelpOptions = true)
final class VerifyCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private CacheSelection selection;

  @Option(names = "--tenant", description = "Only this tenant (default: all).")
  private String tenant = "";

  @Option(names = "--session", description = "Only sessions of this name (default: all).")
  private String session = "";

  @Override
  public Integer call() {
    CacheStore store = selection.scan(tenant.isEmpty() ? "" : tenant + "/");
    PrintWriter out = spec.commandLine().getOut();
    return store.read(view -> report(view, session, out)) ? 0 : 1;
  }

  /** Prints what is wrong; whether nothing is. */
  static boolean report(CacheStore.View view, String session, PrintWriter out) {
    List<Finding> findings = new ArrayList<>();
    int groups = 0;
    for (String tenant : view.table().tenants()) {
      for (String key : groups(view, tenant, session)) {
        findings.addAll(view.reader().verify(view.table(), tenant, key));
        groups++;
      }
      // keys that name no head group at all
      view.table().damaged(tenant).entrySet().stream()
          .filter(damaged -> session.isEmpty() && groupOf(damaged.getKey()).isEmpty())
          .forEach(damaged -> findings.add(new Finding(damaged.getKey(), damaged.getValue())));
    }
    for (Finding finding : findings) {
      out.printf("%s: %s%n", finding.key(), finding.problem());
    }
    out.printf(
        "%d head groups, %d pages in %d frames of %d bytes: %s%n",
        groups,
        view.table().pages(),
        view.table().frames(),
        view.table().frameBytes(),
        findings.isEmpty() ? "nothing wrong" : findings.size() + " findings");
    out.flush();
    return findings.isEmpty();
  }

  /** Keys of head groups that have pages, or damaged records only. */
  private static Set<String> groups(CacheStore.View view, String tenant, String session) {
    Set<String> groups = new TreeSet<>();
    view.table().groups(tenant).stream().map(HeadGroupPages::key).forEach(groups::add);
    view.table().damaged(tenant).keySet().stream()
        .map(VerifyCommand::groupOf)
        .filter(group -> !group.isEmpty())
        .forEach(groups::add);
    groups.removeIf(group -> !session.isEmpty() && !group.split("/", -1)[3].equals(session));
    return groups;
  }

  /** TENANT/MODEL/WEIGHTS/SESSION/LAYER/FIRSTHEAD of a record key; empty: it has none. */
  private static String groupOf(String key) {
    String[] parts = key.split("/", -1);
    return parts.length == 8 ? String.join("/", List.of(parts).subList(0, 6)) : "";
  }
}
