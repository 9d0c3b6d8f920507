package io.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.security.plain.PlainLoginModule;
import org.junit.jupiter.api.Test;

final class KafkaClassNamesTest {

  @Test
  void namesKafkaClassesAsThisJarHasThemAndLeavesOtherTextAlone() {
    String module = PlainLoginModule.class.getName();
    String written = "org.apache." + "kafka.common.security.plain.PlainLoginModule";
    String jaas = written + " required username=\"org.apache\" password=\"org.apache.kafkaesque\";";
    Properties translated =
        KafkaClassNames.translate(
            Map.of("sasl.jaas.config", jaas, "bootstrap.servers", "kafka.example.org:9092"));
    assertEquals(jaas.replace(written, module), translated.getProperty("sasl.jaas.config"));
    assertEquals("kafka.example.org:9092", translated.getProperty("bootstrap.servers"));
    assertEquals(2, translated.size());
  }
}
