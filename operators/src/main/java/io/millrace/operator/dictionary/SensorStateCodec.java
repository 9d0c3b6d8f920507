package io.millrace.operator.dictionary;

import io.millrace.operator.StateCodec;
import io.millrace.operator.StateHeader;
import java.nio.ByteBuffer;

/**
 * Bytes of a {@link SensorState} in three sections, each behind a {@link StateHeader} of family
 * {@link StateHeader#SENSOR_DICTIONARY}, little endian.
 *
 * <pre>
 * section 0, moves with every reading
 *   2 + n        the sensor's key, UTF-8
 *   window       {@link SlidingWindow#encode}
 *   residuals    {@link ResidualQuantile#encode}
 *   8 8          drift test: delta, level;  32: {@link PageHinkley#encode}
 *   8 x 5        newestMicros, roundWindows, scheduleWindows, version, contributions
 *   1 1          1: version 0 is published; 1: the dictionary is shared
 *   4 4          capacity of the batch, windows in it
 *   per window   4 d floats; 4 entries; 4 energy; 4 residual energy; per entry 4 atom, 4 value
 * section 1, moves with every batch
 *   {@link SufficientStatistics#encode}
 * section 2, moves with every round; empty when the dictionary is shared
 *   {@link LearnerState#encodeDictionary}
 * </pre>
 */
public final class SensorStateCodec implements StateCodec<SensorState> {
  private static final byte VERSION = 1;
  private static final int MAXIMUM_HISTORY = 65_536;
  private static final int NUMBERS = 5;

  /** What follows the drift test: numbers, two flags, two counts. */
  private static final int TAIL_BYTES = NUMBERS * Long.BYTES + 2 + 2 * Integer.BYTES;

  @Override
  public int sections() {
    return 3;
  }

  @Override
  public long revision(SensorState state, int section) {
    return switch (section) {
      case 0 -> state.revision;
      case 1 ->
          state.learnerOrNull != null
              ? state.learnerOrNull.statisticsRevision()
              : state.partialRevision;
      default -> state.learnerOrNull != null ? state.learnerOrNull.dictionaryRevision() : 0;
    };
  }

  @Override
  public byte[] encode(SensorState state, int section) {
    ByteBuffer buffer =
        StateHeader.begin(
            StateHeader.SENSOR_DICTIONARY, VERSION, section, sectionBytes(state, section));
    switch (section) {
      case 0 -> encodeHot(state, buffer);
      case 1 -> state.statistics().encode(buffer);
      default -> {
        if (state.learnerOrNull != null) {
          state.learnerOrNull.encodeDictionary(buffer);
        }
      }
    }
    return buffer.array();
  }

  @Override
  public SensorState decode(byte[][] sections) {
    ByteBuffer hot = open(sections, 0);
    String key = StateHeader.getText(hot);
    SlidingWindow window = SlidingWindow.decode(hot);
    ResidualQuantile residuals = ResidualQuantile.decode(hot, MAXIMUM_HISTORY);
    StateHeader.need(hot, 2 * Double.BYTES + PageHinkley.BYTES + TAIL_BYTES);
    PageHinkley.Settings drift = new PageHinkley.Settings(hot.getDouble(), hot.getDouble());
    ByteBuffer driftState = hot.duplicate().order(hot.order());
    hot.position(hot.position() + PageHinkley.BYTES);
    long[] numbers = new long[NUMBERS];
    for (int i = 0; i < NUMBERS; i++) {
      numbers[i] = hot.getLong();
      if (numbers[i] < (i == 0 ? -1 : 0)) {
        throw new IllegalArgumentException("sensor state counts " + numbers[i]);
      }
    }
    boolean published = StateHeader.getFlag(hot);
    boolean shared = StateHeader.getFlag(hot);
    int batchWindows = hot.getInt();
    int count = hot.getInt();
    int dimension = window.channels() * window.length();
    if (batchWindows < 1
        || batchWindows > RoundSettings.MAXIMUM_BATCH
        || count < 0
        || count >= batchWindows) {
      throw new IllegalArgumentException(
          "sensor state declares " + count + " of " + batchWindows + " batch windows");
    }
    StateHeader.need(hot, (long) count * (dimension * 4L + 12));
    LearnerState learner = null;
    SufficientStatistics partial = null;
    ByteBuffer statistics = open(sections, 1);
    ByteBuffer dictionary = open(sections, 2);
    if (shared) {
      partial = SufficientStatistics.decode(statistics);
    } else {
      learner = LearnerState.decode(statistics, dictionary);
    }
    StateHeader.end(statistics);
    StateHeader.end(dictionary);
    SensorState state =
        new SensorState(key, window, residuals, drift, batchWindows, learner, partial);
    if ((shared ? partial.dimension() : learner.dictionary().dimension()) != dimension) {
      throw new IllegalArgumentException(
          "sensor state has windows of " + dimension + " and statistics of another dimension");
    }
    state.drift.decode(driftState);
    state.newestMicros = numbers[0];
    state.roundWindows = numbers[1];
    state.scheduleWindows = numbers[2];
    state.version = numbers[3];
    state.contributions = numbers[4];
    state.initialPublished = published;
    decodeBatch(hot, state, count);
    StateHeader.end(hot);
    return state;
  }

  @Override
  public long heapBytes(SensorState state) {
    long learned =
        state.learnerOrNull != null
            ? state.learnerOrNull.heapBytes()
            : state.partialOrNull.encodedBytes();
    return sectionBytes(state, 0) + 4L * state.batchRecords.length + learned + 1024;
  }

  private static int sectionBytes(SensorState state, int section) {
    return switch (section) {
      case 0 ->
          StateHeader.textBytes(state.key)
              + state.window.encodedBytes()
              + state.residuals.encodedBytes()
              + 2 * Double.BYTES
              + PageHinkley.BYTES
              + TAIL_BYTES
              + state.batchCodes.count() * (state.dimension() * 4 + 12)
              + state.batchCodes.entryCount() * 8;
      case 1 -> state.statistics().encodedBytes();
      default -> state.learnerOrNull != null ? state.learnerOrNull.dictionaryBytes() : 0;
    };
  }

  private static void encodeHot(SensorState state, ByteBuffer buffer) {
    StateHeader.putText(buffer, state.key);
    state.window.encode(buffer);
    state.residuals.encode(buffer);
    buffer.putDouble(state.driftSettings.delta()).putDouble(state.driftSettings.level());
    state.drift.encode(buffer);
    buffer
        .putLong(state.newestMicros)
        .putLong(state.roundWindows)
        .putLong(state.scheduleWindows)
        .putLong(state.version)
        .putLong(state.contributions);
    StateHeader.putFlag(buffer, state.initialPublished);
    StateHeader.putFlag(buffer, state.learnerOrNull == null);
    buffer.putInt(state.batchWindows).putInt(state.batchCodes.count());
    SparseCodes codes = state.batchCodes;
    int dimension = state.dimension();
    for (int row = 0; row < codes.count(); row++) {
      StateHeader.putFloats(buffer, state.batchRecords, row * dimension, dimension);
      buffer.putInt(codes.start(row + 1) - codes.start(row));
      buffer.putFloat(codes.energy(row)).putFloat(codes.residualEnergy(row));
      for (int entry = codes.start(row); entry < codes.start(row + 1); entry++) {
        buffer.putInt(codes.atoms()[entry]).putFloat(codes.values()[entry]);
      }
    }
  }

  private static void decodeBatch(ByteBuffer buffer, SensorState state, int count) {
    int dimension = state.dimension();
    for (int row = 0; row < count; row++) {
      StateHeader.need(buffer, dimension * 4L + 12);
      state.addToBatch(StateHeader.getFloats(buffer, dimension));
      int entries = buffer.getInt();
      float energy = buffer.getFloat();
      float residualEnergy = buffer.getFloat();
      StateHeader.need(buffer, entries < 0 ? Long.MAX_VALUE : entries * 8L);
      int[] atoms = new int[entries];
      float[] values = new float[entries];
      for (int entry = 0; entry < entries; entry++) {
        atoms[entry] = buffer.getInt();
        values[entry] = buffer.getFloat();
        if (atoms[entry] < 0 || atoms[entry] >= state.atoms()) {
          throw new IllegalArgumentException(
              "sensor state names atom " + atoms[entry] + " of " + state.atoms());
        }
      }
      state.batchCodes.append(atoms, values, entries, energy, residualEnergy);
    }
  }

  private static ByteBuffer open(byte[][] sections, int section) {
    if (sections.length != 3) {
      throw new IllegalArgumentException(
          "sensor state has " + sections.length + " sections, expected 3");
    }
    return StateHeader.open(sections[section], StateHeader.SENSOR_DICTIONARY, VERSION, section);
  }
}
