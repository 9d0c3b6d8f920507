package io.millrace.operator.kvcache;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.operator.Operator;
import io.millrace.operator.kvcache.BasisSettings.Schedule;
import io.millrace.operator.kvcache.TransformBasis.Vectors;
import io.millrace.schema.BasisCause;
import io.millrace.schema.BasisVersion;
import io.millrace.schema.HeadBudget;
import io.millrace.schema.KeyValueSample;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.apache.avro.specific.SpecificRecord;

/**
 * Learns the basis of one (model, layer, keys or values) from sampled tokens of all its sessions,
 * and says how many bits its heads deserve. Keys come as they are before the rotary step.
 *
 * <p>Tokens gather in blocks of {@value BasisState#BLOCK}; each full block decays the moments by
 * 2^(-{@value BasisState#BLOCK} / half-life) and enters them. Version 1 comes after {@link
 * Schedule#minimumTokens}; from then on {@link CodingGain} is measured every {@link
 * Schedule#intervalTokens}, and a version that saves more than {@link Schedule#gainBits} bits a
 * value follows. After one that saves {@value #DRIFT} times as much the stream has changed: what
 * was seen before it is all but forgotten. Versions come with the heads' budgets of the same
 * moments. Samples may come late or out of order: each counts when it comes.
 *
 * <p>What differs from KVTC (see {@link TransformBasis}): learned from the stream, without end, one
 * basis a layer; versions are records.
 *
 * <p>State: {@link BasisState}. Cost: c^2 multiply-adds a token; c^3 / 6 + r c^2 a measurement; 20
 * c^3 / 3 a version: 1.3 s at c = 1024, 0.02 s at c = 256, which its task's other records wait for.
 * One thread.
 */
public final class BasisLearning implements Operator<KeyValueSample, BasisState, SpecificRecord> {
  /** Squares of larger values would not be finite in sums. */
  private static final float MAXIMUM_VALUE = 1e15f;

  /** A gain so many times the threshold is a change of the stream, not a better estimate. */
  private static final double DRIFT = 4;

  private static final double KEPT_AFTER_DRIFT = 0.02;
  private static final long MAXIMUM_MICROS = 253_402_300_799_999_999L;
  private static final int MAXIMUM_TOKENS = 65_535;

  private final BasisSettings settings;
  private final HeadDictionaryLearning dictionaries;
  private final SecondMoments.Scratch scratch = new SecondMoments.Scratch();
  private float[] tokens = new float[0];

  public BasisLearning(BasisSettings settings) {
    this.settings = settings;
    this.dictionaries = new HeadDictionaryLearning(settings.dictionary());
  }

  @Override
  public BasisState createState(String key) {
    return new BasisState(key);
  }

  @Override
  public long eventTimeMillis(KeyValueSample sample) {
    return Math.floorDiv(sample.getTimeMicros(), 1000L);
  }

  @Override
  public void accept(
      BasisState state,
      KeyValueSample sample,
      long eventTimeMillis,
      Models models,
      Consumer<? super SpecificRecord> out) {
    Vectors vectors = check(state, sample);
    int c = vectors.channels();
    read(sample, c);
    if (state.vectorsOrNull == null) {
      state.begin(vectors);
    }
    state.revision++;
    state.newestMicros = Math.max(state.newestMicros, sample.getTimeMicros());
    for (int taken = 0; taken < sample.getTokens(); ) {
      int here = Math.min(sample.getTokens() - taken, BasisState.BLOCK - state.waitingTokens);
      System.arraycopy(tokens, taken * c, state.waiting, state.waitingTokens * c, here * c);
      taken += here;
      state.waitingTokens += here;
      if (state.waitingTokens == BasisState.BLOCK) {
        fold(state, sample, out);
      }
    }
  }

  @Override
  public void warmUp() {
    Vectors vectors = new Vectors(4, 32, new RotaryPosition());
    BasisState state = new BasisState("warm-up");
    state.begin(vectors);
    for (int i = 0; i < state.waiting.length; i++) {
      state.waiting[i] = (i * 31 % 17) - 8;
    }
    for (int i = 0; i < 64; i++) {
      state.momentsOrNull.observe(state.waiting, 0, BasisState.BLOCK, scratch);
    }
  }

  private void fold(BasisState state, KeyValueSample sample, Consumer<? super SpecificRecord> out) {
    Schedule schedule = settings.schedule();
    SecondMoments moments = state.momentsOrNull;
    int c = moments.channels();
    moments.decay(StrictMath.pow(0.5, BasisState.BLOCK / schedule.halfLife(c)));
    moments.observe(state.waiting, 0, BasisState.BLOCK, scratch);
    state.waitingTokens = 0;
    state.tokens += BasisState.BLOCK;
    state.momentsRevision++;
    dictionaries.learn(state, out);
    if (state.version == 0) {
      if (state.tokens >= schedule.minimum(c)) {
        publish(state, sample.getKind(), BasisCause.FIRST, 0, out);
      }
    } else if (state.tokens - state.measuredTokens >= schedule.interval(c)) {
      double gain = CodingGain.bits(state.publishedOrNull, moments, settings.referenceBits());
      state.measuredTokens = state.tokens;
      if (gain > schedule.gainBits()) {
        publish(state, sample.getKind(), BasisCause.GAIN, gain, out);
        if (gain > DRIFT * schedule.gainBits()) {
          moments.decay(KEPT_AFTER_DRIFT);
        }
      }
    }
  }

  private void publish(
      BasisState state,
      TensorKind kind,
      BasisCause cause,
      double gain,
      Consumer<? super SpecificRecord> out) {
    SecondMoments moments = state.momentsOrNull;
    TransformBasis basis =
        TransformBasis.learn(
            state.key, state.version + 1, state.vectorsOrNull, moments, settings.maximumBits());
    state.version = basis.version();
    state.publishedOrNull = basis;
    state.publishedRevision++;
    state.measuredTokens = state.tokens;
    BasisVersion header = new BasisVersion();
    header.setCause(cause);
    header.setVectors(moments.weight());
    header.setCodingGainBits((float) gain);
    header.setTimeMicros(state.newestMicros);
    BasisSlices.emit(basis, header, out);
    state.budgetVersion++;
    out.accept(budget(state, kind));
  }

  private HeadBudget budget(BasisState state, TensorKind kind) {
    Vectors vectors = state.vectorsOrNull;
    HeadEntropies heads =
        new HeadEntropies(state.momentsOrNull, vectors.heads(), vectors.headDimension());
    float[] entropies = heads.entropies(Math.max(1, vectors.headDimension() / 4));
    double total = settings.budget().totalBits();
    float[] water = heads.waterBits(total);
    float[] bits = HeadEntropies.budget(settings.budget().byEntropy() ? entropies : water, total);
    return new HeadBudget(
        state.key,
        state.budgetVersion,
        kind,
        firstHead(state.key),
        boxed(entropies),
        boxed(water),
        boxed(bits),
        (float) total,
        state.newestMicros);
  }

  private Vectors check(BasisState state, KeyValueSample sample) {
    if (!sample.getBasis().equals(state.key)) {
      throw new InvalidInputException(
          Reason.UNKNOWN_MODEL, "sample is for " + sample.getBasis() + ", expected " + state.key);
    }
    long micros = sample.getTimeMicros();
    if (micros < 0 || micros > MAXIMUM_MICROS) {
      throw new InvalidInputException(
          Reason.BAD_TIME, "time is " + micros + " microseconds, expected 0 to " + MAXIMUM_MICROS);
    }
    int heads = sample.getHeads();
    int headDimension = sample.getHeadDimension();
    int widest = settings.maximumChannels();
    if (heads < 1 || headDimension < 1 || heads > widest || headDimension > widest / heads) {
      throw new InvalidInputException(
          Reason.WRONG_DIMENSION,
          "sample has "
              + heads
              + " heads of "
              + headDimension
              + " channels, expected 1 to "
              + widest
              + " in all (learning.maximum-channels)");
    }
    int count = sample.getTokens();
    long bytes =
        (long) count
            * heads
            * headDimension
            * TokenFormat.valueOf(sample.getFormat().name()).bytes();
    if (count < 1 || count > MAXIMUM_TOKENS || sample.getElements().remaining() != bytes) {
      throw new InvalidInputException(
          Reason.MALFORMED,
          "sample of "
              + count
              + " tokens has "
              + sample.getElements().remaining()
              + " bytes, expected 1 to "
              + MAXIMUM_TOKENS
              + " tokens and "
              + bytes);
    }
    Vectors vectors = new Vectors(heads, headDimension, rotary(sample.getRotary(), headDimension));
    if (state.vectorsOrNull != null && !state.vectorsOrNull.equals(vectors)) {
      throw new InvalidInputException(
          Reason.INCONSISTENT, "sample is " + vectors + ", expected " + state.vectorsOrNull);
    }
    return vectors;
  }

  private static RotaryPosition rotary(RotaryPosition rotary, int headDimension) {
    List<Double> scale = rotary.getFrequencyScale();
    int dimensions = rotary.getDimensions();
    if (rotary.getState() == RotaryState.AFTER
        || dimensions < 0
        || dimensions > headDimension
        || !(scale.isEmpty() || scale.size() == dimensions / 2)
        || !Double.isFinite(rotary.getBase())
        || !scale.stream().allMatch(Double::isFinite)) {
      throw new InvalidInputException(
          Reason.OUT_OF_RANGE,
          "sample has rotary position "
              + rotary
              + ", expected one before the rotary step, or none, with at most "
              + headDimension
              + " dimensions");
    }
    return new RotaryPosition(
        rotary.getState(), rotary.getPairing(), rotary.getBase(), dimensions, List.copyOf(scale));
  }

  /** Fills {@link #tokens}, or refuses what is in the sample. */
  private void read(KeyValueSample sample, int c) {
    int count = sample.getTokens() * c;
    if (tokens.length < count) {
      tokens = new float[count];
    }
    TokenFormat format = TokenFormat.valueOf(sample.getFormat().name());
    ByteBuffer in = sample.getElements().duplicate().order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      tokens[i] = format.get(in);
      if (!(Math.abs(tokens[i]) <= MAXIMUM_VALUE)) {
        throw new InvalidInputException(
            Float.isFinite(tokens[i]) ? Reason.OUT_OF_RANGE : Reason.NOT_FINITE,
            "token "
                + i / c
                + " has "
                + tokens[i]
                + " in channel "
                + i % c
                + ", expected at most "
                + MAXIMUM_VALUE);
      }
    }
  }

  /** The last part of an id. */
  private static int firstHead(String basis) {
    String head = basis.substring(basis.lastIndexOf('/') + 1);
    return head.matches("[0-9]{1,9}") ? Integer.parseInt(head) : 0;
  }

  private static List<Float> boxed(float[] values) {
    List<Float> list = new ArrayList<>(values.length);
    for (float value : values) {
      list.add(value);
    }
    return list;
  }
}
