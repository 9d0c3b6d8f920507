package io.millrace.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.millrace.operator.federated.AveragingMethod;
import io.millrace.operator.federated.TaskParameters;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.MaskCohort;
import io.millrace.schema.MaskDelivery;
import io.millrace.schema.MaskMember;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.UnreadableRecordException;
import io.millrace.schema.UpdateChunk;
import io.millrace.schema.UpdateTask;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a client keeps, as bytes and as a file. */
class ClientStateCodecTest {
  private final ClientStateCodec codec = new ClientStateCodec();

  @TempDir private Path directory;

  @Test
  void aStateSurvivesItsBytes() {
    byte[] bytes = codec.encode(state());
    ClientState read = codec.decode(bytes);
    assertEquals(41, read.lastSequence());
    assertEquals(state().open(), read.open());
    assertArrayEquals(state().remembered().get().memories(), read.remembered().get().memories());
    assertEquals(state().remembered().get().parameters(), read.remembered().get().parameters());
    assertArrayEquals(bytes, codec.encode(read));
    MaskState masks = read.masks().orElseThrow();
    assertArrayEquals(state().masks().orElseThrow().secret(), masks.secret());
    assertEquals(state().masks().orElseThrow().offer(), masks.offer());
    assertEquals(state().masks().orElseThrow().cohort(), masks.cohort());
    assertEquals(state().masks().orElseThrow().delivery(), masks.delivery());
    assertEquals(Optional.empty(), masks.survivors());
    ClientState empty = codec.decode(codec.encode(ClientState.empty("m", "ada")));
    assertEquals(ClientState.empty("m", "ada"), empty);
  }

  /** Released bytes stay readable: the files are never edited. */
  @Test
  void theGoldenFilesOfAllVersionsDecode() throws IOException {
    ClientState first = codec.decode(golden(1));
    assertEquals(41, first.lastSequence());
    assertEquals(state().open(), first.open());
    assertEquals(Optional.empty(), first.masks());
    assertArrayEquals(golden(2), codec.encode(state()));
    assertEquals(41, codec.decode(golden(2)).lastSequence());
  }

  private byte[] golden(int version) throws IOException {
    try (InputStream in =
        getClass().getResourceAsStream("/golden/client-state." + version + ".bin")) {
      return in.readAllBytes();
    }
  }

  @Test
  void damagedBytesAreRefused() {
    byte[] bytes = codec.encode(state());
    for (int length = 0; length < bytes.length; length++) {
      byte[] cut = Arrays.copyOf(bytes, length);
      assertThrows(IllegalArgumentException.class, () -> codec.decode(cut), "cut at " + length);
    }
    for (int i = 0; i < bytes.length; i++) {
      byte[] flipped = bytes.clone();
      flipped[i] ^= 0x10;
      assertThrows(IllegalArgumentException.class, () -> codec.decode(flipped), "byte " + i);
    }
  }

  /** With a digest that fits: no bounds are broken and no more memory is taken than there is. */
  @Test
  void forgedBytesAreRefusedOrReadAsSomeState() throws Exception {
    byte[] bytes = codec.encode(state());
    for (int i = 0; i < bytes.length - 32; i++) {
      for (int value : new int[] {0, 1, 0x7f, 0x80, 0xff}) {
        byte[] forged = bytes.clone();
        forged[i] = (byte) value;
        MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
        sha256.update(forged, 0, forged.length - 32);
        System.arraycopy(sha256.digest(), 0, forged, forged.length - 32, 32);
        try {
          codec.decode(forged);
        } catch (IllegalArgumentException | UnreadableRecordException refused) {
          // the other fit answer
        }
      }
    }
  }

  @Test
  void aStoreGivesBackWhatItGotLast() throws IOException {
    Path file = directory.resolve("ada.state");
    FileStore store = new FileStore(file);
    assertEquals(Optional.empty(), store.load());
    store.save(new byte[] {1, 2, 3});
    store.save(new byte[] {4});
    assertArrayEquals(new byte[] {4}, new FileStore(file).load().orElseThrow());
    assertFalse(Files.exists(directory.resolve("ada.state.new")));
    if (Files.getFileStore(file).supportsFileAttributeView("posix")) {
      assertEquals(2, Files.getPosixFilePermissions(file).size(), "its owner reads and writes");
    }
    // what a crash in the middle of a save leaves behind changes nothing
    Files.write(directory.resolve("ada.state.new"), new byte[] {9, 9});
    assertArrayEquals(new byte[] {4}, new FileStore(file).load().orElseThrow());
    store.save(new byte[] {5});
    assertArrayEquals(new byte[] {5}, store.load().orElseThrow());
    FileStore nowhere = new FileStore(directory.resolve("none").resolve("x"));
    assertThrows(UncheckedIOException.class, () -> nowhere.save(new byte[1]));
  }

  @Test
  void anIdentityStaysTheSameInItsFileAndIsPrivate() throws IOException {
    Path file = directory.resolve("ada.key");
    ClientIdentity made = ClientIdentity.in(file);
    ClientIdentity read = ClientIdentity.in(file);
    assertArrayEquals(made.publicKey(), read.publicKey());
    assertArrayEquals(made.secret(), read.secret());
    assertArrayEquals(made.sign(new byte[] {1}), read.sign(new byte[] {1}));
    if (Files.getFileStore(file).supportsFileAttributeView("posix")) {
      assertEquals(2, Files.getPosixFilePermissions(file).size());
    }
    Path other = directory.resolve("other");
    Files.write(other, new byte[10]);
    assertThrows(IOException.class, () -> ClientIdentity.in(other));
    Files.write(other, new byte[100]);
    assertThrows(IOException.class, () -> ClientIdentity.in(other));
  }

  @Test
  void anothersStateIsRefused() {
    ClientStore store = ClientStore.inMemory();
    store.save(codec.encode(ClientState.empty("m", "ada")));
    ClientSettings bob = ClientSettings.of("m", "bob", ClientIdentity.random());
    LocalTraining none = task -> new TrainedModel(task.start(), 1, 1, Map.of());
    assertThrows(IllegalArgumentException.class, () -> new FederatedClient(bob, none, store));
  }

  static ClientState state() {
    UpdateTask task = new UpdateTask("m", "ada", 41L, 4L, 3L, 99L, 7L, fill(32, 5));
    UpdateChunk chunk =
        new UpdateChunk(
            task, 0, 1, fill(32, 1), "plain", fill(8, 2), ByteBuffer.allocate(0), fill(32, 3));
    ClientCommit commit =
        new ClientCommit(
            task, 1, fill(32, 4), 0.5, 10, 3, List.of(0.25f), Map.of("loss", 1.5), fill(64, 6));
    TaskParameters parameters =
        TaskParameters.of(Map.of(TaskParameters.MOMENTUM, 0.2, TaskParameters.STEPS, 10.0));
    byte[] memory = new byte[2 * 16];
    for (int i = 0; i < memory.length; i += 8) {
      memory[i] = (byte) (i + 1);
    }
    Remembered remembered =
        new Remembered(AveragingMethod.SCAFCOM, parameters, new int[] {2}, new byte[][] {memory});
    OpenUpdate open = new OpenUpdate(commit, List.of(chunk), true);
    TaskOffer offer =
        new TaskOffer(
            task,
            1,
            fill(32, 1),
            "masked",
            -1L,
            List.of("plain"),
            "fedavg",
            Map.of("clip", 2.0),
            List.of());
    MaskMember member = new MaskMember("ada", 41L, fill(32, 7), fill(32, 8), fill(64, 9));
    MaskState masks =
        MaskState.of(offer, fill(32, 10).array())
            .with(new MaskCohort("m", 4L, List.of(member), 2, 0, 11L, 0.5f, 3L, 1))
            .with(new MaskDelivery("m", 4L, "ada", List.of(0), List.of()));
    return new ClientState(
        "m", "ada", 41, Optional.of(remembered), List.of(open), Optional.of(masks));
  }

  private static ByteBuffer fill(int length, int value) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) value);
    return ByteBuffer.wrap(bytes);
  }
}
