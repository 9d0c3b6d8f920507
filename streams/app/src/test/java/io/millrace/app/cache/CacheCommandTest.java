package io.millrace.app.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the commands print and write, without a broker. */
class CacheCommandTest {
  @TempDir private Path directory;
  private final StringWriter text = new StringWriter();
  private final CacheStore store = PlantedCache.store();
  private final PlantedCache acme = new PlantedCache("acme", "s1", 60, 1);

  @Test
  void verifyFindsNothingWrongInWhatTheOperatorWrote() {
    acme.into(store);
    new PlantedCache("rival", "s1", 45, 2).into(store);
    assertTrue(verify(""), text.toString());
    assertTrue(text.toString().startsWith("2 head groups"), text.toString());
  }

  @Test
  void verifyNamesADamagedRecordAndOneWhoseKeyIsNone() {
    acme.into(store);
    Map<String, byte[]> records = acme.records();
    String key = records.keySet().stream().skip(2).findFirst().get();
    byte[] bad = records.get(key);
    bad[bad.length / 2] ^= 1;
    PlantedCache.put(store, key, bad);
    PlantedCache.put(store, "stray", new byte[] {1});
    assertFalse(verify(""));
    assertTrue(text.toString().contains(key + ": "), text.toString());
    assertTrue(text.toString().contains("stray: "), text.toString());
    assertTrue(verify("another-session"));
  }

  @Test
  void aGroupOfWhichOnlyDamageIsLeftIsVerifiedToo() {
    Map<String, byte[]> records = acme.records();
    records.keySet().forEach(key -> PlantedCache.put(store, key, new byte[] {7}));
    assertFalse(verify("s1"));
    assertEquals(records.size() + 1, text.toString().lines().count(), text.toString());
  }

  @Test
  void listTellsTokensTiersAndBits() {
    acme.into(store);
    ListCommand.print(
        new PrintWriter(text), store.read(view -> CacheListing.of(view.table(), "acme")));
    String line = text.toString().lines().skip(1).findFirst().orElse("");
    assertTrue(line.startsWith("acme/tiny/00ff/s1 "), line);
    assertTrue(line.contains(" 60 ") && line.contains("EXACT "), line);
    assertTrue(text.toString().endsWith("1 sessions" + System.lineSeparator()), text.toString());
  }

  @Test
  void aNumpyFileHasAHeaderThatNumpyReads() throws Exception {
    float[] values = PlantedCache.floats(new Random(3), 40_000 * 2);
    Path file = directory.resolve("keys.npy");
    TensorFile.write(file, values, 2, 4, Map.of());
    byte[] bytes = Files.readAllBytes(file);
    int header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getShort(8);
    assertEquals((byte) 0x93, bytes[0]);
    assertEquals(0, (10 + header) % 64);
    assertEquals('\n', bytes[10 + header - 1]);
    assertEquals(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (10000, 2, 4), }",
        new String(bytes, 10, header, StandardCharsets.US_ASCII).trim());
    assertArrayEquals(
        values, LittleEndian.floats(Arrays.copyOfRange(bytes, 10 + header, bytes.length)));
  }

  @Test
  void aRawFileHasItsShapeBesideIt() throws Exception {
    Path file = directory.resolve("values.f32");
    TensorFile.write(file, new float[] {1, 2, 3, 4}, 1, 2, Map.of("session", "s1"));
    assertArrayEquals(new float[] {1, 2, 3, 4}, LittleEndian.floats(Files.readAllBytes(file)));
    var json = new ObjectMapper().readTree(directory.resolve("values.f32.json").toFile());
    assertEquals("[2,1,2]", json.get("shape").toString());
    assertEquals("s1", json.get("session").textValue());
  }

  private boolean verify(String session) {
    return store.read(view -> VerifyCommand.report(view, session, new PrintWriter(text)));
  }
}
