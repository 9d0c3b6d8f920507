package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.schema.ClientCommit;
import io.millrace.schema.Contribution;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.ModelDefinition;
import io.millrace.schema.ModelLayer;
import io.millrace.schema.Rejection;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateTask;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificRecord;
import org.apache.avro.util.Utf8;
import org.junit.jupiter.api.Test;

/** What is hashed of each record: its bytes by hand, and that no field is left out. */
class DigestsTest {
  private static ByteBuffer bytes(int... values) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return ByteBuffer.wrap(bytes);
  }

  private static UpdateTask task() {
    return new UpdateTask("m", "ada", 7L, 3L, 2L, -9L, 11L, bytes(1, 2));
  }

  private static ModelDefinition definition() {
    return new ModelDefinition(
        "m", 12L, 5, List.of(new ModelLayer("w", 0L, List.of(3, 4))), bytes(8));
  }

  private static ModelChunk modelChunk() {
    return new ModelChunk("m", 1L, 2, 3, bytes(4), 4, bytes(5, 6), bytes(7), bytes(8));
  }

  private static UpdateChunk updateChunk() {
    return new UpdateChunk(task(), 2, 3, bytes(4), "plain", bytes(5), bytes(6, 7), bytes(8));
  }

  private static ClientCommit clientCommit() {
    return new ClientCommit(
        task(), 3, bytes(5), 0.25, 10, 20, List.of(1f, 2f), Map.of("loss", 0.5), bytes(9));
  }

  private static VersionCommit versionCommit() {
    return VersionCommit.newBuilder()
        .setModel("m")
        .setVersion(4)
        .setParent(3)
        .setRound(9)
        .setChunkDigests(List.of(bytes(1), bytes(2, 3)))
        .setContributions(List.of(new Contribution("ada", 7L, 5, 0.5, bytes(4), 0.25f, 20, 1L)))
        .setRejected(List.of(new Rejection("eve", 8L, "NORM", "too long")))
        .setRule("fedavg")
        .setSettingsHash(bytes(6))
        .setEpsilon(1.5)
        .setDelta(1e-5)
        .setMeasures(Map.of("loss", 0.5))
        .setOpenedMicros(100)
        .setTimeMicros(200)
        .setLineage(bytes(7))
        .build();
  }

  @Test
  void numbersTextsAndBytesAreWrittenAsTheRuleSays() {
    byte[] written =
        new CanonicalBytes("d").number(-2L).number(1.0).text("ä").bytes(bytes(1, 2)).toBytes();
    assertEquals(
        "0000000000000001"
            + "64"
            + "fffffffffffffffe"
            + "3ff0000000000000"
            + "0000000000000002"
            + "c3a4"
            + "0000000000000002"
            + "0102",
        HexFormat.of().formatHex(written));
  }

  @Test
  void aBufferIsReadFromItsPositionAndLeftThere() {
    ByteBuffer buffer = bytes(0, 1, 2, 3).position(1).limit(3);
    byte[] written = new CanonicalBytes("d").bytes(buffer).toBytes();
    assertArrayEquals(new CanonicalBytes("d").bytes(new byte[] {1, 2}).toBytes(), written);
    assertEquals(1, buffer.position());
    assertEquals(3, buffer.limit());
  }

  @Test
  void sha256IsThatOfTheStandard() {
    assertEquals(
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        HexFormat.of().formatHex(CanonicalBytes.sha256(new byte[] {'a', 'b', 'c'})));
  }

  @Test
  void aDefinitionIsHashedInAllFieldsButItsHash() {
    eachFieldCounts(definition(), Digests::of, Set.of("schemaHash"));
  }

  @Test
  void aModelChunkIsHashedInWhatItHolds() {
    eachFieldCounts(
        modelChunk(), Digests::of, Set.of("chunkCount", "schemaHash", "elementBytes", "digest"));
  }

  @Test
  void anUpdateChunkIsHashedInWhatItHolds() {
    eachFieldCounts(updateChunk(), Digests::of, Set.of("chunkCount", "schemaHash", "digest"));
  }

  @Test
  void aCommitIsSignedInAllFieldsButItsSignature() {
    eachFieldCounts(clientCommit(), Digests::signed, Set.of("signature"));
  }

  @Test
  void aTaskIsVouchedForInAllFieldsButTheAuthenticator() {
    eachFieldCounts(task(), Digests::vouched, Set.of("authenticator"));
  }

  @Test
  void lineageNamesAllFieldsAndTheParents() {
    ByteBuffer parent = bytes(1, 2, 3);
    eachFieldCounts(versionCommit(), commit -> Digests.lineage(commit, parent), Set.of("lineage"));
    assertNotEquals(
        HexFormat.of().formatHex(Digests.lineage(versionCommit(), parent)),
        HexFormat.of().formatHex(Digests.lineage(versionCommit(), bytes(1, 2))));
  }

  @Test
  void measuresHaveOneOrder() {
    ClientCommit one = clientCommit();
    one.setMeasures(new LinkedHashMap<>(Map.of("a", 1.0)));
    one.getMeasures().put("b", 2.0);
    ClientCommit other = clientCommit();
    other.setMeasures(new LinkedHashMap<>(Map.of("b", 2.0)));
    other.getMeasures().put("a", 1.0);
    assertArrayEquals(Digests.signed(one), Digests.signed(other));
  }

  @Test
  void recordsOfTwoKindsHaveNoDigestInCommon() {
    Set<String> digests = new HashSet<>();
    HexFormat hex = HexFormat.of();
    digests.add(hex.formatHex(Digests.of(definition())));
    digests.add(hex.formatHex(Digests.of(modelChunk())));
    digests.add(hex.formatHex(Digests.of(updateChunk())));
    digests.add(hex.formatHex(Digests.lineage(versionCommit(), bytes())));
    digests.add(hex.formatHex(CanonicalBytes.sha256(Digests.signed(clientCommit()))));
    digests.add(hex.formatHex(CanonicalBytes.sha256(Digests.vouched(task()))));
    assertEquals(6, digests.size());
  }

  /** Changes every field, nested ones too, and looks whether the digest moves. */
  private static <R extends SpecificRecord> void eachFieldCounts(
      R record, java.util.function.Function<R, byte[]> digest, Set<String> notHashed) {
    byte[] before = digest.apply(record);
    Set<String> silent = new HashSet<>();
    List<String> changed = new ArrayList<>();
    change(
        record,
        "",
        field -> {
          changed.add(field);
          if (Arrays.equals(before, digest.apply(record))) {
            silent.add(field);
          }
        });
    assertTrue(changed.size() > 3, changed.toString());
    assertEquals(notHashed, silent);
    assertArrayEquals(before, digest.apply(record), "fields were put back");
  }

  private static void change(
      SpecificRecord record, String path, java.util.function.Consumer<String> look) {
    for (Schema.Field field : record.getSchema().getFields()) {
      Object value = record.get(field.pos());
      String name = path + field.name();
      if (value instanceof SpecificRecord nested) {
        change(nested, name + ".", look);
      } else {
        record.put(field.pos(), other(value, name, look));
        look.accept(name);
        record.put(field.pos(), value);
      }
    }
  }

  private static Object other(Object value, String name, java.util.function.Consumer<String> look) {
    if (value instanceof Long number) {
      return number + 1;
    } else if (value instanceof Integer number) {
      return number + 1;
    } else if (value instanceof Float number) {
      return number + 1;
    } else if (value instanceof Double number) {
      return number + 1;
    } else if (value instanceof ByteBuffer bytes) {
      return ByteBuffer.allocate(bytes.remaining() + 1);
    } else if (value instanceof String || value instanceof Utf8) {
      return value + "x";
    } else if (value instanceof Map<?, ?>) {
      return new LinkedHashMap<>(Map.of("loss", 0.75));
    } else if (value instanceof List<?> list) {
      if (list.get(0) instanceof SpecificRecord nested) {
        change(nested, name + "[].", look);
      }
      return List.of();
    }
    throw new AssertionError("field " + name + " of " + value.getClass());
  }
}
