package io.millrace.kafka;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.dictionary.DictionaryModel;
import io.millrace.runtime.Following;
import io.millrace.schema.DataType;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SingleObject;
import io.millrace.schema.Tensor;
import io.millrace.schema.VersionCause;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class ModelFollowerTest {
  private static final String TOPIC = "p.dictionaries";
  private static final int PARTITIONS = 3;
  private static final int ATOMS = 6;
  private static final int LENGTH = 4;

  private final SingleObject<DictionaryVersion> framing = SingleObject.of(DictionaryVersion.class);
  private final MockConsumer<byte[], byte[]> consumer = new MockConsumer<>("earliest");
  private final Map<TopicPartition, Long> ends = new HashMap<>();
  private final ModelFollower follower =
      new ModelFollower(consumer, Following.dictionary(TOPIC, "shapes"));

  ModelFollowerTest() {
    List<PartitionInfo> infos = new ArrayList<>();
    for (int partition = 0; partition < PARTITIONS; partition++) {
      infos.add(new PartitionInfo(TOPIC, partition, null, null, null));
      ends.put(new TopicPartition(TOPIC, partition), 0L);
    }
    consumer.updatePartitions(TOPIC, infos);
    consumer.updateBeginningOffsets(new HashMap<>(ends));
    consumer.updateEndOffsets(new HashMap<>(ends));
  }

  @AfterEach
  void close() {
    follower.close();
    assertTrue(consumer.closed());
  }

  @Test
  void startsOnAnEmptyTopic() {
    follower.start();
    assertTrue(follower.latest("shapes").isEmpty());
    assertTrue(follower.version("other", 0).isEmpty());
  }

  @Test
  void catchesUpBeforeStartReturnsWhateverOrderAndPartitionsTheSlicesHave() {
    long seed = 5;
    List<DictionaryVersion> slices = new ArrayList<>();
    for (long version = 0; version < 10; version++) {
      slices.addAll(slices("shapes", version, 2));
    }
    Collections.shuffle(slices, new Random(seed));
    slices.forEach(slice -> stored(framing.encode(slice)));
    // one record a poll: start must go on polling
    follower.start();
    assertEquals(9, follower.latest("shapes").orElseThrow().version(), "seed " + seed);
    for (long version = 0; version < 10; version++) {
      DictionaryModel model = (DictionaryModel) follower.version("shapes", version).orElseThrow();
      assertEquals(version, model.version());
      assertEquals("shapes", model.id());
      assertEquals(LENGTH, model.length());
      assertArrayEquals(atoms(version), model.dictionary().atoms());
    }
    assertTrue(follower.version("shapes", -1).isEmpty());
  }

  @Test
  void hidesAVersionUntilAllItsSlicesAreThere() {
    slices("shapes", 0, 3).forEach(slice -> stored(framing.encode(slice)));
    List<DictionaryVersion> next = slices("shapes", 1, 2);
    stored(framing.encode(next.get(0)));
    stored(framing.encode(next.get(2)));
    follower.start();
    assertEquals(0, follower.latest("shapes").orElseThrow().version());
    arrives(framing.encode(next.get(1)));
    await(() -> follower.latest("shapes").orElseThrow().version() == 1);
  }

  @Test
  void followsInTheBackground() {
    follower.start();
    slices("shapes", 4, 6).forEach(slice -> arrives(framing.encode(slice)));
    await(() -> follower.latest("shapes").isPresent());
    assertEquals(4, follower.latest("shapes").orElseThrow().version());
  }

  @Test
  void ignoresOtherIdsAndSkipsWhatItCannotRead() {
    slices("sensor-7", 3, 6).forEach(slice -> stored(framing.encode(slice)));
    stored(new byte[] {1, 2, 3});
    stored(null);
    byte[] cut = framing.encode(slices("shapes", 8, 6).get(0));
    stored(java.util.Arrays.copyOf(cut, cut.length - 3));
    DictionaryVersion impossible = slices("shapes", 9, 6).get(0);
    impossible.setAtomCount(-1);
    stored(framing.encode(impossible));
    DictionaryVersion huge = slices("shapes", 9, 6).get(0);
    huge.setAtomCount(65_536);
    huge.setLength(65_536);
    stored(framing.encode(huge));
    DictionaryVersion notFinite = slices("shapes", 9, 6).get(0);
    notFinite.getAtoms().getBytes().order(ByteOrder.LITTLE_ENDIAN).putFloat(0, Float.NaN);
    stored(framing.encode(notFinite));
    slices("shapes", 2, 6).forEach(slice -> stored(framing.encode(slice)));
    follower.start();
    assertEquals(2, follower.latest("shapes").orElseThrow().version());
    assertTrue(follower.latest("sensor-7").isEmpty());
    assertTrue(follower.version("sensor-7", 3).isEmpty());
  }

  @Test
  void keepsTheNewestVersionsAlsoWhenAllAreOpenAtOnce() {
    int versions = 3 * Following.DICTIONARY_VERSIONS;
    // partition by partition, so that no version completes before the last slices come
    for (int slice = 0; slice < 2; slice++) {
      for (long version = 0; version < versions; version++) {
        stored(framing.encode(slices("shapes", version, 3).get(slice)));
      }
    }
    follower.start();
    assertEquals(versions - 1, follower.latest("shapes").orElseThrow().version());
    long oldest = versions - Following.DICTIONARY_VERSIONS;
    assertTrue(follower.version("shapes", oldest).isPresent());
    assertTrue(follower.version("shapes", oldest - 1).isEmpty());
  }

  @Test
  void waitsForAVersionThatAStateFromElsewhereNames() throws Exception {
    slices("shapes", 0, 6).forEach(slice -> stored(framing.encode(slice)));
    follower.start();
    CompletableFuture<Optional<?>> asked =
        CompletableFuture.supplyAsync(() -> follower.version("shapes", 1));
    assertThrows(
        java.util.concurrent.TimeoutException.class, () -> asked.get(50, TimeUnit.MILLISECONDS));
    slices("shapes", 1, 6).forEach(slice -> arrives(framing.encode(slice)));
    assertTrue(asked.get(20, TimeUnit.SECONDS).isPresent());
  }

  @Test
  void endsAWaitWhenItIsClosed() throws Exception {
    follower.start();
    CompletableFuture<Optional<?>> asked =
        CompletableFuture.supplyAsync(() -> follower.version("shapes", 1));
    follower.close();
    assertTrue(asked.get(20, TimeUnit.SECONDS).isEmpty());
  }

  @Test
  void goesOnAfterAPassingFailure() {
    follower.start();
    consumer.schedulePollTask(
        () -> {
          throw new TimeoutException("broker busy");
        });
    slices("shapes", 1, 6).forEach(slice -> arrives(framing.encode(slice)));
    await(() -> follower.latest("shapes").isPresent());
  }

  @Test
  void saysSoInsteadOfServingOldModelsWhenItCannotGoOn() {
    slices("shapes", 0, 6).forEach(slice -> stored(framing.encode(slice)));
    follower.start();
    assertTrue(follower.latest("shapes").isPresent());
    consumer.setPollException(new KafkaException("not allowed"));
    await(() -> consumer.closed());
    String message =
        assertThrows(IllegalStateException.class, () -> follower.latest("shapes")).getMessage();
    assertTrue(message.contains(TOPIC), message);
    assertThrows(IllegalStateException.class, () -> follower.version("shapes", 0));
  }

  @Test
  void refusesToStartWithoutItsTopic() {
    ModelFollower lost = new ModelFollower(consumer, Following.dictionary("absent", "shapes"));
    String message = assertThrows(IllegalStateException.class, lost::start).getMessage();
    assertTrue(message.contains("absent"), message);
    assertFalse(consumer.closed());
  }

  /** A record that is on the topic before the follower starts; one is read at each poll. */
  private void stored(byte[] value) {
    ConsumerRecord<byte[], byte[]> record = next(value);
    consumer.updateEndOffsets(new HashMap<>(ends));
    consumer.schedulePollTask(() -> consumer.addRecord(record));
  }

  private void arrives(byte[] value) {
    ConsumerRecord<byte[], byte[]> record = next(value);
    consumer.schedulePollTask(() -> consumer.addRecord(record));
  }

  /** Records go round the partitions. */
  private ConsumerRecord<byte[], byte[]> next(byte[] value) {
    long count = ends.values().stream().mapToLong(Long::longValue).sum();
    TopicPartition partition = new TopicPartition(TOPIC, (int) (count % PARTITIONS));
    long offset = ends.merge(partition, 1L, Long::sum) - 1;
    return new ConsumerRecord<>(TOPIC, partition.partition(), offset, new byte[] {1}, value);
  }

  private static List<DictionaryVersion> slices(String id, long version, int rows) {
    List<DictionaryVersion> slices = new ArrayList<>();
    for (int first = 0; first < ATOMS; first += rows) {
      ByteBuffer bytes = ByteBuffer.allocate(rows * LENGTH * 4).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asFloatBuffer().put(atoms(version), first * LENGTH, rows * LENGTH);
      DictionaryVersion slice = new DictionaryVersion();
      slice.setDictionary(id);
      slice.setVersion(version);
      slice.setCause(VersionCause.ROUND);
      slice.setLearner("odl");
      slice.setLength(LENGTH);
      slice.setChannels(1);
      slice.setAtomCount(ATOMS);
      slice.setFirstAtom(first);
      slice.setAtoms(new Tensor(DataType.FLOAT32, List.of(rows, LENGTH), bytes));
      slice.setUsage(Collections.nCopies(rows, 0.5f));
      slices.add(slice);
    }
    return slices;
  }

  /** Unit vectors that differ from version to version. */
  private static float[] atoms(long version) {
    float[] atoms = new float[ATOMS * LENGTH];
    for (int atom = 0; atom < ATOMS; atom++) {
      atoms[atom * LENGTH + (int) ((atom + version) % LENGTH)] = 1;
    }
    return atoms;
  }

  private static void await(BooleanSupplier condition) {
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < until, "waited 20 s");
      Thread.onSpinWait();
    }
  }
}
