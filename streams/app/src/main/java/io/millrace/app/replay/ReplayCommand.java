package io.millrace.app.replay;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.app.topics.ClusterConnection;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code millrace replay}: readings from a file or a shipped set into a topic.
 *
 * <p>Exit code 0: every row was sent; 1: it could not be sent; 2: usage; 3: sent, but some rows
 * were bad and are named.
 */
@Command(
    name = "replay",
    description = "Sends the readings of a CSV file, or of a shipped set, into a topic.",
    mixinStandardHelpOptions = true,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:every row was sent",
      "1:readings could not be sent",
      "2:wrong usage",
      "3:sent, but some rows were bad and are named"
    })
public final class ReplayCommand implements Callable<Integer> {
  private static final int BAD_ROWS = 3;

  @Spec private CommandSpec spec;
  @Mixin private CsvOptions csv;

  @Parameters(
      index = "0",
      paramLabel = "FILE|ecg|wsn",
      description = "CSV file (plain or gzip, with a header row), or the name of a shipped set.")
  private String source;

  @Option(names = "--topic", required = true, description = "Topic to write to.")
  private String topic;

  @Option(
      names = "--bootstrap-servers",
      defaultValue = "localhost:9092",
      description = "Kafka cluster (default: ${DEFAULT-VALUE}).")
  private String bootstrapServers;

  @Option(names = "--property", description = "Kafka client property, may be repeated.")
  private Map<String, String> properties = new HashMap<>();

  @Option(names = "--rate", description = "Records per second, at most (default: no bound).")
  private double rate;

  @Option(
      names = "--speedup",
      description = "Paces by event time: 1 as recorded, 60 a minute in a second.")
  private double speedup;

  @Option(
      names = "--repeat",
      defaultValue = "1",
      description = "Passes; each continues the time of the one before. 0: until stopped.")
  private long passes;

  @Option(names = "--limit", description = "Readings in all (default: no bound).")
  private long limit;

  @Option(names = "--json", description = "Writes the summary to this file, too.")
  private Path json;

  @Override
  public Integer call() throws Exception {
    PrintWriter err = spec.commandLine().getErr();
    SensorDataset dataset = dataset();
    ReplaySettings settings = settings();
    describe(dataset, err);
    Map<String, String> client = new HashMap<>(properties);
    client.put("bootstrap.servers", bootstrapServers);
    try (Admin admin = ClusterConnection.open(client)) {
      ClusterConnection.requireTopic(admin, topic);
    } catch (IllegalStateException e) {
      err.println("millrace replay: " + e.getMessage());
      return 1;
    }
    ReplayProgress end = replay(new ReadingReplayer(dataset, settings, client));
    report(dataset, end, err);
    if (!end.failure().isEmpty()) {
      return 1;
    }
    return end.badRows().count() > 0 ? BAD_ROWS : 0;
  }

  private SensorDataset dataset() {
    Optional<SensorDataset> shipped = SensorDataset.shipped(source);
    if (shipped.isPresent()) {
      return shipped.get();
    }
    Path file = Path.of(source);
    if (!Files.isReadable(file) || Files.isDirectory(file)) {
      throw usage(source + " is no readable file, expected one or ecg or wsn");
    }
    try {
      return new CsvDataset(file, csv.format());
    } catch (IllegalArgumentException e) {
      throw usage(e.getMessage());
    }
  }

  private ReplaySettings settings() {
    try {
      return new ReplaySettings(topic, rate, speedup, passes, limit);
    } catch (IllegalArgumentException e) {
      throw usage(e.getMessage());
    }
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  /** Says what the columns were taken for before anything is sent. */
  private void describe(SensorDataset dataset, PrintWriter err) throws Exception {
    try (ReadingCursor cursor = dataset.open()) {
      err.printf(
          Locale.ROOT,
          "%s: %d channels: %s%n",
          dataset.name(),
          cursor.channels().size(),
          String.join(", ", cursor.channels()));
      err.flush();
    } catch (IllegalArgumentException | UncheckedIOException e) {
      throw usage(e.getMessage());
    }
  }

  private ReplayProgress replay(ReadingReplayer replayer) throws InterruptedException {
    // Ctrl-C ends the replay, not the process: what was sent is still acknowledged and summed up.
    Thread hook = new Thread(replayer::close, "replay-stop");
    Runtime.getRuntime().addShutdownHook(hook);
    try (ProgressDisplay display = ProgressDisplay.on(System.err, source)) {
      replayer.start();
      while (!replayer.await(200, TimeUnit.MILLISECONDS)) {
        display.show(replayer.progress());
      }
      display.show(replayer.progress());
    }
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The process is being stopped already: that is what the hook was for.
      return replayer.progress();
    }
    return replayer.progress();
  }

  private void report(SensorDataset dataset, ReplayProgress end, PrintWriter err) throws Exception {
    for (BadRows.Row row : end.badRows().first()) {
      err.println("bad row, line " + row.line() + ": " + row.reason());
    }
    if (end.badRows().count() > end.badRows().first().size()) {
      long more = end.badRows().count() - end.badRows().first().size();
      err.println("and " + more + " bad rows more");
    }
    if (!end.failure().isEmpty()) {
      err.println("millrace replay: stopped: " + end.failure());
    }
    err.flush();
    double perSecond = end.seconds() > 0 ? end.acknowledged() / end.seconds() : 0;
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        Locale.ROOT,
        "%s -> %s: %,d of %,d readings acknowledged in %.1f s (%,.0f/s), %,d bad rows%n",
        dataset.name(),
        topic,
        end.acknowledged(),
        end.sent(),
        end.seconds(),
        perSecond,
        end.badRows().count());
    out.flush();
    if (json != null) {
      writeJson(dataset, end, perSecond);
    }
  }

  private void writeJson(SensorDataset dataset, ReplayProgress end, double perSecond)
      throws Exception {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode node = mapper.createObjectNode();
    node.put("dataset", dataset.name());
    node.put("topic", topic);
    node.put("sent", end.sent());
    node.put("acknowledged", end.acknowledged());
    node.put("seconds", end.seconds());
    node.put("recordsPerSecond", perSecond);
    node.put("passes", end.pass());
    node.put("badRows", end.badRows().count());
    ArrayNode rows = node.putArray("firstBadRows");
    end.badRows()
        .first()
        .forEach(row -> rows.addObject().put("line", row.line()).put("reason", row.reason()));
    node.put("failure", end.failure());
    Files.writeString(json, node.toPrettyString() + "\n");
  }

  /** Options that say how a CSV file is to be read. */
  static final class CsvOptions {
    @Option(
        names = "--time-column",
        description = "Column of the event time (default: time, timestamp, datetime, date or ts).")
    private String timeColumn;

    @Option(
        names = "--time-format",
        description =
            "Its pattern, for example \"dd.MM.yyyy HH:mm\", in UTC (default: ISO-8601, or seconds,"
                + " ms, us or ns since 1970 by size).")
    private String timeFormat;

    @Option(
        names = "--interval",
        description = "Seconds between rows, for files without a time column.")
    private Double intervalSeconds;

    @Option(names = "--key-column", description = "Column of the sensor key.")
    private String keyColumn;

    @Option(names = "--key", description = "Sensor key of all rows (default: the file's name).")
    private String key;

    @Option(
        names = "--value-columns",
        split = ",",
        description =
            "Columns of the channels, by name or number from 1 (default: all others that hold"
                + " numbers).")
    private List<String> valueColumns = new ArrayList<>();

    @Option(
        names = "--separator",
        description = "Cell separator, \\t for tab (default: found out among , ; and tab).")
    private String separator;

    @Option(names = "--decimal-comma", description = "Numbers are written 3,14.")
    private boolean decimalComma;

    @Option(
        names = "--charset",
        defaultValue = "UTF-8",
        description = "Of the text (default: ${DEFAULT-VALUE}).")
    private Charset charset;

    CsvFormat format() {
      return new CsvFormat(
          Optional.ofNullable(timeColumn),
          Optional.ofNullable(timeFormat),
          intervalSeconds == null
              ? OptionalLong.empty()
              : OptionalLong.of(
                  Math.round(intervalSeconds * Duration.ofSeconds(1).toNanos() / 1e3)),
          Optional.ofNullable(keyColumn),
          Optional.ofNullable(key),
          valueColumns,
          separatorCharacter(),
          decimalComma,
          charset);
    }

    private Optional<Character> separatorCharacter() {
      if (separator == null) {
        return Optional.empty();
      }
      String unescaped = separator.equals("\\t") ? "\t" : separator;
      if (unescaped.length() != 1) {
        throw new IllegalArgumentException(
            "separator is \"" + separator + "\", expected one character");
      }
      return Optional.of(unescaped.charAt(0));
    }
  }
}
