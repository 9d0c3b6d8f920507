package io.millrace.app.bench;

import io.millrace.operator.Models;
import io.millrace.operator.kvcache.BasisAssembly;
import io.millrace.schema.BasisCause;
import io.millrace.schema.BasisVersion;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/**
 * A basis of 256 of 1024 channels, and tokens that lie in it but for a little noise. Its components
 * are the first of the cosine transform, so that it is orthonormal by closed form; their deviations
 * fall by a factor of 30, so that all of them are coded at two bits a value and the noise is not.
 */
final class PlantedBasis {
  static final String ID = "planted/basis";

  /** Knows this basis and nothing else. */
  static final Models MODELS =
      new Models() {
        private final Model basis = basis();

        @Override
        public Optional<Model> latest(String id) {
          return version(id, 1);
        }

        @Override
        public Optional<Model> version(String id, long version) {
          return id.equals(ID) && version == 1 ? Optional.of(basis) : Optional.empty();
        }
      };

  private static final int HEADS = 16;
  private static final int HEAD_DIMENSION = 64;
  private static final int CHANNELS = HEADS * HEAD_DIMENSION;
  private static final int COMPONENTS = 256;
  private static final double NOISE = 1e-3;

  private PlantedBasis() {}

  /** Tokens as the basis expects them, [count x 1024]. */
  static float[] tokens(int count, Random random) {
    float[] tokens = new float[count * CHANNELS];
    double[] token = new double[CHANNELS];
    for (int t = 0; t < count; t++) {
      for (int c = 0; c < CHANNELS; c++) {
        token[c] = NOISE * random.nextGaussian();
      }
      for (int j = 0; j < COMPONENTS; j++) {
        double z = deviation(j) * random.nextGaussian();
        for (int c = 0; c < CHANNELS; c++) {
          token[c] += z * component(j, c);
        }
      }
      for (int c = 0; c < CHANNELS; c++) {
        tokens[t * CHANNELS + c] = (float) token[c];
      }
    }
    return tokens;
  }

  private static Models.Model basis() {
    ByteBuffer zeros = ByteBuffer.allocate(2 * CHANNELS);
    ByteBuffer deviations = bytes(4 * COMPONENTS);
    ByteBuffer components = bytes(2 * COMPONENTS * CHANNELS);
    for (int j = 0; j < COMPONENTS; j++) {
      deviations.putFloat(deviation(j));
      for (int c = 0; c < CHANNELS; c++) {
        components.putShort(half(component(j, c)));
      }
    }
    BasisVersion slice =
        new BasisVersion(
            ID,
            1L,
            BasisCause.FIRST,
            HEADS,
            HEAD_DIMENSION,
            new RotaryPosition(RotaryState.NONE, RotaryPairing.NEIGHBOURS, 0.0, 0, List.of()),
            COMPONENTS,
            0,
            zeros,
            zeros.duplicate(),
            deviations.flip(),
            components.flip(),
            1.0,
            0f,
            0L);
    BasisAssembly assembly = new BasisAssembly(slice);
    assembly.add(slice);
    return assembly.model().orElseThrow();
  }

  private static ByteBuffer bytes(int count) {
    return ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static float deviation(int component) {
    return (float) (3 * StrictMath.exp(-component * StrictMath.log(30) / COMPONENTS));
  }

  private static double component(int j, int channel) {
    double norm = Math.sqrt((j == 0 ? 1.0 : 2.0) / CHANNELS);
    return norm * StrictMath.cos(Math.PI * (channel + 0.5) * j / CHANNELS);
  }

  /** Half precision of a number below 1 in size, cut. */
  private static short half(double value) {
    int bits = Float.floatToRawIntBits((float) (value * 0x1p-112));
    return (short) (bits >>> 16 & 0x8000 | bits >>> 13 & 0x7fff);
  }
}
