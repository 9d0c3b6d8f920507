package io.millrace.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.federated.Digests;
import io.millrace.schema.ModelChunk;
import io.millrace.schema.VersionCommit;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Versions are taken only as their commits say, and commits only as their history says. */
class ModelAssemblyTest {
  private static final ByteBuffer LAYOUT = ByteBuffer.wrap(new byte[32]);

  private final List<ModelChunk> chunks = List.of(chunk(0, 1, 2), chunk(1, 3));
  private final VersionCommit commit = commit(7, 6, ByteBuffer.wrap(new byte[32]));

  @Test
  void chunksInAnyOrderBecomeAVersion() {
    ModelAssembly assembly = new ModelAssembly(commit, LAYOUT, 2);
    assertTrue(assembly.accept(chunks.get(1)));
    assertEquals(List.of(0), assembly.missing());
    assertFalse(assembly.accept(chunks.get(1)), "twice");
    assertTrue(assembly.accept(chunks.get(0)));
    assertTrue(assembly.isComplete());
    assertArrayEquals(new double[] {1, 2, 3}, assembly.version().values());
    assertEquals(7, assembly.version().version());
  }

  @Test
  void aChunkWithAnythingChangedIsNotTaken() {
    refused(chunk -> chunk.getValues().put(0, (byte) 1));
    refused(chunk -> chunk.setControl(ByteBuffer.wrap(new byte[16])));
    refused(chunk -> chunk.setVersion(8L));
    refused(chunk -> chunk.setModel("others"));
    refused(chunk -> chunk.setChunk(1));
    refused(chunk -> chunk.setChunk(-1));
    refused(chunk -> chunk.setChunk(2));
    refused(chunk -> chunk.setSchemaHash(ByteBuffer.wrap(new byte[31])));
    refused(chunk -> chunk.setChunkCount(3));
    refused(chunk -> chunk.setElementBytes(0));
    refused(chunk -> chunk.setElementBytes(3));
    refused(chunk -> chunk.setElementBytes(-8));
  }

  /** A changed chunk with a digest to match is still not the one that the commit names. */
  @Test
  void aChunkThatNamesItsOwnDigestIsNotTaken() {
    refused(
        chunk -> {
          chunk.getValues().put(7, (byte) 0x40);
          chunk.setDigest(ByteBuffer.wrap(Digests.of(chunk)));
        });
  }

  @Test
  void theRightChunkIsTakenAfterAWrongOne() {
    ModelAssembly assembly = new ModelAssembly(commit, LAYOUT, 2);
    ModelChunk wrong = copy(chunks.get(0));
    wrong.getValues().put(0, (byte) 1);
    assertFalse(assembly.accept(wrong));
    assertTrue(assembly.refusal().contains("chunk 0 of version 7"), assembly.refusal());
    assertTrue(assembly.accept(chunks.get(0)));
    assertThrows(IllegalStateException.class, assembly::version);
  }

  @Test
  void numbersThatAreNotFiniteAreNotTaken() {
    ModelChunk poisoned = chunk(0, Double.NaN, 2);
    VersionCommit vouched = commit(7, 6, ByteBuffer.wrap(new byte[32]));
    vouched.setChunkDigests(List.of(poisoned.getDigest(), chunks.get(1).getDigest()));
    assertFalse(new ModelAssembly(vouched, LAYOUT, 2).accept(poisoned));
  }

  @Test
  void aCommitOfAnotherNumberOfChunksIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> new ModelAssembly(commit, LAYOUT, 3));
  }

  @Test
  void aHistoryThatWasChangedIsRefused() {
    VersionCommit first = commit(0, -1, ByteBuffer.allocate(0));
    VersionCommit second = commit(1, 0, first.getLineage());
    VersionLog log = new VersionLog();
    log.accept(first);
    log.accept(second);
    log.accept(second);
    assertEquals(second, log.version(1).orElseThrow());

    VersionCommit third = commit(2, 1, second.getLineage());
    third.setEpsilon(0.5);
    assertThrows(IllegalArgumentException.class, () -> log.accept(third));
    assertTrue(log.version(2).isEmpty());
    VersionCommit stranger = commit(2, 1, first.getLineage());
    assertThrows(IllegalArgumentException.class, () -> log.accept(stranger));
    VersionCommit other = commit(1, 0, first.getLineage());
    other.setRound(9L);
    other.setLineage(ByteBuffer.wrap(Digests.lineage(other, first.getLineage())));
    assertThrows(IllegalArgumentException.class, () -> log.accept(other), "an exchanged version");
    VersionCommit beginning = commit(0, -1, ByteBuffer.allocate(0));
    beginning.setRule("other");
    assertThrows(IllegalArgumentException.class, () -> new VersionLog().accept(beginning));
  }

  private void refused(Consumer<ModelChunk> change) {
    ModelAssembly assembly = new ModelAssembly(commit, LAYOUT, 2);
    ModelChunk changed = copy(chunks.get(0));
    change.accept(changed);
    assertFalse(assembly.accept(changed), changed.toString());
    assertEquals(List.of(0, 1), assembly.missing());
  }

  private static ModelChunk copy(ModelChunk chunk) {
    ModelChunk copy = ModelChunk.newBuilder(chunk).build();
    copy.setValues(ByteBuffer.wrap(Escrow.bytes(chunk.getValues())));
    return copy;
  }

  private static ModelChunk chunk(int index, double... numbers) {
    ByteBuffer values =
        ByteBuffer.allocate(numbers.length * Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    values.asDoubleBuffer().put(numbers);
    ModelChunk chunk =
        new ModelChunk(
            "m",
            7L,
            index,
            2,
            LAYOUT.duplicate(),
            Double.BYTES,
            values,
            ByteBuffer.allocate(0),
            ByteBuffer.allocate(0));
    chunk.setDigest(ByteBuffer.wrap(Digests.of(chunk)));
    return chunk;
  }

  private VersionCommit commit(long version, long parent, ByteBuffer parentLineage) {
    VersionCommit made =
        new VersionCommit(
            "m",
            version,
            parent,
            version,
            List.of(chunks.get(0).getDigest(), chunks.get(1).getDigest()),
            List.of(),
            List.of(),
            "fedavg",
            ByteBuffer.wrap(new byte[32]),
            0.0,
            0.0,
            Map.of("loss", 0.25),
            0L,
            5L,
            ByteBuffer.allocate(0));
    made.setLineage(ByteBuffer.wrap(Digests.lineage(made, parentLineage)));
    return made;
  }
}
