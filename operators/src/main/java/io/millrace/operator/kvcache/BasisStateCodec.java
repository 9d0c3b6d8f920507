package io.millrace.operator.kvcache;

import io.millrace.operator.StateCodec;
import io.millrace.operator.StateHeader;
import io.millrace.operator.dictionary.LearnerState;
import io.millrace.operator.kvcache.TransformBasis.Vectors;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Bytes of a {@link BasisState} in six sections, each behind a {@link StateHeader} of family {@link
 * StateHeader#KEY_VALUE_BASIS}, little endian. A section of what is not there yet is empty.
 *
 * <pre>
 * section 0    2 + n  id of the basis, UTF-8
 *              8 x 6  version, budget version, dictionary version, tokens, measured tokens, newest
 *                     time in microseconds
 *              1      1: vectors are known, then
 *              4 + 4  heads, head dimension
 *              1 + 1  rotary state, 0 none, 1 before; pairing, 0 neighbours, 1 halves
 *              8 + 4  rotary base, dimensions
 *              4      frequency factors f, then 8 f
 * section 1    4      waiting tokens w, then 4 w c
 * section 2    {@link SecondMoments}
 * section 3    the published basis: 4 components r; 2 c mean; 2 c channel deviations; 4 r deviations;
 *              2 r c components
 * section 4    {@link LearnerState#encodeStatistics}
 * section 5    {@link LearnerState#encodeDictionary}
 * </pre>
 */
public final class BasisStateCodec implements StateCodec<BasisState> {
  private static final byte VERSION = 1;
  private static final int SECTIONS = 6;
  private static final int COUNTERS = 6;

  @Override
  public int sections() {
    return SECTIONS;
  }

  @Override
  public long revision(BasisState state, int section) {
    LearnerState dictionary = state.dictionaryOrNull;
    return switch (section) {
      case 0, 1 -> state.revision;
      case 2 -> state.momentsRevision;
      case 3 -> state.publishedRevision;
      case 4 -> dictionary == null ? -1 : dictionary.statisticsRevision();
      default -> dictionary == null ? -1 : dictionary.dictionaryRevision();
    };
  }

  @Override
  public byte[] encode(BasisState state, int section) {
    ByteBuffer out =
        StateHeader.begin(StateHeader.KEY_VALUE_BASIS, VERSION, section, bytes(state, section));
    switch (section) {
      case 0 -> encodeHead(state, out);
      case 1 -> {
        out.putInt(state.waitingTokens);
        StateHeader.putFloats(out, state.waiting, 0, state.waitingTokens * channels(state));
      }
      case 2 -> {
        if (state.momentsOrNull != null) {
          state.momentsOrNull.encode(out);
        }
      }
      case 3 -> {
        if (state.publishedOrNull != null) {
          encodeBasis(state.publishedOrNull, out);
        }
      }
      case 4 -> {
        if (state.dictionaryOrNull != null) {
          state.dictionaryOrNull.encodeStatistics(out);
        }
      }
      default -> {
        if (state.dictionaryOrNull != null) {
          state.dictionaryOrNull.encodeDictionary(out);
        }
      }
    }
    return out.array();
  }

  @Override
  public BasisState decode(byte[][] sections) {
    if (sections.length != SECTIONS) {
      throw new IllegalArgumentException(
          "basis state has " + sections.length + " sections, expected " + SECTIONS);
    }
    ByteBuffer[] in = new ByteBuffer[SECTIONS];
    for (int section = 0; section < SECTIONS; section++) {
      in[section] =
          StateHeader.open(sections[section], StateHeader.KEY_VALUE_BASIS, VERSION, section);
    }
    BasisState state = decodeHead(in[0]);
    int channels = channels(state);
    decodeWaiting(state, in[1]);
    if (state.vectorsOrNull != null) {
      state.momentsOrNull = SecondMoments.decode(in[2], channels);
    }
    if (state.version > 0) {
      state.publishedOrNull = decodeBasis(state, in[3]);
    }
    if (in[4].hasRemaining() || in[5].hasRemaining()) {
      state.dictionaryOrNull = LearnerState.decode(in[4], in[5]);
    }
    for (ByteBuffer section : in) {
      StateHeader.end(section);
    }
    requireSense(state);
    return state;
  }

  @Override
  public long heapBytes(BasisState state) {
    long bytes = 512 + (long) Float.BYTES * state.waiting.length;
    if (state.momentsOrNull != null) {
      bytes += state.momentsOrNull.encodedBytes();
    }
    if (state.publishedOrNull != null) {
      bytes += (long) Float.BYTES * state.publishedOrNull.components().length;
    }
    return bytes + (state.dictionaryOrNull == null ? 0 : state.dictionaryOrNull.heapBytes());
  }

  private static int channels(BasisState state) {
    return state.vectorsOrNull == null ? 0 : state.vectorsOrNull.channels();
  }

  private static int bytes(BasisState state, int section) {
    int c = channels(state);
    TransformBasis basis = state.publishedOrNull;
    LearnerState dictionary = state.dictionaryOrNull;
    return switch (section) {
      case 0 ->
          StateHeader.textBytes(state.key)
              + COUNTERS * Long.BYTES
              + 1
              + (state.vectorsOrNull == null
                  ? 0
                  : 26 + Double.BYTES * state.vectorsOrNull.rotary().getFrequencyScale().size());
      case 1 -> Integer.BYTES + Float.BYTES * state.waitingTokens * c;
      case 2 -> state.momentsOrNull == null ? 0 : state.momentsOrNull.encodedBytes();
      case 3 ->
          basis == null
              ? 0
              : Integer.BYTES
                  + 2 * Short.BYTES * c
                  + basis.componentCount() * (Float.BYTES + Short.BYTES * c);
      case 4 -> dictionary == null ? 0 : dictionary.statisticsBytes();
      default -> dictionary == null ? 0 : dictionary.dictionaryBytes();
    };
  }

  private static void encodeHead(BasisState state, ByteBuffer out) {
    StateHeader.putText(out, state.key);
    out.putLong(state.version)
        .putLong(state.budgetVersion)
        .putLong(state.dictionaryVersion)
        .putLong(state.tokens)
        .putLong(state.measuredTokens)
        .putLong(state.newestMicros);
    Vectors vectors = state.vectorsOrNull;
    StateHeader.putFlag(out, vectors != null);
    if (vectors != null) {
      RotaryPosition rotary = vectors.rotary();
      out.putInt(vectors.heads()).putInt(vectors.headDimension());
      StateHeader.putFlag(out, rotary.getState() == RotaryState.BEFORE);
      StateHeader.putFlag(out, rotary.getPairing() == RotaryPairing.HALVES);
      out.putDouble(rotary.getBase()).putInt(rotary.getDimensions());
      out.putInt(rotary.getFrequencyScale().size());
      rotary.getFrequencyScale().forEach(out::putDouble);
    }
  }

  private static BasisState decodeHead(ByteBuffer in) {
    BasisState state = new BasisState(StateHeader.getText(in));
    StateHeader.need(in, COUNTERS * Long.BYTES);
    state.version = counter(in);
    state.budgetVersion = counter(in);
    state.dictionaryVersion = counter(in);
    state.tokens = counter(in);
    state.measuredTokens = counter(in);
    state.newestMicros = counter(in);
    if (!StateHeader.getFlag(in)) {
      return state;
    }
    StateHeader.need(in, 2 * Integer.BYTES);
    int heads = in.getInt();
    int headDimension = in.getInt();
    RotaryState rotary = StateHeader.getFlag(in) ? RotaryState.BEFORE : RotaryState.NONE;
    RotaryPairing pairing =
        StateHeader.getFlag(in) ? RotaryPairing.HALVES : RotaryPairing.NEIGHBOURS;
    StateHeader.need(in, Double.BYTES + 2 * Integer.BYTES);
    double base = in.getDouble();
    int dimensions = in.getInt();
    int factors = in.getInt();
    StateHeader.need(in, factors < 0 ? Long.MAX_VALUE : (long) factors * Double.BYTES);
    List<Double> scale = new ArrayList<>(factors);
    for (int i = 0; i < factors; i++) {
      scale.add(in.getDouble());
    }
    state.vectorsOrNull =
        new Vectors(
            heads, headDimension, new RotaryPosition(rotary, pairing, base, dimensions, scale));
    return state;
  }

  private static void decodeWaiting(BasisState state, ByteBuffer in) {
    StateHeader.need(in, Integer.BYTES);
    int waiting = in.getInt();
    int c = channels(state);
    if (waiting < 0 || waiting >= BasisState.BLOCK || (c == 0 && waiting > 0)) {
      throw new IllegalArgumentException("basis state has " + waiting + " waiting tokens");
    }
    float[] values = StateHeader.getFloats(in, waiting * c);
    state.waiting = new float[BasisState.BLOCK * c];
    state.waitingTokens = waiting;
    System.arraycopy(values, 0, state.waiting, 0, values.length);
    for (float value : values) {
      if (!Float.isFinite(value)) {
        throw new IllegalArgumentException("basis state holds a token with " + value);
      }
    }
  }

  private static void encodeBasis(TransformBasis basis, ByteBuffer out) {
    out.putInt(basis.componentCount());
    putHalves(out, basis.mean());
    putHalves(out, basis.channelDeviations());
    StateHeader.putFloats(out, basis.deviations(), 0, basis.componentCount());
    putHalves(out, basis.components());
  }

  private static TransformBasis decodeBasis(BasisState state, ByteBuffer in) {
    StateHeader.need(in, Integer.BYTES);
    int r = in.getInt();
    int c = channels(state);
    StateHeader.need(in, r < 0 ? Long.MAX_VALUE : 4L * c + (long) r * (Float.BYTES + 2L * c));
    return new TransformBasis(
        state.key,
        state.version,
        state.vectorsOrNull,
        halves(in, c),
        halves(in, c),
        StateHeader.getFloats(in, r),
        halves(in, r * c));
  }

  private static void putHalves(ByteBuffer out, float[] values) {
    for (float value : values) {
      out.putShort(Float16.encode(value));
    }
  }

  private static float[] halves(ByteBuffer in, int count) {
    float[] values = new float[count];
    Float16.get(in, values, count);
    return values;
  }

  private static long counter(ByteBuffer in) {
    long value = in.getLong();
    if (value < 0) {
      throw new IllegalArgumentException("basis state counts " + value);
    }
    return value;
  }

  private static void requireSense(BasisState state) {
    LearnerState dictionary = state.dictionaryOrNull;
    if (state.vectorsOrNull == null
        ? state.version > 0 || dictionary != null
        : dictionary != null
            && dictionary.dictionary().dimension() != state.vectorsOrNull.headDimension()) {
      throw new IllegalArgumentException("basis state does not fit itself");
    }
  }
}
