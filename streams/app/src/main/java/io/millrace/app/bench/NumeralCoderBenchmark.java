package io.millrace.app.bench;

import io.millrace.operator.kvcache.GaussianTable;
import io.millrace.operator.kvcache.NumeralCoder;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * The entropy coder alone on rounded normal values, 64 of each table in turn as a page of tokens
 * has them, deviations 16 to 0.7 steps. A record is a value.
 */
@State(Scope.Thread)
public class NumeralCoderBenchmark {
  private static final int ROWS = 256;
  private static final int ROW = 64;
  private static final int LARGEST_TABLE = 24;
  private static final int SMALLEST_TABLE = 6;
  private static final long SEED = 13112540;

  private final int[] values = new int[ROWS * ROW];
  private final int[] decoded = new int[ROWS * ROW];
  private final GaussianTable[] tables = new GaussianTable[ROWS];
  private byte[] bytes;

  /** Draws values and codes them. */
  @Setup
  public void draw() {
    Random random = new Random(SEED);
    for (int row = 0; row < ROWS; row++) {
      int index = LARGEST_TABLE - row * (LARGEST_TABLE - SMALLEST_TABLE) / ROWS;
      tables[row] = GaussianTable.of(index);
      double deviation = Math.pow(2, index / 4.0 - 2);
      for (int i = row * ROW; i < (row + 1) * ROW; i++) {
        values[i] = (int) Math.round(random.nextGaussian() * deviation);
      }
    }
    bytes = write();
  }

  /** Values into bytes. */
  @Benchmark
  public byte[] encode(CpuClock clock) {
    clock.records += values.length;
    return write();
  }

  /** Bytes into values. */
  @Benchmark
  public int[] decode(CpuClock clock) {
    clock.records += values.length;
    NumeralCoder.Reader reader =
        new NumeralCoder.Reader(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
    for (int row = 0; row < ROWS; row++) {
      for (int i = row * ROW; i < (row + 1) * ROW; i++) {
        decoded[i] = reader.next(i, tables[row]);
      }
    }
    reader.end();
    return decoded;
  }

  private byte[] write() {
    NumeralCoder.Writer writer = new NumeralCoder.Writer();
    for (int row = ROWS - 1; row >= 0; row--) {
      for (int i = (row + 1) * ROW - 1; i >= row * ROW; i--) {
        writer.add(i, values[i], tables[row]);
      }
    }
    return writer.finish();
  }
}
