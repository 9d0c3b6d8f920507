package io.millrace.app.bench;

import io.millrace.operator.federated.PayloadSums;
import io.millrace.operator.federated.UpdateCodec;
import io.millrace.operator.federated.UpdateCodecs;
import java.util.Random;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * Rounds of 64 clients with sixteen chunks of 65,536 floats each, from packed updates to their
 * mean. A record is a float of a client, unpacked.
 */
@State(Scope.Thread)
public class CodecSumBenchmark {
  private static final int CLIENTS = 64;
  private static final int CHUNKS = 16;
  private static final int LENGTH = 1 << 16;
  private static final long SEED = 20180705;

  /** Set by JMH: a codec's name. */
  @Param("plain")
  public String codec;

  private final byte[][][] payloads = new byte[CHUNKS][CLIENTS][];
  private final double[][] out = new double[CHUNKS][LENGTH];

  /** Draws and packs updates. */
  @Setup
  public void draw() {
    Random random = new Random(SEED);
    UpdateCodec packer = UpdateCodecs.named(codec);
    float[] update = new float[LENGTH];
    for (byte[][] chunk : payloads) {
      for (int client = 0; client < CLIENTS; client++) {
        for (int i = 0; i < LENGTH; i++) {
          update[i] = (random.nextFloat() - 0.5f) * 0.1f;
        }
        chunk[client] = packer.encode(update, SEED);
      }
    }
  }

  /** Every update decoded, and then summed. */
  @Benchmark
  public double[][] decoded(CpuClock clock) {
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      PayloadSums.decoded(codec, payloads[chunk], SEED, out[chunk]);
    }
    clock.records += (long) CHUNKS * CLIENTS * LENGTH;
    return out;
  }

  /** Updates summed as they travelled, and the sum decoded: linear codecs. */
  @Benchmark
  public double[][] packed(CpuClock clock) {
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      PayloadSums.packed(codec, payloads[chunk], SEED, out[chunk]);
    }
    clock.records += (long) CHUNKS * CLIENTS * LENGTH;
    return out;
  }
}
