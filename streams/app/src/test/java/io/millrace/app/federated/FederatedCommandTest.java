package io.millrace.app.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.federated.Digests;
import io.millrace.runtime.ConfigurationException;
import io.millrace.schema.ModelChunk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the commands do before they meet a broker. */
class FederatedCommandTest {
  @TempDir private Path directory;

  @Test
  void cutsAModelIntoChunksThatTogetherAreItsFile() throws IOException {
    Path values = floats(23);
    ModelFile file =
        read(
            "{\"chunk-length\": 10, \"layers\": [{\"name\": \"w\", \"shape\": [7, 3]}, "
                + "{\"name\": \"b\", \"shape\": [2]}]}",
            values);
    assertEquals(3, file.chunkCount());
    assertEquals(21, file.definition().getLayers().get(1).getOffset());
    assertArrayEquals(Digests.of(file.definition()), file.definition().getSchemaHash().array());
    ByteBuffer joined = ByteBuffer.allocate(23 * Float.BYTES);
    try (FileChannel numbers = file.open()) {
      for (int number = 0; number < 3; number++) {
        ModelChunk chunk = file.chunk(numbers, number);
        assertEquals(number, chunk.getChunk());
        assertArrayEquals(Digests.of(chunk), chunk.getDigest().array());
        joined.put(chunk.getValues().duplicate());
      }
    }
    assertArrayEquals(Files.readAllBytes(values), joined.array());
  }

  @Test
  void makesChunksAsLongAsARecordCanBeUnlessTold() throws IOException {
    ModelFile file = read("{\"layers\": [{\"name\": \"w\", \"shape\": [23]}]}", floats(23));
    assertEquals(245_760, file.definition().getChunkLength());
    assertEquals(1, file.chunkCount());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"layers\": []} | no layers",
        "{\"layers\": [{\"name\": \"w\"}]} | a layer without name or shape",
        "{\"layers\": [{\"name\": \"w\", \"shape\": [0]}]} | shape [0] of w",
        "{\"layers\": [{\"name\": \"w\", \"shape\": [1099511627776]}]} | Numeric value",
        "{\"layers\": [{\"name\": \"w\", \"shape\": [1048576, 1048577]}]} | shape [1048576",
        "{\"layers\": [{\"name\": \"w\", \"shape\": [24]}]} | 92 bytes, expected 96",
        "{\"chunk-length\": 245761, \"layers\": [{\"name\": \"w\", \"shape\": [23]}]} |"
            + " chunk-length",
        "{\"colour\": 1, \"layers\": []} | Unrecognized field",
        "[] | Cannot deserialize",
      })
  void refusesDefinitionsThatDoNotFit(String definition, String expected) throws IOException {
    Path values = floats(23);
    String message =
        assertThrows(ConfigurationException.class, () -> read(definition, values)).getMessage();
    assertTrue(message.contains(expected), message);
    assertEquals(1, message.lines().count(), message);
  }

  private ModelFile read(String definition, Path values) throws IOException {
    Path file = Files.writeString(directory.resolve("definition.json"), definition);
    return ModelFile.read("m", file, values, Float.BYTES, 245_760);
  }

  private Path floats(int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(count * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      bytes.putFloat(i + 0.5f);
    }
    return Files.write(directory.resolve("values"), bytes.array());
  }
}
