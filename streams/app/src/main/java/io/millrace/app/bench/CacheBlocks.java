package io.millrace.app.bench;

import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Blocks of keys and values of a few sessions, 128 KiB of bfloat16 each, keys and values in turn.
 */
final class CacheBlocks {
  private static final int TOKENS = 64;
  private static final int HEADS = 8;
  private static final int HEAD_DIMENSION = 128;
  private static final int SESSIONS = 4;

  /** Blocks of unlike content. */
  private static final int CONTENTS = 8;

  private static final RotaryPosition NO_ROTARY =
      new RotaryPosition(RotaryState.NONE, RotaryPairing.NEIGHBOURS, 10_000.0, 0, List.of());

  private CacheBlocks() {}

  /** Writes blocks; the same for the same call but for their times. */
  static void fill(String servers, String topic, int blocks) {
    SingleObject<KeyValueBlock> framing = SingleObject.of(KeyValueBlock.class);
    ByteBuffer[] contents = contents();
    long millis = System.currentTimeMillis() - blocks;
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", servers, "linger.ms", 50, "batch.size", 1 << 20),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      for (int i = 0; i < blocks; i++) {
        int session = i / 2 % SESSIONS;
        String name = "session-" + session;
        long firstToken = (long) (i / (2 * SESSIONS)) * TOKENS;
        KeyValueBlock block =
            new KeyValueBlock(
                new HeadGroup("bench", "none", "0", name, 0, 0, HEADS, HEAD_DIMENSION),
                i % 2 == 0 ? TensorKind.KEYS : TensorKind.VALUES,
                NO_ROTARY,
                ElementFormat.BFLOAT16,
                firstToken,
                TOKENS,
                (millis + i) * 1000L,
                contents[i % CONTENTS].duplicate());
        byte[] key = ("bench/none/0/" + name + "/0/0").getBytes(StandardCharsets.UTF_8);
        producer.send(new ProducerRecord<>(topic, 0, millis + i, key, framing.encode(block)));
      }
    }
  }

  /** Normal numbers about a mean for each channel, as the upper halves of floats. */
  private static ByteBuffer[] contents() {
    Random random = new Random(5);
    ByteBuffer[] contents = new ByteBuffer[CONTENTS];
    int channels = HEADS * HEAD_DIMENSION;
    for (int content = 0; content < CONTENTS; content++) {
      ByteBuffer out =
          ByteBuffer.allocate(Short.BYTES * TOKENS * channels).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < TOKENS * channels; i++) {
        float value = (float) (random.nextGaussian() + i % channels % 7);
        out.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
      }
      contents[content] = out.flip();
    }
    return contents;
  }
}
