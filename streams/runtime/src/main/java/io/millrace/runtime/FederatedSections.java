package io.millrace.runtime;

import io.millrace.operator.federated.AveragingMethod;
import io.millrace.operator.federated.FederatedSettings;
import io.millrace.operator.federated.FederatedSettings.Admission;
import io.millrace.operator.federated.FederatedSettings.Buffered;
import io.millrace.operator.federated.FederatedSettings.Exchange;
import io.millrace.operator.federated.FederatedSettings.Immediate;
import io.millrace.operator.federated.FederatedSettings.Local;
import io.millrace.operator.federated.FederatedSettings.Masked;
import io.millrace.operator.federated.FederatedSettings.Method;
import io.millrace.operator.federated.FederatedSettings.Policy;
import io.millrace.operator.federated.FederatedSettings.Privacy;
import io.millrace.operator.federated.FederatedSettings.Robust;
import io.millrace.operator.federated.FederatedSettings.Rounds;
import io.millrace.operator.federated.FederatedSettings.Server;
import io.millrace.operator.federated.FederatedSettings.Synchronous;
import io.millrace.operator.federated.OptimiserName;
import io.millrace.operator.federated.PreMixing;
import io.millrace.operator.federated.RobustRule;
import io.millrace.operator.federated.Staleness;
import io.millrace.operator.federated.UpdateCodecs;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;

/** Reads the settings of federated models, section by section. */
final class FederatedSections {
  private static final long MAXIMUM_MILLIS = 1L << 42;

  /** Optimisers whose step is as long as the update. */
  private static final Set<OptimiserName> PLAIN =
      EnumSet.of(OptimiserName.SGD, OptimiserName.MOMENTUM, OptimiserName.MKOR);

  private FederatedSections() {}

  /**
   * All of them.
   *
   * @param settings of the pipeline
   * @throws ConfigurationException for values that are impossible, or do not fit each other
   */
  static FederatedSettings read(Settings settings) {
    Method method = method(settings.section("method"));
    Rounds rounds = rounds(settings.section("rounds"), method.averaging());
    Robust robust = robust(settings.section("robust"));
    Admission admission = admission(settings.section("admission"), rounds.policy());
    Privacy privacy = privacy(settings.section("privacy"));
    Exchange exchange = exchange(settings.section("exchange"));
    try {
      return new FederatedSettings(method, rounds, robust, admission, privacy, exchange);
    } catch (IllegalArgumentException e) {
      throw settings.refuse("method", e.getMessage(), "settings that fit each other");
    }
  }

  private static Method method(Settings section) {
    AveragingMethod averaging =
        name(section, "name", AveragingMethod.FEDAVG, AveragingMethod.values());
    int known = averaging.remembers() ? 0 : 1;
    return new Method(
        averaging,
        local(section.section("local"), averaging),
        server(section.section("server"), averaging),
        // means are taken over all clients, so nobody else can know their number
        section.integer("clients", known, 1, 1 << 24),
        section.integer("memory-bits", 30, -64, 100));
  }

  private static Local local(Settings section, AveragingMethod averaging) {
    boolean mixes = averaging == AveragingMethod.SCAFCOM;
    return new Local(
        section.integer("steps", 10, 1, 1_000_000),
        section.number("rate", 0.01, 1e-30, 1e30),
        section.number("proximal", averaging == AveragingMethod.FEDPROX ? 0.01 : 0, 0, 1e30),
        section.number("alpha", 0.1, 1e-9, 1),
        section.number("momentum", mixes ? 0.2 : 1, 1e-9, 1),
        section.number("error-weight", 0.1, 1e-9, 1));
  }

  private static Server server(Settings section, AveragingMethod averaging) {
    OptimiserName optimiser = name(section, "optimiser", OptimiserName.SGD, OptimiserName.values());
    boolean plain = PLAIN.contains(optimiser);
    double rate = averaging == AveragingMethod.FEDASYNC ? 0.6 : plain ? 1 : 0.01;
    double belowOne = Math.nextDown(1.0);
    return new Server(
        optimiser,
        section.number("rate", rate, 1e-30, 1e30),
        section.number("first-decay", optimiser == OptimiserName.ADAGRAD ? 0 : 0.9, 0, belowOne),
        section.number("second-decay", 0.99, 0, belowOne),
        section.number("floor", 1e-3, 1e-30, 1e30),
        section.number("weight-decay", 0, 0, 1e6));
  }

  private static Rounds rounds(Settings section, AveragingMethod averaging) {
    return new Rounds(
        policy(section, averaging),
        staleness(section.section("staleness"), averaging),
        section.wholeNumber("largest-staleness", 100, 0, 1L << 40),
        section.wholeNumber("task-millis", 3_600_000, 0, MAXIMUM_MILLIS));
  }

  private static Policy policy(Settings section, AveragingMethod averaging) {
    String usual =
        switch (averaging) {
          case FEDASYNC -> "immediate";
          case FEDBUFF, AFA_CD, AFA_CS -> "buffered";
          default -> "synchronous";
        };
    return switch (section.choice(
        "policy", usual, "synchronous", "masked", "buffered", "immediate")) {
      case "masked" -> MaskedSection.read(section, MAXIMUM_MILLIS);
      case "immediate" -> new Immediate();
      case "buffered" ->
          new Buffered(
              section.integer("size", 10, 1, 1 << 16),
              section.number("largest-correction", 1, 1, 64),
              section.number("arrival-memory", 1000, 1, 1e12));
      default -> {
        int target = section.integer("target", 10, 1, 1 << 16);
        yield new Synchronous(
            target,
            section.integer("minimum", (target + 1) / 2, 1, target),
            section.wholeNumber("deadline-millis", 600_000, 0, MAXIMUM_MILLIS),
            section.choice("stragglers", "drop", "drop", "carry").equals("carry"));
      }
    };
  }

  private static Staleness staleness(Settings section, AveragingMethod averaging) {
    boolean ages = averaging == AveragingMethod.FEDASYNC || averaging == AveragingMethod.FEDBUFF;
    String usual = ages ? "polynomial" : "constant";
    return switch (section.choice("function", usual, "constant", "polynomial", "hinge")) {
      case "polynomial" -> new Staleness.Polynomial(section.number("exponent", 0.5, 0, 100));
      case "hinge" ->
          new Staleness.Hinge(
              section.number("slope", 10, 0, 1e9),
              section.wholeNumber("grace", 4, 0, Long.MAX_VALUE));
      default -> new Staleness.Constant();
    };
  }

  private static Robust robust(Settings section) {
    Robust none = Robust.NONE;
    return new Robust(
        name(section, "mixing", none.mixing(), PreMixing.values()),
        name(section, "rule", none.rule(), RobustRule.values()),
        section.integer("faulty", none.faulty(), 0, 1 << 15),
        section.number("radius", none.radius(), 1e-100, 1e100),
        section.integer("passes", none.passes(), 1, 100),
        section.integer("size", none.size(), 1, 1 << 12));
  }

  private static Admission admission(Settings section, Policy policy) {
    // masked sums have 32 bits, of which weights take their share
    int weight = policy instanceof Masked ? 1 : 1 << 20;
    return new Admission(
        section.number("largest-norm", 1e6, 1e-100, 1e150),
        section.integer("largest-weight", weight, 1, 1 << 28),
        section.flag("signed", true));
  }

  private static Privacy privacy(Settings section) {
    Privacy none = Privacy.NONE;
    double clip = section.number("clip", none.clip(), 0, 1e100);
    double noise = section.number("noise", none.noise(), 0, 1e6);
    double epsilon = section.number("epsilon", none.epsilon(), 0, 1e6);
    double delta = section.number("delta", none.delta(), 1e-300, 0.5);
    double quantile = section.number("clip-quantile", none.clipQuantile(), 0, Math.nextDown(1.0));
    try {
      return new Privacy(clip, noise, epsilon, delta, quantile);
    } catch (IllegalArgumentException e) {
      throw section.refuse("clip", e.getMessage(), "settings that fit each other");
    }
  }

  private static Exchange exchange(Settings section) {
    List<String> codecs = section.list("codecs", List.of("plain"));
    for (String codec : codecs) {
      try {
        UpdateCodecs.named(codec);
      } catch (IllegalArgumentException e) {
        throw section.refuse(
            "codecs", codec, "one like " + String.join(", ", UpdateCodecs.names()));
      }
    }
    if (codecs.size() > 100) {
      throw section.refuse("codecs", codecs.size() + " codecs", "at most 100");
    }
    return new Exchange(
        codecs,
        section.choice("numbers", "float32", "float32", "float64").equals("float32")
            ? Float.BYTES
            : Double.BYTES,
        section.integer("kept-versions", 4, 1, 64),
        section.integer("pending-updates", 1024, 1, 1 << 20),
        section.wholeNumber("pending-bytes", 256L << 20, 1, 1L << 32));
  }

  /** An enum's constant by its name in settings: small letters, dashes. */
  private static <E extends Enum<E>> E name(Settings section, String key, E usual, E[] all) {
    String[] names = Stream.of(all).map(FederatedSections::name).toArray(String[]::new);
    String chosen = section.choice(key, name(usual), names);
    return all[List.of(names).indexOf(chosen)];
  }

  private static String name(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
