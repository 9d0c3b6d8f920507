package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.Models;
import io.millrace.operator.kvcache.TransformBasis.Vectors;
import io.millrace.schema.BasisCause;
import io.millrace.schema.BasisVersion;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** On normal tokens whose covariance is known. */
class LearnedTransformTest {
  private static final Vectors VECTORS =
      new Vectors(
          4, 16, new RotaryPosition(RotaryState.NONE, RotaryPairing.NEIGHBOURS, 1e4, 0, List.of()));
  private static final PageShape SHAPE = new PageShape(64, 4, 16);

  @ParameterizedTest
  @ValueSource(ints = {50, 120, 220, 400, 800})
  void costsWhatItsNameSaysAndNoMoreThanTwoPercentBeyond(int hundredths) {
    TransformBasis basis = basis(1);
    LearnedTransform codec = new LearnedTransform(basis, hundredths);
    long bytes = 0;
    for (int page = 0; page < 20; page++) {
      bytes += codec.encode(SHAPE, PageKind.KEYS, tokens(100 + page, SHAPE.tokens())).length - 20;
    }
    double bits = 8.0 * bytes / (20 * SHAPE.values());
    // 20 bytes are the step and the coder's states
    assertEquals(hundredths / 100.0, bits, 0.02 * hundredths / 100.0 + 0.01);
  }

  @ParameterizedTest
  @ValueSource(ints = {120, 220, 400, 800})
  void leavesTheErrorThatRateDistortionAllowsAndAQuarterOfABit(int hundredths) {
    LearnedTransform codec = new LearnedTransform(basis(1), hundredths);
    double error = 0;
    for (int page = 0; page < 10; page++) {
      float[] values = tokens(200 + page, SHAPE.tokens());
      float[] restored = new float[values.length];
      open(codec, codec.encode(SHAPE, PageKind.VALUES, values)).restore(restored);
      for (int i = 0; i < values.length; i++) {
        error += Math.pow((double) values[i] - restored[i], 2);
      }
    }
    error /= 10.0 * SHAPE.values();
    double ideal = distortion(hundredths / 100.0);
    double quarter = distortion(hundredths / 100.0 - 0.27);
    assertTrue(error > ideal * 0.97, error + " is below the bound " + ideal);
    // components are halves: to about 3e-4 of themselves they are not orthonormal
    assertTrue(error < quarter * 1.03 + 1e-7, error + " against " + ideal + " to " + quarter);
  }

  @Test
  void readsAPageWithAnotherRateOfTheSameBasis() {
    TransformBasis basis = basis(1);
    float[] values = tokens(3, SHAPE.tokens());
    LearnedTransform codec = new LearnedTransform(basis, 175);
    byte[] payload = codec.encode(SHAPE, PageKind.KEYS, values);
    float[] own = new float[values.length];
    float[] other = new float[values.length];
    open(codec, payload).restore(own);
    open(new LearnedTransform(basis, 800), payload).restore(other);
    assertArrayEquals(own, other);
  }

  @Test
  void survivesItsSlicesInAnyOrder() {
    TransformBasis basis = basis(7);
    List<BasisVersion> slices = new ArrayList<>();
    BasisVersion header = new BasisVersion();
    header.setCause(BasisCause.GAIN);
    header.setVectors(123.5);
    header.setCodingGainBits(0.25f);
    header.setTimeMicros(77);
    BasisSlices.emit(basis, header, slices::add);
    Collections.shuffle(slices, new Random(1));
    BasisAssembly assembly = new BasisAssembly(slices.get(0));
    for (BasisVersion slice : slices) {
      assertTrue(slice.getComponents().remaining() <= BasisSlices.SLICE_BYTES);
      assembly.add(slice);
      assembly.add(slice);
    }
    TransformBasis read = assembly.model().orElseThrow();
    assertEquals(basis.id(), read.id());
    assertEquals(basis.version(), read.version());
    assertEquals(basis.vectors(), read.vectors());
    assertArrayEquals(basis.mean(), read.mean());
    assertArrayEquals(basis.deviations(), read.deviations());
    assertArrayEquals(basis.channelDeviations(), read.channelDeviations());
    assertArrayEquals(basis.components(), read.components());
  }

  @Test
  void isNamedByItsRateAndFoundOnceItsBasisIsKnown() {
    TransformBasis basis = basis(2);
    CodecContext known = new CodecContext(only(basis), basis.id(), new float[0]);
    assertEquals(Optional.empty(), PageCodecs.named("transform-1.2", CodecContext.NONE));
    PageCodec codec = PageCodecs.named("transform-1.2", known).orElseThrow();
    assertEquals("transform-1.2", codec.name());
    assertEquals(basis, codec.model().orElseThrow());
    assertEquals("transform-8", PageCodecs.named("transform-8.00", known).orElseThrow().name());
    PageCodec reading = PageCodecs.reading(codec.id(), codec.parameters(), codec.model());
    assertEquals("transform-1.2", reading.name());
    for (String name :
        List.of(
            "transform-",
            "transform-0.4",
            "transform-8.01",
            "transform-1.234",
            "transform--1",
            "transform-1e0",
            "transform")) {
      assertThrows(IllegalArgumentException.class, () -> PageCodecs.named(name, known), name);
    }
    assertThrows(
        IllegalArgumentException.class,
        () -> PageCodecs.reading(codec.id(), codec.parameters(), Optional.empty()));
    assertThrows(
        IllegalArgumentException.class, () -> PageCodecs.reading(codec.id(), 9, codec.model()));
  }

  @Test
  void refusesDamagedPayloads() {
    LearnedTransform codec = new LearnedTransform(basis(1), 120);
    byte[] payload = codec.encode(SHAPE, PageKind.KEYS, tokens(4, SHAPE.tokens()));
    for (int length = 0; length < payload.length; length++) {
      byte[] cut = Arrays.copyOf(payload, length);
      assertThrows(IllegalArgumentException.class, () -> open(codec, cut), "length " + length);
    }
    for (float step : new float[] {0f, -1f, Float.NaN, Float.POSITIVE_INFINITY, 1e-44f, 1e30f}) {
      byte[] other = payload.clone();
      ByteBuffer.wrap(other).order(ByteOrder.LITTLE_ENDIAN).putFloat(0, step);
      assertThrows(IllegalArgumentException.class, () -> open(codec, other), "step " + step);
    }
  }

  @Test
  void codesAModelThatNeverMoved() {
    SecondMoments moments = new SecondMoments(VECTORS.channels());
    float[] constant = new float[SHAPE.values()];
    Arrays.fill(constant, 0.5f);
    moments.observe(constant, 0, SHAPE.tokens());
    TransformBasis basis = TransformBasis.learn("b", 1, VECTORS, moments, 8);
    LearnedTransform codec = new LearnedTransform(basis, 120);
    float[] restored = new float[SHAPE.values()];
    open(codec, codec.encode(SHAPE, PageKind.KEYS, constant)).restore(restored);
    assertArrayEquals(constant, restored, 1e-6f);
  }

  private static Page open(PageCodec codec, byte[] payload) {
    return codec.open(
        SHAPE, PageKind.KEYS, ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN));
  }

  private static TransformBasis basis(long version) {
    SecondMoments moments = new SecondMoments(VECTORS.channels());
    int count = 20_000;
    moments.observe(tokens(version, count), 0, count);
    return TransformBasis.learn("m/w/0/K/0", version, VECTORS, moments, 8);
  }

  private static Models only(TransformBasis basis) {
    return new Models() {
      @Override
      public Optional<Model> latest(String id) {
        return id.equals(basis.id()) ? Optional.of(basis) : Optional.empty();
      }

      @Override
      public Optional<Model> version(String id, long version) {
        return latest(id).filter(model -> model.version() == version);
      }
    };
  }

  /** Variance along component j. */
  private static double variance(int j) {
    return 4 * Math.pow(2, -j / 6.0);
  }

  /** Reverse water-filling by the book: mean squared error a value at a rate in bits a value. */
  private static double distortion(double bits) {
    int c = VECTORS.channels();
    double low = 1e-12;
    double high = variance(0);
    for (int i = 0; i < 200; i++) {
      double level = Math.sqrt(low * high);
      double rate = 0;
      for (int j = 0; j < c; j++) {
        rate += Math.max(0, Math.log(variance(j) / level) / Math.log(2) / 2);
      }
      if (rate > bits * c) {
        low = level;
      } else {
        high = level;
      }
    }
    double error = 0;
    for (int j = 0; j < c; j++) {
      error += Math.min(low, variance(j)) / c;
    }
    return error;
  }

  /** Mean 1, components by Hadamard's matrix, variances falling by the sixth root of 2. */
  private static float[] tokens(long seed, int count) {
    Random random = new Random(seed);
    int c = VECTORS.channels();
    float[] tokens = new float[count * c];
    for (int t = 0; t < count; t++) {
      for (int j = 0; j < c; j++) {
        double z = random.nextGaussian() * Math.sqrt(variance(j) / c);
        for (int i = 0; i < c; i++) {
          tokens[t * c + i] += (float) (Integer.bitCount(i & j) % 2 == 0 ? z : -z);
        }
      }
      for (int i = 0; i < c; i++) {
        tokens[t * c + i] += 1;
      }
    }
    return tokens;
  }
}
