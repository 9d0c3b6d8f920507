package io.millrace.app.decoder;

import io.millrace.kernel.Kernels;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Weights of a decoder, from the checkpoint format of llama2.c (Karpathy, 2023), little-endian:
 *
 * <pre>
 * int32     7: dimension D, hidden H, layers L, query heads, key/value heads, vocabulary V, context T
 *              (V negative: the classifier has weights of its own)
 * weights   embedding [V x D]
 *           attention norm [L x D]; query [L x D x D], key, value [L x c x D], output [L x D x D]
 *           feed-forward norm [L x D]; gate [L x H x D], down [L x D x H], up [L x H x D]
 *           final norm [D]; cosines, sines [T x d/2] (passed over); classifier [V x D] if it has one
 * </pre>
 *
 * <p>Weights are float32, or float16 in files of this project. Matrices are kept transposed, [in x
 * out], as {@link Kernels#gemv} reads them; those with one input lie side by side.
 */
public final class DecoderWeights {
  /** How weights are stored. */
  public enum Format {
    /** IEEE 754 single precision. */
    FLOAT32,
    /** IEEE 754 half precision, finite. */
    FLOAT16
  }

  private static final int HEADER_INTS = 7;
  private static final String SHIPPED = "/data/kjv-decoder/kjv_hd64.f16";
  private static final String HELD_OUT = "/data/kjv-decoder/kjv-heldout.txt";

  /**
   * One layer.
   *
   * @param attentionNorm [D]
   * @param attention [D x (D + 2c)]: queries, keys, values
   * @param output [D x D]
   * @param feedForwardNorm [D]
   * @param gateAndUp [D x 2H]
   * @param down [H x D]
   */
  record Layer(
      float[] attentionNorm,
      float[] attention,
      float[] output,
      float[] feedForwardNorm,
      float[] gateAndUp,
      float[] down) {}

  private final DecoderShape shape;
  private final List<Layer> layers;
  private final float[] embedding;
  private final float[] finalNorm;
  private final float[] classifier;

  private DecoderWeights(Checkpoint in, DecoderShape shape, boolean ownClassifier) {
    this.shape = shape;
    int dimension = shape.dimension();
    int hidden = shape.hiddenDimension();
    int channels = shape.channels();
    int count = shape.layers();
    embedding = in.take(shape.vocabulary() * dimension);
    float[] attentionNorms = in.take(count * dimension);
    float[] queries = in.take(count * dimension * dimension);
    float[] keys = in.take(count * channels * dimension);
    float[] values = in.take(count * channels * dimension);
    float[] outputs = in.take(count * dimension * dimension);
    float[] feedForwardNorms = in.take(count * dimension);
    float[] gates = in.take(count * hidden * dimension);
    float[] downs = in.take(count * dimension * hidden);
    float[] ups = in.take(count * hidden * dimension);
    finalNorm = in.take(dimension);
    in.take(shape.context() * shape.headDimension());
    float[] rows = ownClassifier ? in.take(shape.vocabulary() * dimension) : embedding;
    in.end();
    classifier = new Columns(dimension, shape.vocabulary()).add(rows, 0, shape.vocabulary()).all;
    layers = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      layers.add(
          new Layer(
              slice(attentionNorms, i, dimension),
              new Columns(dimension, dimension + 2 * channels)
                  .add(queries, i, dimension)
                  .add(keys, i, channels)
                  .add(values, i, channels)
                  .all,
              new Columns(dimension, dimension).add(outputs, i, dimension).all,
              slice(feedForwardNorms, i, dimension),
              new Columns(dimension, 2 * hidden).add(gates, i, hidden).add(ups, i, hidden).all,
              new Columns(hidden, dimension).add(downs, i, dimension).all));
    }
  }

  /**
   * Reads a checkpoint.
   *
   * @param bytes of the whole file; not modified
   * @throws IllegalArgumentException if its sizes are impossible or do not fit its length
   */
  public static DecoderWeights of(byte[] bytes, Format format) {
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (bytes.length < HEADER_INTS * Integer.BYTES) {
      throw new IllegalArgumentException("checkpoint has " + bytes.length + " bytes");
    }
    int[] header = new int[HEADER_INTS];
    for (int i = 0; i < HEADER_INTS; i++) {
      header[i] = in.getInt();
    }
    DecoderShape shape =
        new DecoderShape(
            header[0], header[1], header[2], header[3], header[4], Math.abs(header[5]), header[6]);
    return new DecoderWeights(new Checkpoint(in, format), shape, header[5] < 0);
  }

  /**
   * The model that ships with Millrace: a byte-level decoder trained on the King James Bible,
   * licence and provenance beside it.
   */
  public static DecoderWeights shipped() {
    return of(resource(SHIPPED), Format.FLOAT16);
  }

  /** Text that the shipped model never saw, as its tokens: bytes. */
  public static int[] heldOutTokens() {
    byte[] text = resource(HELD_OUT);
    int[] tokens = new int[text.length];
    for (int i = 0; i < text.length; i++) {
      tokens[i] = text[i] & 0xff;
    }
    return tokens;
  }

  /** Sizes. */
  public DecoderShape shape() {
    return shape;
  }

  Layer layer(int i) {
    return layers.get(i);
  }

  /** [V x D]; not to be modified. */
  float[] embedding() {
    return embedding;
  }

  /** [D]; not to be modified. */
  float[] finalNorm() {
    return finalNorm;
  }

  /** [D x V]; not to be modified. */
  float[] classifier() {
    return classifier;
  }

  private static byte[] resource(String name) {
    try (InputStream in = DecoderWeights.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException(name + " is not on the class path");
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static float[] slice(float[] all, int index, int length) {
    float[] slice = new float[length];
    System.arraycopy(all, index * length, slice, 0, length);
    return slice;
  }

  /** A matrix [in x out] that is filled from matrices [rows x in], side by side. */
  private static final class Columns {
    private final int inputs;
    private final int outputs;
    private final float[] all;
    private int filled;

    Columns(int inputs, int outputs) {
      this.inputs = inputs;
      this.outputs = outputs;
      this.all = new float[inputs * outputs];
    }

    /** Adds the {@code index}th of a row of matrices. */
    Columns add(float[] matrices, int index, int rows) {
      for (int row = 0; row < rows; row++) {
        for (int i = 0; i < inputs; i++) {
          all[i * outputs + filled] = matrices[(index * rows + row) * inputs + i];
        }
        filled++;
      }
      return this;
    }
  }

  /** Weights, one after the other. */
  private record Checkpoint(ByteBuffer in, Format format) {
    float[] take(int count) {
      int width = format == Format.FLOAT32 ? Float.BYTES : Short.BYTES;
      if (count > in.remaining() / width) {
        throw new IllegalArgumentException(
            "checkpoint ends after " + in.limit() + " bytes, " + count + " more weights expected");
      }
      float[] weights = new float[count];
      for (int i = 0; i < count; i++) {
        weights[i] = format == Format.FLOAT32 ? in.getFloat() : half(in.getShort());
      }
      return weights;
    }

    void end() {
      if (in.hasRemaining()) {
        throw new IllegalArgumentException(
            "checkpoint has " + in.remaining() + " bytes left over, expected none");
      }
    }

    /** Moves exponent and mantissa in place; the product mends the exponent, exactly. */
    private static float half(short bits) {
      return Float.intBitsToFloat((bits & 0x8000) << 16 | (bits & 0x7fff) << 13) * 0x1p112f;
    }
  }
}
