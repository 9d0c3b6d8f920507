package io.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.security.plain.PlainLoginModule;
import org.junit.jupiter.api.Test;

final class KafkaClassNamesTest {

  private static final String WRITTEN = "org.apache." + "kafka.";
  private static final String MODULE = "common.security.plain.PlainLoginModule";

  @Test
  void namesKafkaClassesAsTheJarHasThemAndLeavesOtherTextAlone() {
    String rest = " required username=\"org.apache\" password=\"org.apache.kafkaesque\";";
    Map<String, String> given =
        Map.of(
            "sasl.jaas.config",
            WRITTEN + MODULE + rest,
            "bootstrap.servers",
            "kafka.example.org:9092");
    Properties translated = KafkaClassNames.translate(given, "elsewhere.");
    assertEquals("elsewhere." + MODULE + rest, translated.getProperty("sasl.jaas.config"));
    assertEquals("kafka.example.org:9092", translated.getProperty("bootstrap.servers"));
    assertEquals(2, translated.size());
  }

  @Test
  void knowsTheNamesOfTheClassesAtHand() throws ClassNotFoundException {
    Properties translated = KafkaClassNames.translate(Map.of("module", WRITTEN + MODULE));
    assertEquals(PlainLoginModule.class, Class.forName(translated.getProperty("module")));
  }
}
