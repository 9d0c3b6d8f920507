package io.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.millrace.flink.StageHarness.Place;
import io.millrace.runtime.Trace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class KeyedChunksTest {
  private static final int PARTITIONS = 3;
  private static final byte[] PREFIXES = {'c', 'm', 't', (byte) 0xf0};

  @ParameterizedTest
  @EnumSource(Backend.class)
  void equalsAMapOfItsOwnForEachPartitionThroughRestores(Backend backend) throws Exception {
    long seed = 4;
    Random random = new Random(seed);
    List<TreeMap<byte[], byte[]>> expected = new ArrayList<>();
    for (int partition = 0; partition < PARTITIONS; partition++) {
      expected.add(new TreeMap<>(Arrays::compareUnsigned));
    }
    Trace trace = Trace.load(Trace.MERGE);
    Checkpoints checkpoints = new Checkpoints();
    OperatorSubtaskState state = null;
    for (int life = 0; life < 3; life++) {
      try (StageHarness stage = new StageHarness(trace, backend.open(), Place.ONLY, state)) {
        AbstractStreamOperator<?> operator = stage.getOperator();
        KeyedChunks chunks = new KeyedChunks(operator.getRuntimeContext()::getMapState);
        for (int action = 0; action < 600; action++) {
          int partition = random.nextInt(PARTITIONS);
          operator.setCurrentKey(PartitionKeys.key(partition, StageHarness.MAXIMUM_PARALLELISM));
          act(random, chunks, expected.get(partition), "seed " + seed + ", action " + action);
        }
        state = checkpoints.take(stage);
      }
    }
  }

  private static void act(
      Random random, KeyedChunks chunks, TreeMap<byte[], byte[]> expected, String place) {
    byte[] key = new byte[1 + random.nextInt(2)];
    random.nextBytes(key);
    key[0] = PREFIXES[random.nextInt(PREFIXES.length)];
    switch (random.nextInt(6)) {
      case 0 -> {
        chunks.put(key, null);
        expected.remove(key);
      }
      case 1, 2, 3 -> {
        byte[] value = new byte[random.nextInt(40)];
        random.nextBytes(value);
        chunks.put(key, value);
        expected.put(key, value);
      }
      case 4 -> assertArrayEquals(expected.get(key), chunks.get(key), place);
      default -> {
        List<String> got = new ArrayList<>();
        chunks.scan(key[0], (each, value) -> got.add(line(each, value)));
        List<String> all = new ArrayList<>();
        expected.forEach(
            (each, value) -> {
              if (each[0] == key[0]) {
                all.add(line(each, value));
              }
            });
        assertEquals(all, got, place);
      }
    }
  }

  private static String line(byte[] key, byte[] value) {
    return HexFormat.of().formatHex(key) + "=" + HexFormat.of().formatHex(value);
  }
}
