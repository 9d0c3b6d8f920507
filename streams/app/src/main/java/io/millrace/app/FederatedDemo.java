package io.millrace.app;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.millrace.app.cohort.AggregatorCounters;
import io.millrace.app.cohort.ChildProcesses;
import io.millrace.app.cohort.VersionJudge;
import io.millrace.app.dashboard.DashboardFeed;
import io.millrace.app.dashboard.DashboardServer;
import io.millrace.app.dashboard.DashboardSnapshot.PipelineView;
import io.millrace.app.dashboard.EvaluationView;
import io.millrace.app.dashboard.EvaluationView.ProcessView;
import io.millrace.app.dashboard.FederatedView;
import io.millrace.app.dashboard.Observations;
import io.millrace.app.federation.FederatedTask;
import io.millrace.app.federation.LabelledImages;
import io.millrace.app.federation.Misconduct;
import io.millrace.app.federation.Perceptron;
import io.millrace.app.topics.ClusterConnection;
import io.millrace.app.topics.DeploymentTopics;
import io.millrace.app.topics.TopicCreation;
import io.millrace.client.ClientIdentity;
import io.millrace.runtime.Deployment;
import io.millrace.runtime.Pipeline;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;

/**
 * A federated demo that runs: the aggregator and the clients as processes, the judge and the page
 * here. For one thread; close from any.
 */
final class FederatedDemo implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(FederatedDemo.class);
  private static final String AGGREGATOR = "aggregator";
  private static final int CHUNK = 4_096;
  private static final int MASTER_KEY_BYTES = 32;

  /** Honest updates are mostly shorter. */
  private static final double CLIP = 2;

  /**
   * What is asked for.
   *
   * @param task fashion or digits, also the model's name
   * @param against what the last clients do
   * @param rule robust or mean
   * @param noise of the aggregate, in clips; 0: none
   * @param concentration of the division
   */
  record Plan(
      String task,
      int clients,
      List<Misconduct> against,
      String rule,
      double noise,
      double concentration,
      long seed) {
    /** What a client does in place of its part; empty: it is honest. */
    Optional<Misconduct> misconduct(int client) {
      int last = client - (clients - against.size());
      return last < 0 ? Optional.empty() : Optional.of(against.get(last));
    }
  }

  /**
   * Where it runs.
   *
   * @param jar of this program
   * @param servers of the broker
   * @param directory for keys, states and logs; gone afterwards
   * @param options of the command line
   */
  record Place(Path jar, String servers, Path directory, DemoOptions options) {}

  private final Plan plan;
  private final FederatedTask task;
  private final Place place;
  private final Path file;
  private final Deque<AutoCloseable> parts = new ArrayDeque<>();
  private Deployment deployment;
  private List<LabelledImages> shares;
  private ChildProcesses processes;
  private VersionJudge judge;
  private DashboardFeed feed;
  private DashboardServer server;

  private FederatedDemo(Plan plan, FederatedTask task, Place place) {
    this.plan = plan;
    this.task = task;
    this.place = place;
    this.file = place.directory().resolve("federated.yaml");
  }

  /** Starts everything; the processes are still on their way when this returns. */
  static FederatedDemo start(Plan plan, FederatedTask task, Place place, PrintWriter out)
      throws IOException {
    FederatedDemo demo = new FederatedDemo(plan, task, place);
    try {
      demo.prepare(out);
      demo.launch(out);
      return demo;
    } catch (IOException | RuntimeException e) {
      demo.close();
      throw e;
    }
  }

  private void prepare(PrintWriter out) throws IOException {
    byte[] master = new byte[MASTER_KEY_BYTES];
    new SecureRandom().nextBytes(master);
    Files.write(place.directory().resolve("master.key"), master);
    int aggregatorPage = FreePort.any();
    String yaml = yaml(aggregatorPage);
    Files.writeString(file, yaml);
    deployment = Deployment.parse(file.toString(), yaml, Map.of());
    try (Admin admin = ClusterConnection.open(deployment.kafka())) {
      TopicCreation topics = new TopicCreation(admin);
      topics.apply(topics.plan(DeploymentTopics.of(deployment)));
    }
    shares = task.shares(plan.clients(), plan.concentration(), plan.seed());
    publish(out);
  }

  private String yaml(int aggregatorPage) throws IOException {
    String yaml;
    try (InputStream template = FederatedDemo.class.getResourceAsStream("/demo/federated.yaml")) {
      yaml = new String(template.readAllBytes(), StandardCharsets.UTF_8);
    }
    int faulty = plan.against().size();
    String robust =
        plan.rule().equals("mean")
            ? "{rule: mean}"
            : "{mixing: nearest-neighbours, rule: trimmed-mean, faulty: " + faulty + "}";
    String privacy = plan.noise() > 0 ? "{clip: " + CLIP + ", noise: " + plan.noise() + "}" : "{}";
    boolean flink = place.options().engine().equals("flink");
    Map<String, String> places =
        Map.of(
            "directory", place.directory().toString(),
            "servers", place.servers(),
            "port", Integer.toString(aggregatorPage),
            "clients", Integer.toString(plan.clients()),
            "minimum", Integer.toString(Math.max(2 * faulty + 1, plan.clients() - 2)),
            "robust", robust,
            "privacy", privacy,
            // a checkpoint costs more than a commit
            "commit-interval", flink ? "300" : "100");
    for (Map.Entry<String, String> one : places.entrySet()) {
      yaml = yaml.replace("${" + one.getKey() + "}", one.getValue());
    }
    return yaml;
  }

  /** What the owner of a model does with the same commands. */
  private void publish(PrintWriter out) throws IOException {
    Perceptron perceptron = task.perceptron();
    String layers =
        perceptron.layers().stream()
            .map(layer -> "{\"name\": \"" + layer.name() + "\", \"shape\": " + layer.shape() + "}")
            .collect(Collectors.joining(", "));
    Path definition = place.directory().resolve("model.json");
    Files.writeString(
        definition, "{\"chunk-length\": " + CHUNK + ", \"layers\": [" + layers + "]}");
    double[] first = perceptron.initial(plan.seed());
    ByteBuffer numbers =
        ByteBuffer.allocate(first.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (double number : first) {
      numbers.putFloat((float) number);
    }
    Path values = place.directory().resolve("model.f32");
    Files.write(values, numbers.array());
    owner(
        out,
        "publish",
        "--model",
        plan.task(),
        "--definition",
        definition.toString(),
        "--values",
        values.toString());
    for (int client = 0; client < plan.clients(); client++) {
      String name = FederatedPart.name(client);
      ClientIdentity identity = ClientIdentity.in(place.directory().resolve(name + ".key"));
      owner(
          out,
          "client-key",
          "--model",
          plan.task(),
          "--client",
          name,
          "--public-key",
          HexFormat.of().formatHex(identity.publicKey()));
    }
  }

  private void owner(PrintWriter out, String command, String... arguments) {
    List<String> all = new ArrayList<>(List.of("federated", command, "-c", file.toString()));
    all.addAll(List.of(arguments));
    CommandLine line = Millrace.commandLine().setOut(new PrintWriter(PrintWriter.nullWriter()));
    if (line.execute(all.toArray(String[]::new)) != 0) {
      throw new IllegalStateException("millrace " + String.join(" ", all) + " has failed");
    }
    LOG.debug("millrace {}", all);
    out.flush();
  }

  private void launch(PrintWriter out) {
    DemoOptions.say(out, "Starting the aggregator and " + plan.clients() + " clients ...");
    Pipeline pipeline = deployment.pipelines().get(0);
    processes = new ChildProcesses(place.jar(), place.directory());
    parts.addFirst(processes);
    processes.start(
        AGGREGATOR,
        List.of("-Xmx768m", "-XX:+UseSerialGC", "--add-modules=jdk.incubator.vector"),
        List.of(
            "demo",
            "federated",
            AGGREGATOR,
            "--config",
            file.toString(),
            "--engine",
            place.options().engine()));
    for (int client = 0; client < plan.clients(); client++) {
      processes.start(
          FederatedPart.name(client), List.of("-Xmx192m", "-XX:+UseSerialGC"), client(client));
    }
    judge =
        VersionJudge.start(task, plan.task(), FederatedPart.topics(pipeline), deployment.kafka());
    parts.addFirst(judge);
    URI aggregator =
        URI.create("http://127.0.0.1:" + deployment.dashboard().port() + "/api/snapshot");
    feed =
        DashboardFeed.start(
            RunningDeployment.followed(deployment, place.options().engine()),
            new HashMap<>(deployment.kafka()),
            new AggregatorCounters(aggregator, () -> starts().get(AGGREGATOR) - 1),
            new Observations(Optional::empty, () -> Optional.of(evaluation())));
    parts.addFirst(feed);
    server =
        DashboardServer.start(
            DashboardServer.Settings.onLoopback(place.options().freePort()),
            feed::snapshot,
            new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
    parts.addFirst(server);
    server.ready();
  }

  private List<String> client(int number) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "demo",
                "federated",
                "client",
                "-c",
                file.toString(),
                "--task",
                plan.task(),
                "--number",
                Integer.toString(number),
                "--clients",
                Integer.toString(plan.clients()),
                "--concentration",
                Double.toString(plan.concentration()),
                "--seed",
                Long.toString(plan.seed()),
                "--directory",
                place.directory().toString()));
    plan.misconduct(number)
        .ifPresent(misconduct -> arguments.addAll(List.of("--misconduct", misconduct.label())));
    return arguments;
  }

  private EvaluationView evaluation() {
    Map<String, ChildProcesses.State> states =
        processes().stream().collect(Collectors.toMap(ChildProcesses.State::name, state -> state));
    List<ProcessView> views = new ArrayList<>();
    ChildProcesses.State aggregator = states.get(AGGREGATOR);
    for (int client = 0; client < plan.clients(); client++) {
      ChildProcesses.State state = states.get(FederatedPart.name(client));
      if (state != null) {
        views.add(
            new ProcessView(
                state.name(),
                state.pid(),
                shares.get(client).count(),
                plan.misconduct(client).map(Misconduct::label).orElse(""),
                state.starts()));
      }
    }
    return new EvaluationView(
        task.name(),
        task.reference(),
        task.reference() - FederatedTask.TOLERANCE,
        task.images().test().count(),
        judge.points(),
        aggregator == null ? 0 : aggregator.pid(),
        views);
  }

  URI page() {
    return server.url();
  }

  /** For commands of the owner, from another window. */
  Path deploymentFile() {
    return file;
  }

  List<ChildProcesses.State> processes() {
    return processes.states();
  }

  Map<String, Integer> starts() {
    Map<String, Integer> starts = new LinkedHashMap<>();
    processes().forEach(process -> starts.put(process.name(), process.starts()));
    return starts;
  }

  /** What the judge found wrong with the versions; empty: nothing. */
  String failure() {
    return judge.failure();
  }

  FederatedView view() {
    return pipelineView().federated().orElseThrow();
  }

  long deadLetters() {
    return pipelineView().deadLetters();
  }

  private PipelineView pipelineView() {
    return feed.snapshot().pipelines().get(0);
  }

  @Override
  public void close() {
    LogLevels.forTheEnd();
    while (!parts.isEmpty()) {
      try {
        parts.removeFirst().close();
      } catch (Exception e) {
        LOG.warn("while the demo was ended: {}", e.toString());
      }
    }
  }
}
