package io.millrace.flink.sql;

import io.millrace.runtime.Catalog;
import io.millrace.runtime.ConfigurationException;
import io.millrace.runtime.Deployment.EngineSettings;
import io.millrace.runtime.Pipeline;
import io.millrace.runtime.Settings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.inference.CallContext;
import org.apache.flink.table.types.inference.StaticArgument;

/**
 * The settings of dictionary learning as arguments of a SQL function: each is optional and named as
 * in a deployment file, with an underscore for every dot and dash. {@code error_bounds} lists one
 * bound for each channel where {@code error_bound} is one for all.
 */
final class LearningArguments {
  private static final String ERROR_BOUNDS = "error_bounds";

  /**
   * @param path of the setting
   * @param type its SQL type
   */
  private record Argument(String path, DataType type) {
    String name() {
      return path.replace('.', '_').replace('-', '_');
    }
  }

  private static final List<Argument> ARGUMENTS =
      List.of(
          whole("channels"),
          whole("window.length"),
          whole("window.hop"),
          large("window.interval-micros"),
          large("window.maximum-gap-micros"),
          large("window.idle-flush-millis"),
          whole("atoms"),
          number("error-bound"),
          text("error-bounds"),
          text("coder.name"),
          whole("coder.maximum-atoms"),
          number("coder.relative-error"),
          number("coder.absolute-error"),
          number("coder.lambda"),
          flag("coder.relative"),
          whole("coder.maximum-sweeps"),
          number("coder.threshold"),
          flag("coder.refit"),
          text("learner.name"),
          number("learner.forgetting-exponent"),
          number("learner.memory-uses"),
          whole("learner.sweeps"),
          number("learner.clip"),
          number("learner.gradient-step"),
          number("learner.direction-step"),
          whole("rounds.first-windows"),
          whole("rounds.maximum-windows"),
          whole("rounds.batch-windows"),
          number("detection.quantile"),
          number("detection.threshold"),
          whole("detection.history-windows"),
          whole("detection.warm-up-windows"),
          number("detection.drift-delta"),
          number("detection.drift-level"),
          large("engine.heap-budget-megabytes"));

  private LearningArguments() {}

  /** What a function's settings say: how states are kept, and what runs. */
  record Plan(EngineSettings engine, Pipeline pipeline) {}

  /** The declared arguments, in order. */
  static List<StaticArgument> declared() {
    return typed(ARGUMENTS.stream().map(Argument::type).toList());
  }

  /**
   * The arguments with the types that a call gives them: Flink 2.3 declares a cast of a literal
   * such as 0.05 to DOUBLE and then does not generate it.
   *
   * @param types of the arguments, in order
   */
  static List<StaticArgument> typed(List<DataType> types) {
    List<StaticArgument> arguments = new ArrayList<>();
    for (int i = 0; i < ARGUMENTS.size(); i++) {
      arguments.add(StaticArgument.scalar(ARGUMENTS.get(i).name(), types.get(i).nullable(), true));
    }
    return arguments;
  }

  /** The types that a call gives them. */
  static List<DataType> types(CallContext call, int first) {
    return List.copyOf(call.getArgumentDataTypes().subList(first, first + ARGUMENTS.size()));
  }

  /**
   * The arguments of a call by the path of their setting; absent ones are left out.
   *
   * @param first position of the first of them
   * @throws ConfigurationException for one that is not a literal
   */
  static TreeMap<String, Object> values(String function, CallContext call, int first) {
    TreeMap<String, Object> values = new TreeMap<>();
    for (int i = 0; i < ARGUMENTS.size(); i++) {
      Argument argument = ARGUMENTS.get(i);
      int position = first + i;
      if (call.isArgumentNull(position)) {
        continue;
      }
      Object value = valueOrNull(call, position, argument);
      if (value == null) {
        throw refuse(
            function, argument.name(), "an expression", "a literal " + argument.type().toString());
      }
      if (argument.name().equals(ERROR_BOUNDS)) {
        if (values.containsKey("error-bound")) {
          throw refuse(function, ERROR_BOUNDS, "a value beside error_bound", "only one of the two");
        }
        values.put("error-bound", bounds(function, (String) value));
      } else {
        values.put(argument.path(), value);
      }
    }
    return values;
  }

  /**
   * True when every argument's value is there: while a query is validated a literal that Flink is
   * to cast, such as a decimal number, shows none.
   */
  static boolean areVisible(CallContext call, int first) {
    for (int i = 0; i < ARGUMENTS.size(); i++) {
      if (!call.isArgumentNull(first + i)
          && valueOrNull(call, first + i, ARGUMENTS.get(i)) == null) {
        return false;
      }
    }
    return true;
  }

  private static Object valueOrNull(CallContext call, int position, Argument argument) {
    return call.isArgumentLiteral(position)
        ? call.getArgumentValue(position, argument.type().getConversionClass()).orElse(null)
        : null;
  }

  /**
   * Reads and checks settings.
   *
   * @param values by path
   * @throws ConfigurationException with the argument, what was got and what was expected
   */
  static Plan plan(String function, Map<String, Object> values) {
    Settings settings = Settings.of(function, nested(values));
    try {
      Plan plan =
          new Plan(
              EngineSettings.of(settings.section("engine")), Catalog.pipeline(settings, function));
      settings.finish();
      return plan;
    } catch (ConfigurationException e) {
      throw new ConfigurationException(inArguments(function, e.getMessage()));
    }
  }

  static ConfigurationException refuse(
      String function, String argument, String got, String expected) {
    return new ConfigurationException(
        function + ": " + argument + ": got " + got + ", expected " + expected);
  }

  private static List<Double> bounds(String function, String list) {
    List<Double> bounds = new ArrayList<>();
    for (String bound : list.split(",", -1)) {
      try {
        bounds.add(Double.parseDouble(bound.strip()));
      } catch (NumberFormatException e) {
        throw refuse(function, ERROR_BOUNDS, "'" + list + "'", "numbers with commas between them");
      }
    }
    return bounds;
  }

  /** Messages name settings; who calls a function knows arguments. */
  private static String inArguments(String function, String message) {
    for (Argument argument : ARGUMENTS) {
      String place = function + ": " + argument.path() + ":";
      if (message.startsWith(place)) {
        return function + ": " + argument.name() + ":" + message.substring(place.length());
      }
    }
    return message;
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> nested(Map<String, Object> values) {
    Map<String, Object> root = new LinkedHashMap<>();
    values.forEach(
        (path, value) -> {
          int dot = path.indexOf('.');
          if (dot < 0) {
            root.put(path, value);
          } else {
            ((Map<String, Object>)
                    root.computeIfAbsent(
                        path.substring(0, dot), section -> new LinkedHashMap<String, Object>()))
                .put(path.substring(dot + 1), value);
          }
        });
    return root;
  }

  private static Argument whole(String path) {
    return new Argument(path, DataTypes.INT());
  }

  private static Argument large(String path) {
    return new Argument(path, DataTypes.BIGINT());
  }

  private static Argument number(String path) {
    return new Argument(path, DataTypes.DOUBLE());
  }

  private static Argument text(String path) {
    return new Argument(path, DataTypes.STRING());
  }

  private static Argument flag(String path) {
    return new Argument(path, DataTypes.BOOLEAN());
  }
}
