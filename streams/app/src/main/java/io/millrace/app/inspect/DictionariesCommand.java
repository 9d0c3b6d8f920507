package io.millrace.app.inspect;

import io.millrace.app.PipelineSelection;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.Pipeline;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UnreadableRecordException;
import java.io.PrintWriter;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace inspect dictionaries}: versions with cause, error and size. */
@Command(
    name = "dictionaries",
    description = "Lists the versions of every dictionary, oldest first.",
    mixinStandardHelpOptions = true)
final class DictionariesCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private PipelineSelection selection;

  @Option(names = "--id", description = "Only this dictionary.")
  private String id;

  /** Ordered by dictionary, then version. */
  private record VersionKey(String dictionary, long version) implements Comparable<VersionKey> {
    @Override
    public int compareTo(VersionKey other) {
      int byDictionary = dictionary.compareTo(other.dictionary);
      return byDictionary != 0 ? byDictionary : Long.compare(version, other.version);
    }
  }

  @Override
  public Integer call() {
    Deployment deployment = selection.deployment();
    PrintWriter out = spec.commandLine().getOut();
    for (Pipeline pipeline : selection.pipelines(deployment)) {
      if (pipeline.topicOrNone("dictionaries").isEmpty()) {
        out.printf("%s: has no dictionaries%n", pipeline.name());
        continue;
      }
      TreeMap<VersionKey, DictionaryVersion> versions = new TreeMap<>();
      SingleObject<DictionaryVersion> framing = SingleObject.of(DictionaryVersion.class);
      long[] unreadable = {0};
      new TopicScan(deployment.kafka())
          .forEach(
              pipeline.topic("dictionaries"),
              record -> {
                try {
                  DictionaryVersion slice = framing.decode(record.value());
                  if (id == null || id.equals(slice.getDictionary())) {
                    versions.put(new VersionKey(slice.getDictionary(), slice.getVersion()), slice);
                  }
                } catch (UnreadableRecordException e) {
                  unreadable[0]++;
                }
              });
      out.printf("%s: %d versions%n", pipeline.name(), versions.size());
      out.printf(
          "  %-24s %8s %-8s %10s %8s %9s  %s%n",
          "dictionary", "version", "cause", "windows", "error", "replaced", "atoms, event time");
      versions.forEach((key, version) -> print(out, key, version));
      if (unreadable[0] > 0) {
        out.printf("  %d records could not be read%n", unreadable[0]);
      }
    }
    out.flush();
    return 0;
  }

  private static void print(PrintWriter out, VersionKey key, DictionaryVersion version) {
    out.printf(
        Locale.ROOT,
        "  %-24s %8d %-8s %10d %7.1f%% %9d  %d x %d, %s%n",
        key.dictionary(),
        key.version(),
        version.getCause(),
        version.getWindows(),
        100 * version.getRelativeError(),
        version.getReplacedAtoms(),
        version.getAtomCount(),
        version.getLength() * version.getChannels(),
        version.getTimeMicros() == 0
            ? "-"
            : Instant.EPOCH.plus(version.getTimeMicros(), ChronoUnit.MICROS));
  }
}
