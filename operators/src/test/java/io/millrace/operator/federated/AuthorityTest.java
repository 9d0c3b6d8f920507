package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.schema.AuthorisedRecord;
import io.millrace.schema.UpdateTask;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Against HMAC as RFC 2104 writes it down, itself held against the vectors of RFC 4231. */
class AuthorityTest {
  private static final byte[] MASTER = "sixteen bytes and some more".getBytes(StandardCharsets.UTF_8);
  private static final byte[] RECORD = {1, 2, 3, 4, 5};

  /** H((key ^ opad) H((key ^ ipad) text)). */
  private static byte[] hmac(byte[] key, byte[] text) throws Exception {
    MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
    byte[] block = Arrays.copyOf(key.length > 64 ? sha256.digest(key) : key, 64);
    for (byte pad : new byte[] {0x36, 0x5c}) {
      byte[] padded = new byte[64];
      for (int i = 0; i < 64; i++) {
        padded[i] = (byte) (block[i] ^ pad);
      }
      sha256.update(padded);
      text = sha256.digest(text);
    }
    return text;
  }

  /** Texts and numbers as their records are hashed, written down once more. */
  private static byte[] canonical(Object... fields) throws Exception {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (Object field : fields) {
      if (field instanceof Long number) {
        bytes.writeBytes(ByteBuffer.allocate(8).putLong(number).array());
      } else {
        byte[] value =
            field instanceof String text ? text.getBytes(StandardCharsets.UTF_8) : (byte[]) field;
        bytes.writeBytes(ByteBuffer.allocate(8).putLong(value.length).array());
        bytes.writeBytes(value);
      }
    }
    return bytes.toByteArray();
  }

  private static UpdateTask task() {
    return new UpdateTask("m", "ada", 7L, 3L, 2L, -9L, 1_000_000L, ByteBuffer.allocate(0));
  }

  @Test
  void theReferenceIsHmacOfTheStandard() throws Exception {
    HexFormat hex = HexFormat.of();
    byte[] key = new byte[20];
    Arrays.fill(key, (byte) 0x0b);
    assertEquals(
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        hex.formatHex(hmac(key, "Hi There".getBytes(StandardCharsets.UTF_8))));
    assertEquals(
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        hex.formatHex(
            hmac(
                "Jefe".getBytes(StandardCharsets.UTF_8),
                "what do ya want for nothing?".getBytes(StandardCharsets.UTF_8))));
    byte[] longKey = new byte[131];
    Arrays.fill(longKey, (byte) 0xaa);
    assertEquals(
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        hex.formatHex(
            hmac(
                longKey,
                "Test Using Larger Than Block-Size Key - Hash Key First"
                    .getBytes(StandardCharsets.UTF_8))));
  }

  @Test
  void recordsAndTasksHaveTheAuthenticatorsOfTheStandard() throws Exception {
    Authority authority = new Authority(MASTER);
    byte[] recordsKey = hmac(MASTER, canonical("records"));
    byte[] tasksKey = hmac(MASTER, canonical("tasks"));
    assertArrayEquals(
        hmac(recordsKey, canonical("record", "m/000001", RECORD)),
        CanonicalBytes.array(authority.authorise("m/000001", RECORD).getAuthenticator()));
    assertArrayEquals(
        hmac(tasksKey, canonical("update-task", "m", "ada", 7L, 3L, 2L, -9L, 1_000_000L)),
        CanonicalBytes.array(authority.vouch(task()).getAuthenticator()));
  }

  @Test
  void whatWasAuthorisedIsOpenedUnderItsKeyAlone() {
    Authority authority = new Authority(MASTER);
    AuthorisedRecord record = authority.authorise("m/000001", RECORD);
    assertArrayEquals(RECORD, new Authority(MASTER).open("m/000001", record));
    refused(() -> authority.open("m/000002", record));
    refused(() -> new Authority(new byte[16]).open("m/000001", record));
    for (int bit = 0; bit < 256; bit++) {
      byte[] mac = CanonicalBytes.array(record.getAuthenticator());
      mac[bit / 8] ^= (byte) (1 << bit % 8);
      AuthorisedRecord forged = new AuthorisedRecord(record.getRecord(), ByteBuffer.wrap(mac));
      refused(() -> authority.open("m/000001", forged));
    }
    for (byte[] mac : List.of(new byte[0], new byte[31], new byte[33])) {
      AuthorisedRecord forged = new AuthorisedRecord(record.getRecord(), ByteBuffer.wrap(mac));
      refused(() -> authority.open("m/000001", forged));
    }
    refused(
        () ->
            authority.open(
                "m/000001",
                new AuthorisedRecord(
                    ByteBuffer.wrap(new byte[] {1, 2, 3, 4, 6}), record.getAuthenticator())));
  }

  @Test
  void aTaskIsVouchedForInAllItsFields() {
    Authority authority = new Authority(MASTER);
    authority.require(authority.vouch(task()));
    List<Consumer<UpdateTask>> changes =
        List.of(
            task -> task.setModel("n"),
            task -> task.setClient("eve"),
            task -> task.setSequence(8L),
            task -> task.setRound(4L),
            task -> task.setBaseVersion(3L),
            task -> task.setSeed(9L),
            task -> task.setExpiresMicros(2_000_000L),
            task -> task.setAuthenticator(ByteBuffer.allocate(0)),
            // the same letters, cut elsewhere
            task -> {
              task.setModel("ma");
              task.setClient("da");
            });
    for (Consumer<UpdateTask> change : changes) {
      UpdateTask forged = authority.vouch(task());
      change.accept(forged);
      refused(() -> authority.require(forged));
    }
  }

  @Test
  void aRecordsAuthenticatorIsNoTasks() {
    Authority authority = new Authority(MASTER);
    AuthorisedRecord record = authority.authorise("m", Digests.vouched(task()));
    UpdateTask forged = task();
    forged.setAuthenticator(record.getAuthenticator());
    refused(() -> authority.require(forged));
  }

  @Test
  void noiseDependsOnTheMasterKey() {
    double[] noise = new Authority(MASTER).noise().chunk("m", 1, 0, 4, 1);
    assertArrayEquals(noise, new Authority(MASTER.clone()).noise().chunk("m", 1, 0, 4, 1));
    assertNotEquals(noise[0], new Authority(new byte[32]).noise().chunk("m", 1, 0, 4, 1)[0]);
  }

  @Test
  void aShortMasterKeyIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> new Authority(new byte[15]));
  }

  private static void refused(org.junit.jupiter.api.function.Executable use) {
    assertEquals(
        Reason.UNAUTHORISED, assertThrows(InvalidInputException.class, use).reason());
  }
}
