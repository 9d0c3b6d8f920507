package io.millrace.schema;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;

/**
 * Every schema version ever released, by record name and by CRC-64-AVRO fingerprint. Immutable and
 * thread-safe.
 */
public final class SchemaHistory {
  private static final SchemaHistory SHIPPED =
      load(
          List.of(
              "SensorReading",
              "SparseCode",
              "Anomaly",
              "DictionaryVersion",
              "DictionaryStatistics",
              "KeyValueBlock",
              "SessionEnd",
              "QueryMoments",
              "KeyValuePage",
              "KeyValueSummary",
              "KeyValueSample",
              "BasisVersion",
              "HeadBudget",
              "ModelDefinition",
              "ModelChunk",
              "TaskRequest",
              "TaskOffer",
              "UpdateChunk",
              "ClientCommit",
              "AuthorisedRecord",
              "ClientKey",
              "RoundTick",
              "RoundFreeze",
              "ChunkReceipt",
              "ChunkGram",
              "RoundDecision",
              "ChunkDone",
              "VersionCommit",
              "ModelPointer",
              "PrivacyAccount",
              "ClientMemory",
              "CodecPlan",
              "RoundStatus",
              "UpdateOutcome",
              "MaskKeys",
              "MaskCohort",
              "MaskShares",
              "MaskDelivery",
              "MaskSurvivors",
              "MaskReveal",
              "DeadLetter",
              "Metric"));

  private final Map<String, List<Schema>> versions = new HashMap<>();
  private final Map<Long, Schema> byFingerprint = new HashMap<>();

  private SchemaHistory() {}

  /** The history that ships with this release. */
  public static SchemaHistory shipped() {
    return SHIPPED;
  }

  /** Versions of a record by simple name, oldest first; empty for an unknown record. */
  public List<Schema> versions(String record) {
    return List.copyOf(versions.getOrDefault(record, List.of()));
  }

  /** Simple names of all records, in no particular order. */
  public List<String> records() {
    return List.copyOf(versions.keySet());
  }

  /** The schema with a fingerprint, or null when no released schema has it. */
  Schema withFingerprintOrNull(long fingerprint) {
    return byFingerprint.get(fingerprint);
  }

  private static SchemaHistory load(List<String> records) {
    SchemaHistory history = new SchemaHistory();
    for (String record : records) {
      List<Schema> released = new ArrayList<>();
      for (int number = 1; ; number++) {
        String name = "history/" + record + "." + number + ".avsc";
        try (InputStream file = SchemaHistory.class.getResourceAsStream(name)) {
          if (file == null) {
            break;
          }
          Schema schema = new Schema.Parser().parse(file);
          released.add(schema);
          history.byFingerprint.put(SchemaNormalization.parsingFingerprint64(schema), schema);
        } catch (IOException e) {
          throw new UncheckedIOException("schema history file " + name + " cannot be read", e);
        }
      }
      history.versions.put(record, released);
    }
    return history;
  }
}
