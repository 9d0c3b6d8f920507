package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import io.millrace.operator.kvcache.TransformBasis.Vectors;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;

/**
 * Bases for a dump, from tokens that are not in it: of MiniLM and the byte-level decoder, means and
 * covariances over other text, which lie beside the tests (PROVENANCE.txt there); of stories260K,
 * whose tensors may not, the dump's own first tokens, the rest being for the test.
 */
final class CalibrationMoments {
  /** Tokens of the stories dump that are for learning. */
  static final int SPLIT = 255;

  private CalibrationMoments() {}

  /** The tokens of a dump that a test may measure on. */
  static KeyValueDump measured(KeyValueDump dump) {
    return dump.model().equals("stories260K") ? dump.from(SPLIT) : dump;
  }

  /**
   * Bases of all layers.
   *
   * @param id of a layer's keys or values
   */
  static Models models(KeyValueDump dump, BiFunction<Integer, PageKind, String> id) {
    Map<String, Models.Model> bases = new HashMap<>();
    for (int layer = 0; layer < dump.layers(); layer++) {
      for (PageKind kind : PageKind.values()) {
        String name = id.apply(layer, kind);
        bases.put(name, basis(name, dump, layer, kind));
      }
    }
    return new Models() {
      @Override
      public Optional<Model> latest(String name) {
        return Optional.ofNullable(bases.get(name));
      }

      @Override
      public Optional<Model> version(String name, long version) {
        return latest(name);
      }
    };
  }

  /** A basis of one layer's keys, before the rotary step, or values. */
  static TransformBasis basis(String id, KeyValueDump dump, int layer, PageKind kind) {
    int channels = dump.channels();
    SecondMoments moments =
        dump.model().equals("stories260K")
            ? ofFirstTokens(dump, layer, kind)
            : shipped(dump.model(), channels, 2 * layer + (kind == PageKind.KEYS ? 0 : 1));
    RotaryPosition rotary =
        new RotaryPosition(RotaryState.BEFORE, RotaryPairing.NEIGHBOURS, 10_000.0, 0, List.of());
    return TransformBasis.learn(
        id, 1, new Vectors(dump.heads(), dump.headDimension(), rotary), moments, 4);
  }

  private static SecondMoments ofFirstTokens(KeyValueDump dump, int layer, PageKind kind) {
    float[] tokens = dump.span(kind, layer, 0, SPLIT);
    if (kind == PageKind.KEYS) {
      new RotaryEmbedding(10_000, RotaryEmbedding.Pairing.NEIGHBOURS, dump.headDimension())
          .turn(new PageShape(SPLIT, dump.heads(), dump.headDimension()), tokens, 0, true);
    }
    SecondMoments moments = new SecondMoments(dump.channels());
    moments.observe(tokens, 0, SPLIT, new SecondMoments.Scratch());
    return moments;
  }

  /**
   * Moments from a file of [mean c | covariance, upper triangle by rows], float32, one after the
   * other. They become those of 2c vectors: mean +- sqrt(c) times each column of a Cholesky factor.
   */
  private static SecondMoments shipped(String model, int c, int index) {
    ByteBuffer in = ByteBuffer.wrap(resource(model)).order(ByteOrder.LITTLE_ENDIAN);
    int each = (c + c * (c + 1) / 2) * Float.BYTES;
    in.position(index * each);
    double[] mean = new double[c];
    for (int i = 0; i < c; i++) {
      mean[i] = in.getFloat();
    }
    double[][] factor = new double[c][c];
    double[][] covariance = new double[c][c];
    for (int i = 0; i < c; i++) {
      for (int j = i; j < c; j++) {
        covariance[j][i] = in.getFloat();
      }
    }
    for (int i = 0; i < c; i++) {
      for (int j = 0; j <= i; j++) {
        double sum = covariance[i][j];
        for (int k = 0; k < j; k++) {
          sum -= factor[i][k] * factor[j][k];
        }
        factor[i][j] = i == j ? Math.sqrt(Math.max(sum, 1e-9)) : sum / factor[j][j];
      }
    }
    float[] vectors = new float[2 * c * c];
    for (int k = 0; k < c; k++) {
      for (int i = 0; i < c; i++) {
        vectors[2 * k * c + i] = (float) (mean[i] + Math.sqrt(c) * factor[i][k]);
        vectors[(2 * k + 1) * c + i] = (float) (mean[i] - Math.sqrt(c) * factor[i][k]);
      }
    }
    SecondMoments moments = new SecondMoments(c);
    moments.observe(vectors, 0, 2 * c, new SecondMoments.Scratch());
    return moments;
  }

  private static byte[] resource(String model) {
    String name = "/kvcache/" + model + ".moments.f32";
    try (InputStream in = CalibrationMoments.class.getResourceAsStream(name)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
