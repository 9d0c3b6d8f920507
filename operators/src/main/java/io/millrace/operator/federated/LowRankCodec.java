package io.millrace.operator.federated;

import io.millrace.operator.SettingCheck;
import java.nio.ByteBuffer;

/**
 * {@link PowerSgd} in one message: the chunk as a matrix, as square as may be and filled up with
 * zeros, becomes P and Q after one power iteration of the client alone, P orthonormal. Not linear,
 * unlike the two summed steps of the paper, but contractive: the client needs an error memory.
 *
 * <pre>
 * floats P [rows x rank] | floats Q [columns x rank]
 * </pre>
 *
 * <p>About 8 rank sqrt(d) bytes; 6 rank d flops.
 *
 * @param rank 1 to 256; less for a chunk with fewer rows
 */
record LowRankCodec(int rank) implements UpdateCodec {
  LowRankCodec {
    SettingCheck.range("rank", rank, 1, 256);
  }

  @Override
  public byte[] encode(float[] x, long seed) {
    Payload.requireFinite(x);
    if (x.length == 0) {
      return new byte[0];
    }
    PowerSgd layer = layer(x.length);
    float[] m = new float[layer.rows() * layer.columns()];
    System.arraycopy(x, 0, m, 0, x.length);
    double[] p = doubles(layer.left(m, layer.start(seed)));
    layer.orthonormalise(p);
    float[] left = Vectors.floats(p);
    float[] right = layer.right(m, doubles(left));
    Payload.requireFinite(right);
    ByteBuffer buffer = Payload.allocate((left.length + right.length) * Float.BYTES);
    buffer.asFloatBuffer().put(left).put(right);
    return buffer.array();
  }

  @Override
  public float[] decode(byte[] payload, int length, long seed) {
    if (length == 0) {
      Payload.open(payload, 0);
      return new float[0];
    }
    PowerSgd layer = layer(length);
    float[] left = new float[layer.rows() * layer.rank()];
    float[] right = new float[layer.columns() * layer.rank()];
    ByteBuffer buffer = Payload.open(payload, (long) (left.length + right.length) * Float.BYTES);
    Payload.getFinite(buffer, left, left.length);
    Payload.getFinite(buffer, right, right.length);
    double[] product = layer.product(doubles(left), doubles(right));
    float[] x = new float[length];
    for (int i = 0; i < length; i++) {
      x[i] = (float) product[i];
    }
    Payload.requireFinite(x);
    return x;
  }

  private PowerSgd layer(int length) {
    int rows = (int) Math.ceil(Math.sqrt((double) length));
    int columns = (length + rows - 1) / rows;
    return new PowerSgd(rows, columns, Math.min(rank, columns));
  }

  private static double[] doubles(float[] values) {
    double[] doubles = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      doubles[i] = values[i];
    }
    return doubles;
  }
}
