package io.millrace.runtime;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * One section of a YAML deployment file. Every value is checked as it is read; {@link #finish}
 * refuses keys that nobody read. A scalar is overridden by the environment variable MILLRACE_ and
 * its path in upper case with every other character than letters and digits as an underscore, for
 * example MILLRACE_DASHBOARD_PORT.
 */
public final class Settings {
  private static final String PREFIX = "MILLRACE_";
  private static final Pattern LINE = Pattern.compile("(?m)^ in .*, line (\\d+), column");

  private final String file;
  private final String path;
  private final ObjectNode node;
  private final Map<String, String> environment;
  private final Set<String> read = new LinkedHashSet<>();
  private final Map<String, Settings> children = new LinkedHashMap<>();

  private Settings(String file, String path, ObjectNode node, Map<String, String> environment) {
    this.file = file;
    this.path = path;
    this.node = node;
    this.environment = environment;
  }

  /**
   * Parses a deployment file.
   *
   * @param file its name, for messages
   * @param yaml its text
   * @param environment variables that may override scalars
   * @throws ConfigurationException where it is not one YAML mapping
   */
  public static Settings parse(String file, String yaml, Map<String, String> environment) {
    YAMLFactory factory =
        YAMLFactory.builder()
            .enable(YAMLParser.Feature.PARSE_BOOLEAN_LIKE_WORDS_AS_STRINGS)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();
    ObjectMapper mapper = new ObjectMapper(factory);
    mapper.enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
    try {
      JsonNode root = mapper.readTree(yaml);
      if (root instanceof ObjectNode object) {
        return new Settings(file, "", object, environment);
      }
      throw new ConfigurationException(
          file + ": got " + kind(root) + ", expected one YAML mapping");
    } catch (JsonProcessingException e) {
      throw new ConfigurationException(
          file + ", " + whatIsWrong(e) + ", expected one YAML mapping");
    }
  }

  /**
   * Settings that come from no file, such as the arguments of a call. No variable overrides them.
   *
   * @param place where they stand, for messages
   * @param values scalars, lists and mappings of them
   */
  public static Settings of(String place, Map<String, ?> values) {
    return new Settings(place, "", new ObjectMapper().valueToTree(values), Map.of());
  }

  /** Place and problem. Indented lines of the message quote the file, which may hold secrets. */
  private static String whatIsWrong(JsonProcessingException e) {
    String message = e.getOriginalMessage();
    String line = e.getLocation() == null ? "1" : Integer.toString(e.getLocation().getLineNr());
    Matcher mark = LINE.matcher(message);
    while (mark.find()) {
      line = mark.group(1);
    }
    return message
        .lines()
        .filter(text -> !text.startsWith(" "))
        .collect(Collectors.joining(" ", "line " + line + ": got ", ""));
  }

  public String text(String key, String fallback) {
    return scalar(key, fallback, "a text", Function.identity());
  }

  public String requiredText(String key) {
    String value = scalar(key, null, "a text", Function.identity());
    if (value == null || value.isBlank()) {
      throw refuse(key, "nothing", "a text");
    }
    return value;
  }

  public int integer(String key, int fallback, int low, int high) {
    return (int) wholeNumber(key, fallback, low, high);
  }

  public long wholeNumber(String key, long fallback, long low, long high) {
    String expected = "a whole number from " + low + " to " + high;
    long value =
        scalar(key, fallback, expected, text -> Long.parseLong(text.strip().replace("_", "")));
    if (value < low || value > high) {
      throw refuse(key, Long.toString(value), expected);
    }
    return value;
  }

  public double number(String key, double fallback, double low, double high) {
    String expected = "a number from " + low + " to " + high;
    double value = scalar(key, fallback, expected, Double::parseDouble);
    if (!(value >= low && value <= high)) {
      throw refuse(key, Double.toString(value), expected);
    }
    return value;
  }

  public boolean flag(String key, boolean fallback) {
    return switch (choice(key, fallback ? "true" : "false", "true", "false")) {
      case "true" -> true;
      default -> false;
    };
  }

  /**
   * A Kafka topic.
   *
   * @throws ConfigurationException for a name that a broker would refuse
   */
  public String topic(String key, String fallback) {
    String name = text(key, fallback);
    if (!name.matches("[a-zA-Z0-9._-]{1,249}") || name.matches("\\.{1,2}")) {
      throw refuse(key, '"' + name + '"', "1 to 249 letters, digits, dots, dashes or underscores");
    }
    return name;
  }

  public String choice(String key, String fallback, String... values) {
    String value = text(key, fallback);
    if (!List.of(values).contains(value)) {
      throw refuse(key, value, "one of " + String.join(", ", values));
    }
    return value;
  }

  /** One number or a list of numbers, each in range; empty when absent. */
  public float[] floats(String key, double low, double high) {
    read.add(key);
    JsonNode value = node.get(key);
    if (isAbsent(value)) {
      return new float[0];
    }
    List<JsonNode> items = new ArrayList<>();
    if (value.isArray()) {
      value.forEach(items::add);
    } else {
      items.add(value);
    }
    float[] numbers = new float[items.size()];
    for (int i = 0; i < numbers.length; i++) {
      double number = items.get(i).isNumber() ? items.get(i).doubleValue() : Double.NaN;
      if (!(number >= low && number <= high)) {
        throw refuse(key, items.get(i).toString(), "numbers from " + low + " to " + high);
      }
      numbers[i] = (float) number;
    }
    return numbers;
  }

  /** A list of texts, or one text; the fallback when absent. */
  public List<String> list(String key, List<String> fallback) {
    JsonNode value = node.get(key);
    if (value == null || !value.isArray()) {
      String one = text(key, "");
      return one.isEmpty() ? fallback : List.of(one);
    }
    read.add(key);
    List<String> texts = new ArrayList<>();
    for (JsonNode item : value) {
      if (!item.isValueNode() || item.isNull()) {
        throw refuse(key, "a list with " + kind(item), "a list of texts");
      }
      texts.add(item.asText());
    }
    return texts;
  }

  /**
   * A mapping of names to scalars, in file order; empty when absent. A name without value is "".
   */
  public Map<String, String> texts(String key) {
    Map<String, String> texts = new LinkedHashMap<>();
    Settings section = section(key);
    section.node.fieldNames().forEachRemaining(name -> texts.put(name, section.text(name, "")));
    return texts;
  }

  /** The keys that are there, in file order. */
  public List<String> keys() {
    List<String> keys = new ArrayList<>();
    node.fieldNames().forEachRemaining(keys::add);
    return keys;
  }

  /** A nested mapping; an absent one reads as empty. */
  public Settings section(String key) {
    read.add(key);
    JsonNode value = node.get(key);
    if (!isAbsent(value) && !value.isObject()) {
      throw refuse(key, kind(value), "a mapping");
    }
    return child(
        key, value instanceof ObjectNode mapping ? mapping : JsonNodeFactory.instance.objectNode());
  }

  /** A list of mappings; empty when absent. */
  public List<Settings> sections(String key) {
    read.add(key);
    JsonNode value = node.get(key);
    List<Settings> sections = new ArrayList<>();
    if (isAbsent(value)) {
      return sections;
    }
    if (!value.isArray()) {
      throw refuse(key, kind(value), "a list of mappings");
    }
    for (int i = 0; i < value.size(); i++) {
      if (!(value.get(i) instanceof ObjectNode object)) {
        throw refuse(key + "[" + i + "]", kind(value.get(i)), "a mapping");
      }
      sections.add(child(key + "[" + i + "]", object));
    }
    return sections;
  }

  /**
   * Checks that every key was read.
   *
   * @throws ConfigurationException for the first unknown key, with the known ones
   */
  public void finish() {
    node.fieldNames()
        .forEachRemaining(
            name -> {
              if (!read.contains(name)) {
                throw refuse(name, "an unknown key", "one of " + new TreeSet<>(read));
              }
            });
    children.values().forEach(Settings::finish);
  }

  /** A refusal of one of this section's keys, to be thrown. */
  public ConfigurationException refuse(String key, String got, String expected) {
    String variable = variable(key);
    String place = environment.containsKey(variable) ? " (from " + variable + ")" : "";
    return new ConfigurationException(
        place(key) + ": got " + got + place + ", expected " + expected);
  }

  /** Where a key of this section stands, for messages. */
  String place(String key) {
    return file + ": " + at(key);
  }

  private Settings child(String key, ObjectNode object) {
    return children.computeIfAbsent(key, name -> new Settings(file, at(name), object, environment));
  }

  /** What a value of the wrong kind is. Its content stays out of messages: it may be a secret. */
  private static String kind(JsonNode value) {
    return switch (value.getNodeType()) {
      case OBJECT -> "a mapping";
      case ARRAY -> "a list";
      case NUMBER -> "a number";
      case BOOLEAN -> "true or false";
      case STRING -> "a text";
      default -> "nothing";
    };
  }

  private String at(String key) {
    return path.isEmpty() ? key : path + "." + key;
  }

  /** A key without a value reads as one that is not there. */
  private static boolean isAbsent(JsonNode value) {
    return value == null || value.isNull() || (value.isTextual() && value.textValue().isEmpty());
  }

  private String variable(String key) {
    return PREFIX + at(key).toUpperCase(Locale.ROOT).replaceAll("[^A-Z0-9]", "_");
  }

  private <V> V scalar(String key, V fallback, String expected, Function<String, V> parse) {
    read.add(key);
    String text = environment.get(variable(key));
    if (text == null) {
      JsonNode value = node.get(key);
      if (isAbsent(value)) {
        return fallback;
      }
      if (!value.isValueNode()) {
        throw refuse(key, kind(value), expected);
      }
      text = value.asText();
    }
    try {
      return parse.apply(text);
    } catch (NumberFormatException e) {
      throw refuse(key, '"' + text + '"', expected);
    }
  }
}
