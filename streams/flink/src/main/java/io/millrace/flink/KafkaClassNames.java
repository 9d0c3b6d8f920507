package io.millrace.flink;

import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serializer;

/**
 * Class names in Kafka properties, such as that of a login module, as this jar knows them: the job
 * jar carries its own Kafka clients under another package name, next to those that a cluster has.
 */
final class KafkaClassNames {
  /** Put together here, since a literal would be renamed with the classes. */
  private static final String WRITTEN = String.join(".", "org", "apache", "kafka", "");

  private static final String LOADED =
      Serializer.class.getName().replace("common.serialization.Serializer", "");

  private KafkaClassNames() {}

  /** The properties with every Kafka class name as it is here. */
  static Properties translate(Map<String, String> properties) {
    return translate(properties, LOADED);
  }

  /**
   * @param loaded the package of Kafka's classes, with a dot at its end
   */
  static Properties translate(Map<String, String> properties, String loaded) {
    Properties translated = new Properties();
    properties.forEach((key, value) -> translated.put(key, value.replace(WRITTEN, loaded)));
    return translated;
  }
}
