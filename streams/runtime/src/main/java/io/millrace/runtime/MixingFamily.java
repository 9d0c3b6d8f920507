package io.millrace.runtime;

import io.millrace.operator.federated.EdgeMixing;
import io.millrace.operator.federated.MixingGraph;
import io.millrace.operator.federated.MixingGraph.Edge;
import io.millrace.operator.federated.MixingMethod;
import io.millrace.operator.federated.MixingSettings;
import io.millrace.operator.federated.MixingSettings.Admission;
import io.millrace.operator.federated.MixingSettings.Clock;
import io.millrace.operator.federated.MixingSettings.Exchange;
import io.millrace.operator.federated.MixingSettings.Step;
import io.millrace.operator.federated.MixingStateCodec;
import io.millrace.operator.federated.UpdateCodecs;
import io.millrace.runtime.Pipeline.Purpose;
import io.millrace.runtime.Pipeline.TopicNeed;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Reads the settings of nodes that train without a server, and plans their one stage: gradients and
 * ticks in, versions and tasks out.
 */
final class MixingFamily {
  static final String OPERATOR = "federated-mixing";

  private MixingFamily() {}

  static Pipeline pipeline(Settings settings, String name) {
    return read(settings, name).pipeline();
  }

  /** The plan, and the settings behind it. */
  static MixingPipeline read(Settings settings, String name) {
    MixingSettings mixing = mixing(settings);
    MasterKey key =
        new MasterKey(settings.place("master-key-file"), settings.requiredText("master-key-file"));
    String updates = settings.topic(FederatedFamily.UPDATES, name + '.' + FederatedFamily.UPDATES);
    String deadLetters = settings.topic("dead-letters", name + ".dead-letters");
    Map<String, String> results = new LinkedHashMap<>();
    for (String channel : List.of(FederatedOutputCodec.MODELS, FederatedOutputCodec.TASKS)) {
      results.put(channel, settings.section("outputs").topic(channel, name + '.' + channel));
    }
    List<TopicNeed> inputs =
        List.of(
            new TopicNeed(updates, FederatedFamily.UPDATES, Purpose.INPUT, Partitioning.BY_CHUNK));
    List<TopicNeed> topics =
        FamilyTopics.of(settings, inputs, results, channel -> Purpose.MODEL, deadLetters);
    Stage stage =
        new Stage(
            MixingPipeline.STAGE,
            () ->
                new OperatorSpec<>(
                    OPERATOR,
                    new EdgeMixing(mixing, key.authority()),
                    new FederatedInputCodec(),
                    new MixingStateCodec(),
                    new FederatedOutputCodec()),
            updates,
            results,
            Following.NOTHING);
    return new MixingPipeline(
        new Pipeline(name, OPERATOR, List.of(stage), deadLetters, topics),
        mixing,
        settings.section("ticks").wholeNumber("interval-millis", 1000, 0, 3_600_000),
        key);
  }

  private static MixingSettings mixing(Settings settings) {
    Settings section = settings.section("mixing");
    MixingMethod method =
        MixingMethod.valueOf(
            section
                .choice("method", "dadao", "plain", "momentum", "dadao")
                .toUpperCase(Locale.ROOT));
    MixingGraph graph = graph(section);
    long tick = settings.section("ticks").wholeNumber("interval-millis", 1000, 0, 3_600_000);
    Clock clock =
        new Clock(
            section.wholeNumber("unit-millis", Math.max(1, tick), 1, 1L << 42),
            section.number("longest-step", 10, 1e-6, 1e6),
            section.number("spikes", 0, 0, 1e6),
            section.wholeNumber("seed", 0, Long.MIN_VALUE, Long.MAX_VALUE));
    Settings exchange = settings.section("exchange");
    try {
      return new MixingSettings(
          method,
          graph,
          clock,
          step(section, method),
          admission(settings.section("admission"), exchange),
          exchange(exchange));
    } catch (IllegalArgumentException e) {
      throw section.refuse("method", e.getMessage(), "settings that fit each other");
    }
  }

  private static MixingGraph graph(Settings section) {
    List<String> nodes = section.list("nodes", List.of());
    List<String> edges = section.list("edges", List.of());
    String shape = section.choice("graph", "ring", MixingGraph.SHAPES.toArray(String[]::new));
    try {
      if (edges.isEmpty()) {
        return MixingGraph.of(shape, nodes);
      }
      List<Edge> pairs = new ArrayList<>();
      for (String edge : edges) {
        String[] ends = edge.split(" ", -1);
        int one = ends.length == 2 ? nodes.indexOf(ends[0]) : -1;
        int other = ends.length == 2 ? nodes.indexOf(ends[1]) : -1;
        if (one < 0 || other < 0) {
          throw section.refuse("edges", edge, "two of the nodes with a space between them");
        }
        pairs.add(new Edge(Math.min(one, other), Math.max(one, other)));
      }
      return new MixingGraph(nodes, pairs);
    } catch (IllegalArgumentException e) {
      throw section.refuse("nodes", e.getMessage(), "2 to 256 names, all connected");
    }
  }

  private static Step step(Settings section, MixingMethod method) {
    boolean known = method == MixingMethod.DADAO;
    if (known) {
      section.requiredText("convexity");
      section.requiredText("smoothness");
    }
    double convexity = section.number("convexity", 1, 1e-30, 1e30);
    return new Step(
        section.number("rate", 1, 1e-30, 1e30),
        convexity,
        section.number("smoothness", convexity, convexity, 1e30));
  }

  private static Admission admission(Settings section, Settings exchange) {
    List<String> codecs = exchange.list("codecs", List.of("plain"));
    for (String codec : codecs) {
      try {
        UpdateCodecs.named(codec);
      } catch (IllegalArgumentException e) {
        throw exchange.refuse(
            "codecs", codec, "one like " + String.join(", ", UpdateCodecs.names()));
      }
    }
    return new Admission(
        section.number("largest-norm", 1e6, 1e-100, 1e150),
        section.wholeNumber("staleness", 0, 0, 1L << 40),
        codecs);
  }

  private static Exchange exchange(Settings section) {
    return new Exchange(
        section.choice("numbers", "float32", "float32", "float64").equals("float32")
            ? Float.BYTES
            : Double.BYTES,
        section.integer("kept-versions", 4, 1, 64),
        section.integer("grid-bits", 36, 8, 44));
  }
}
