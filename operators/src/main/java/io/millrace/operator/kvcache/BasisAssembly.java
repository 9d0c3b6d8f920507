package io.millrace.operator.kvcache;

import io.millrace.operator.kvcache.TransformBasis.Vectors;
import io.millrace.schema.BasisVersion;
import io.millrace.schema.RotaryPosition;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Puts the slices of one basis version together, in whatever order they come. One thread.
 *
 * <p>Holds 2 r c bytes once the first slice has told r and c; both are bounded.
 */
public final class BasisAssembly {
  private final String id;
  private final long version;
  private final Vectors vectors;
  private final int componentCount;
  private final float[] mean;
  private final float[] channelDeviations;
  private final float[] deviations;
  private final short[] components;
  private final TreeMap<Integer, Integer> slices = new TreeMap<>();

  /**
   * @param first any slice of the version
   * @throws IllegalArgumentException for impossible sizes
   */
  public BasisAssembly(BasisVersion first) {
    id = first.getBasis();
    version = first.getVersion();
    vectors = new Vectors(first.getHeads(), first.getHeadDimension(), copy(first.getRotary()));
    componentCount = first.getComponentCount();
    int c = vectors.channels();
    if (componentCount < 1 || componentCount > c) {
      throw new IllegalArgumentException(
          "basis " + id + " has " + componentCount + " components, expected 1 to " + c);
    }
    mean = halves("mean", first.getMean(), c);
    channelDeviations = halves("channel deviations", first.getChannelDeviations(), c);
    deviations = new float[componentCount];
    components = new short[componentCount * c];
  }

  /**
   * Adds a slice; a repeated slice changes nothing.
   *
   * @throws IllegalArgumentException for a slice of another version or shape
   */
  public void add(BasisVersion slice) {
    int rows = slice.getDeviations().remaining() / Float.BYTES;
    int first = slice.getFirstComponent();
    if (!slice.getBasis().equals(id)
        || slice.getVersion() != version
        || slice.getHeads() != vectors.heads()
        || slice.getHeadDimension() != vectors.headDimension()
        || slice.getComponentCount() != componentCount
        || slice.getDeviations().remaining() % Float.BYTES != 0
        || rows < 1
        || first < 0
        || first > componentCount - rows) {
      throw new IllegalArgumentException(
          "slice of "
              + slice.getBasis()
              + " version "
              + slice.getVersion()
              + " at component "
              + first
              + " does not belong to "
              + id
              + " version "
              + version);
    }
    int c = vectors.channels();
    requireBytes("components", slice.getComponents(), rows * c);
    slice
        .getComponents()
        .duplicate()
        .order(ByteOrder.LITTLE_ENDIAN)
        .asShortBuffer()
        .get(components, first * c, rows * c);
    slice
        .getDeviations()
        .duplicate()
        .order(ByteOrder.LITTLE_ENDIAN)
        .asFloatBuffer()
        .get(deviations, first, rows);
    slices.merge(first, rows, Math::max);
  }

  /** Whether all slices are there. */
  public boolean isComplete() {
    int covered = 0;
    for (var slice : slices.entrySet()) {
      if (slice.getKey() > covered) {
        return false;
      }
      covered = Math.max(covered, slice.getKey() + slice.getValue());
    }
    return covered == componentCount;
  }

  /**
   * The basis, once all slices are there, made anew at each call; no slice may be added afterwards.
   *
   * @throws IllegalArgumentException for slices that make no basis
   */
  public Optional<TransformBasis> model() {
    if (!isComplete()) {
      return Optional.empty();
    }
    float[] values = new float[components.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = Float16.decode(components[i]);
    }
    return Optional.of(
        new TransformBasis(id, version, vectors, mean, channelDeviations, deviations, values));
  }

  private static float[] halves(String name, ByteBuffer bytes, int count) {
    requireBytes(name, bytes, count);
    float[] values = new float[count];
    Float16.get(bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN), values, count);
    return values;
  }

  private static void requireBytes(String name, ByteBuffer bytes, int halves) {
    if (bytes.remaining() != halves * Short.BYTES) {
      throw new IllegalArgumentException(
          name + " of a basis have " + bytes.remaining() + " bytes, expected " + 2L * halves);
    }
  }

  private static RotaryPosition copy(RotaryPosition rotary) {
    return new RotaryPosition(
        rotary.getState(),
        rotary.getPairing(),
        rotary.getBase(),
        rotary.getDimensions(),
        List.copyOf(rotary.getFrequencyScale()));
  }
}
