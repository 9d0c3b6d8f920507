package io.millrace.schema;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaFormatter;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificRecord;

/**
 * Records with every field filled from its schema, each number with another one: what the records
 * of federated learning are tested with.
 */
final class FilledRecords {
  private static final SpecificData DATA = new KnownClasses();

  private final Schema schema;
  private int number;

  private FilledRecords(Schema schema) {
    this.schema = schema;
  }

  static Stream<SpecificRecord> all() {
    return Stream.of(
            ModelDefinition.getClassSchema(),
            ModelChunk.getClassSchema(),
            TaskRequest.getClassSchema(),
            TaskOffer.getClassSchema(),
            UpdateChunk.getClassSchema(),
            ClientCommit.getClassSchema(),
            AuthorisedRecord.getClassSchema(),
            ClientKey.getClassSchema(),
            RoundTick.getClassSchema(),
            RoundFreeze.getClassSchema(),
            ChunkReceipt.getClassSchema(),
            ChunkGram.getClassSchema(),
            RoundDecision.getClassSchema(),
            ChunkDone.getClassSchema(),
            VersionCommit.getClassSchema(),
            ModelPointer.getClassSchema(),
            PrivacyAccount.getClassSchema(),
            ClientMemory.getClassSchema(),
            CodecPlan.getClassSchema(),
            RoundStatus.getClassSchema(),
            UpdateOutcome.getClassSchema(),
            MaskKeys.getClassSchema(),
            MaskCohort.getClassSchema(),
            MaskShares.getClassSchema(),
            MaskDelivery.getClassSchema(),
            MaskSurvivors.getClassSchema(),
            MaskReveal.getClassSchema())
        .map(schema -> (SpecificRecord) new FilledRecords(schema).record());
  }

  /**
   * Writes the schema history of new records, {@code FilledRecords HISTORY}, or, once that is on
   * the class path, their golden bytes, {@code FilledRecords HISTORY GOLDEN}. Files that are there
   * stay.
   */
  public static void main(String[] folders) throws IOException {
    for (SpecificRecord record : all().toList()) {
      String name = record.getSchema().getName() + ".1.";
      String schema = SchemaFormatter.format("json/pretty", record.getSchema());
      write(Path.of(folders[0], name + "avsc"), schema.getBytes(StandardCharsets.UTF_8));
      if (folders.length > 1) {
        write(Path.of(folders[1], name + "bin"), encode(record));
      }
    }
  }

  @SuppressWarnings("unchecked")
  private static <T extends SpecificRecord> byte[] encode(T record) {
    return SingleObject.of((Class<T>) record.getClass()).encode(record);
  }

  private static void write(Path file, byte[] bytes) throws IOException {
    if (!Files.exists(file)) {
      Files.write(file, bytes);
    }
  }

  private Object record() {
    return value(schema);
  }

  private Object value(Schema type) {
    number++;
    return switch (type.getType()) {
      case RECORD -> {
        SpecificRecord record = (SpecificRecord) DATA.newRecord(null, type);
        for (Schema.Field field : type.getFields()) {
          record.put(field.pos(), value(field.schema()));
        }
        yield record;
      }
      case ENUM -> DATA.createEnum(type.getEnumSymbols().get(1), type);
      // two, so that the block of an array is more than its element
      case ARRAY ->
          new ArrayList<>(List.of(value(type.getElementType()), value(type.getElementType())));
      case MAP -> Map.of("loss", value(type.getValueType()));
      case STRING -> "text-" + number;
      case BYTES -> ByteBuffer.wrap(new byte[] {(byte) number, -1, 7});
      case INT -> 100 + number;
      case LONG -> 1L << (20 + number % 40);
      case FLOAT -> number + 0.5f;
      case DOUBLE -> -number - 0.25;
      case BOOLEAN -> true;
      default -> throw new IllegalArgumentException("no value for " + type);
    };
  }
}
