package io.millrace.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

final class SettingsTest {
  private static final String FILE = "plant.yaml";

  @Test
  void readsValuesAndFallsBackWhereTheyAreAbsent() {
    Settings settings =
        settings("count: 3\nrate: 0.5\non: true\nname: x\nempty:\nmany: 1_000\nquoted: \"12\"\n");
    assertEquals(3, settings.integer("count", 9, 0, 10));
    assertEquals(7, settings.integer("absent", 7, 0, 10));
    assertEquals(7, settings.integer("empty", 7, 0, 10));
    assertEquals(1000, settings.integer("many", 7, 0, 10_000));
    assertEquals(12, settings.integer("quoted", 7, 0, 100));
    assertEquals(0.5, settings.number("rate", 0, 0, 1));
    assertTrue(settings.flag("on", false));
    assertTrue(settings.flag("off", true));
    assertEquals("x", settings.text("name", ""));
    settings.finish();
  }

  @Test
  void namesFileKeyGotAndExpectedForWrongTypes() {
    refused(
        () -> settings("a: x").integer("a", 1, 0, 9), "a", "\"x\"", "a whole number from 0 to 9");
    refused(() -> settings("a: 1.5").integer("a", 1, 0, 9), "a", "1.5", "whole number");
    refused(() -> settings("a: {b: 1}").integer("a", 1, 0, 9), "a", "a mapping", "whole number");
    refused(() -> settings("a: x").number("a", 1, 0, 9), "a", "\"x\"", "a number from 0.0 to 9.0");
    refused(() -> settings("a: yes").flag("a", true), "a", "yes", "one of true, false");
    refused(() -> settings("a: [1]").text("a", ""), "a", "a list", "a text");
    refused(() -> settings("a: 5").section("a"), "a", "a number", "a mapping");
    refused(() -> settings("a: {b: 1}").sections("a"), "a", "a mapping", "a list of mappings");
    refused(() -> settings("a: [1]").sections("a"), "a[0]", "a number", "a mapping");
    refused(() -> settings("a: [1, x]").floats("a", 0, 9), "a", "\"x\"", "numbers from 0.0 to 9.0");
    refused(() -> settings("a: ' '").requiredText("a"), "a", "nothing", "a text");
    refused(() -> settings("b: 1").requiredText("a"), "a", "nothing", "a text");
  }

  @Test
  void namesFileKeyGotAndExpectedForValuesOutOfRange() {
    refused(() -> settings("a: 10").integer("a", 1, 0, 9), "a", "10", "from 0 to 9");
    refused(() -> settings("a: -1").integer("a", 1, 0, 9), "a", "-1", "from 0 to 9");
    refused(
        () -> settings("a: 99999999999999999999").wholeNumber("a", 1, 0, 9), "a", "999", "0 to 9");
    refused(() -> settings("a: NaN").number("a", 1, 0, 9), "a", "NaN", "from 0.0 to 9.0");
    refused(() -> settings("a: 9.1").number("a", 1, 0, 9), "a", "9.1", "from 0.0 to 9.0");
    refused(() -> settings("a: [1, 10]").floats("a", 0, 9), "a", "10", "from 0.0 to 9.0");
    refused(() -> settings("a: z").choice("a", "x", "x", "y"), "a", "z", "one of x, y");
    refused(() -> settings("a: 'b c'").topic("a", "t"), "a", "\"b c\"", "letters");
    refused(() -> settings("a: ..").topic("a", "t"), "a", "\"..\"", "letters");
    refused(() -> settings("a: " + "x".repeat(250)).topic("a", "t"), "a", "xxx", "249");
  }

  @Test
  void refusesKeysThatNobodyReadWithTheKnownOnes() {
    Settings settings = settings("a: 1\nsection: {known: 1, tpyo: 2}\n");
    settings.integer("a", 1, 0, 9);
    settings.section("section").integer("known", 1, 0, 9);
    refused(settings::finish, "section.tpyo", "an unknown key", "[known]");
    refused(settings("b: 1")::finish, "b", "an unknown key", "one of []");
  }

  @Test
  void readsOneSectionInTwoPlaces() {
    Settings settings = settings("s: {a: 1, b: 2}\n");
    assertEquals(1, settings.section("s").integer("a", 0, 0, 9));
    assertEquals(2, settings.section("s").integer("b", 0, 0, 9));
    settings.finish();
  }

  @Test
  void placesKeysOfListsByTheirNumber() {
    List<Settings> sections = settings("list: [{a: 1}, {a: 99}]").sections("list");
    assertEquals(1, sections.get(0).integer("a", 0, 0, 9));
    refused(() -> sections.get(1).integer("a", 0, 0, 9), "list[1].a", "99", "0 to 9");
  }

  @Test
  void readsOneNumberOrAListOfNumbers() {
    assertArrayEquals(new float[] {2}, settings("a: 2").floats("a", 0, 9));
    assertArrayEquals(new float[] {1, 2.5f}, settings("a: [1, 2.5]").floats("a", 0, 9));
    assertEquals(0, settings("a:").floats("a", 0, 9).length);
    assertEquals(0, settings("b: 1").floats("a", 0, 9).length);
  }

  @Test
  void letsTheEnvironmentOverrideScalarsAndSaysSoInRefusals() {
    Map<String, String> environment =
        Map.of(
            "MILLRACE_DASHBOARD_PORT", "81",
            "MILLRACE_LIST_0__IDLE_FLUSH_MILLIS", "5",
            "MILLRACE_STATE_DIRECTORY", "/data");
    Settings settings =
        Settings.parse(
            FILE, "dashboard: {port: 80}\nlist: [{idle-flush-millis: 1}]\n", environment);
    assertEquals(81, settings.section("dashboard").integer("port", 0, 0, 99));
    assertEquals(5, settings.sections("list").get(0).integer("idle-flush-millis", 0, 0, 99));
    assertEquals("/data", settings.text("state-directory", ""), "also where the file is silent");
    settings.finish();
    refused(
        () -> settings.section("dashboard").integer("port", 0, 0, 9),
        "dashboard.port",
        "81 (from MILLRACE_DASHBOARD_PORT)",
        "0 to 9");
  }

  @Test
  void refusesWhatIsNotOneYamlMapping() {
    refused(() -> settings(""), "", "nothing", "one YAML mapping");
    refused(() -> settings("just words"), "", "a text", "one YAML mapping");
    refused(() -> settings("- a\n- b\n"), "", "a list", "one YAML mapping");
    refused(() -> settings("a: 1\n---\nb: 2\n"), "", "", "one YAML mapping");
    refused(() -> settings("a: 1\nb: [1\n"), "line", "", "one YAML mapping");
    refused(() -> settings("a: 1\n\tb: 2\n"), "line 2", "", "one YAML mapping");
    refused(() -> settings("a: 1\na: 2\n"), "line 2", "'a'", "one YAML mapping");
  }

  @Test
  void keepsTheFilesTextOutOfMessagesAboutItsForm() {
    for (String yaml :
        List.of(
            "kafka: {password: hunter2\n",
            "kafka:\n  password: hunter2\n bad: 1\n",
            "kafka: 'hunter2\n",
            "kafka: hunter2\n",
            "kafka: [hunter2]\n",
            "kafka: {ssl: {password: hunter2}}\n",
            "kafka: {ssl: [hunter2]}\n",
            "kafka: !!hunter2 x\n",
            "hunter2")) {
      ConfigurationException refusal =
          assertThrows(ConfigurationException.class, () -> settings(yaml).texts("kafka"), yaml);
      assertFalse(refusal.getMessage().contains("hunter2"), refusal.getMessage());
    }
  }

  @Test
  void passesTextsThroughInFileOrder() {
    Map<String, String> texts =
        settings("kafka: {z.b: 1, a.c: true, m: 'x y', empty: }\n").texts("kafka");
    assertEquals(List.of("z.b", "a.c", "m", "empty"), List.copyOf(texts.keySet()));
    assertEquals(List.of("1", "true", "x y", ""), List.copyOf(texts.values()));
    assertTrue(settings("a: 1").texts("kafka").isEmpty());
  }

  private static Settings settings(String yaml) {
    return Settings.parse(FILE, yaml, Map.of());
  }

  private static void refused(Executable action, String key, String got, String expected) {
    String message = assertThrows(ConfigurationException.class, action).getMessage();
    String[] halves = message.split(", expected ", 2);
    assertTrue(message.startsWith(FILE) && halves.length == 2, message);
    assertTrue(halves[0].contains(key) && halves[0].split("got ", 2)[1].contains(got), message);
    assertTrue(halves[1].contains(expected), message);
    assertEquals(1, message.lines().count(), message);
  }
}
