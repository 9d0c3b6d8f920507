package io.millrace.schema;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.List;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaCompatibility.SchemaCompatibilityType;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SchemaHistoryTest {

  static Stream<Schema> current() {
    return Stream.concat(
        FilledRecords.all().map(SpecificRecord::getSchema),
        Stream.of(
            SensorReading.getClassSchema(),
            SparseCode.getClassSchema(),
            Anomaly.getClassSchema(),
            DictionaryVersion.getClassSchema(),
            DictionaryStatistics.getClassSchema(),
            KeyValueBlock.getClassSchema(),
            SessionEnd.getClassSchema(),
            QueryMoments.getClassSchema(),
            KeyValuePage.getClassSchema(),
            KeyValueSummary.getClassSchema(),
            KeyValueSample.getClassSchema(),
            BasisVersion.getClassSchema(),
            HeadBudget.getClassSchema(),
            DeadLetter.getClassSchema(),
            Metric.getClassSchema()));
  }

  @ParameterizedTest
  @MethodSource("current")
  void newestReleasedVersionIsTheCurrentSchema(Schema schema) {
    List<Schema> released = SchemaHistory.shipped().versions(schema.getName());

    assertFalse(released.isEmpty(), "no history for " + schema.getName());
    assertEquals(
        SchemaNormalization.toParsingForm(schema),
        SchemaNormalization.toParsingForm(released.get(released.size() - 1)),
        schema.getName()
            + " changed: add history/"
            + schema.getName()
            + "."
            + (released.size() + 1)
            + ".avsc with "
            + schema);
  }

  @ParameterizedTest
  @MethodSource("current")
  void everyReleasedVersionReadsAndIsReadByTheCurrentSchema(Schema schema) {
    for (Schema released : SchemaHistory.shipped().versions(schema.getName())) {
      assertEquals(
          SchemaCompatibilityType.COMPATIBLE,
          SchemaCompatibility.checkReaderWriterCompatibility(schema, released).getType(),
          "current reads released " + released);
      assertEquals(
          SchemaCompatibilityType.COMPATIBLE,
          SchemaCompatibility.checkReaderWriterCompatibility(released, schema).getType(),
          "released reads current " + released);
    }
  }
}
