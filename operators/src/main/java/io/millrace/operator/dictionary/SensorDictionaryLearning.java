package io.millrace.operator.dictionary;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.Models;
import io.millrace.operator.Operator;
import io.millrace.schema.Anomaly;
import io.millrace.schema.AnomalyKind;
import io.millrace.schema.DictionaryStatistics;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SparseCode;
import io.millrace.schema.VersionCause;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.apache.avro.generic.PrimitivesArrays.FloatArray;
import org.apache.avro.specific.SpecificRecord;

/**
 * Learns dictionaries from sensor readings while it encodes them: readings become windows, each
 * window is coded with the present version, the codes' statistics are added up, and at the end of a
 * round the next version is made and published (online dictionary learning: Mairal, Bach, Ponce,
 * Sapiro, 2009). The residual of each window is held against its running quantile (outliers) and
 * tested for drift (Page-Hinkley); a drift alarm makes the learner forget and publish at once.
 *
 * <p>Rules: a reading at the time of the one before is a duplicate, an earlier one is late; both
 * are refused. A silence longer than the window's settings allow ends the window early: what it
 * holds is coded with the rest missing, and a new window starts. Outliers are coded but not learned
 * from. Before a first version is learned windows are coded with version 0, {@link Cosines}.
 *
 * <p>With a shared dictionary, workers follow it through {@link Models}, code with the newest
 * version they know at each window and send their sums to {@link SharedDictionaryMerge}.
 *
 * <p>Cost per reading O(C), per window that of the coder + O(d s), per batch that of the learner.
 * State: see {@link SensorState}. One thread.
 */
public final class SensorDictionaryLearning
    implements Operator<SensorReading, SensorState, SpecificRecord> {
  /** 9999-12-31T23:59:59.999999Z. */
  private static final long MAXIMUM_MICROS = 253_402_300_799_999_999L;

  /** Larger readings would overflow float32 squares. */
  private static final float MAXIMUM_VALUE = 1e30f;

  private final SensorDictionarySettings settings;
  private final WindowSettings windows;
  private final SparseCoder coder;
  private final DictionaryLearner learner;
  private final Dictionary builtIn;
  private final SparseCodeWriter writer;
  private final WindowSnapshot snapshot;
  private final SparseCodes codes = new SparseCodes();
  private final float[] step;
  private final float[] absent;

  /**
   * @param coder owned by this operator from now on
   * @param learner owned by this operator from now on
   */
  public SensorDictionaryLearning(
      SensorDictionarySettings settings, SparseCoder coder, DictionaryLearner learner) {
    this.settings = settings;
    this.windows = settings.window();
    this.coder = coder;
    this.learner = learner;
    this.builtIn =
        Dictionary.of(
            Cosines.atoms(settings.atoms(), windows.channels(), windows.length()),
            settings.atoms(),
            windows.dimension());
    this.writer = new SparseCodeWriter(settings.errorBound(), windows.dimension());
    this.snapshot = new WindowSnapshot(windows.channels(), windows.length());
    this.step = new float[windows.channels()];
    this.absent = new float[windows.channels()];
    java.util.Arrays.fill(absent, Float.NaN);
  }

  @Override
  public SensorState createState(String key) {
    boolean shared = settings.isShared();
    return new SensorState(
        key,
        new SlidingWindow(windows.channels(), windows.length()),
        new ResidualQuantile(settings.detection().historyWindows()),
        settings.detection().drift(),
        settings.rounds().batchWindows(),
        shared ? null : learner.createState(builtIn.atoms(), settings.atoms(), windows.dimension()),
        shared ? learner.createStatistics(settings.atoms(), windows.dimension()) : null);
  }

  @Override
  public long eventTimeMillis(SensorReading reading) {
    return Math.floorDiv(reading.getTimeMicros(), 1000L);
  }

  @Override
  public void accept(
      SensorState state,
      SensorReading reading,
      long eventTimeMillis,
      Models models,
      Consumer<? super SpecificRecord> out) {
    requireShape(state);
    read(reading);
    requireOrder(state, reading.getTimeMicros());
    state.revision++;
    bridge(state, reading.getTimeMicros(), models, out);
    add(state, reading.getTimeMicros(), step, models, out);
    state.newestMicros = reading.getTimeMicros();
  }

  @Override
  public OptionalLong nextDeadlineMillis(SensorState state) {
    return windows.idleFlushMillis() > 0 && state.window.uncovered() > 0
        ? OptionalLong.of(state.newestMicros / 1000 + windows.idleFlushMillis())
        : OptionalLong.empty();
  }

  @Override
  public void onDeadline(
      SensorState state, long deadlineMillis, Models models, Consumer<? super SpecificRecord> out) {
    state.revision++;
    flush(state, models, out);
  }

  /** Checks a reading and lays it out in {@link #step}, NaN where missing. */
  private void read(SensorReading reading) {
    List<Float> values = reading.getValues();
    if (values.size() != windows.channels()) {
      throw new InvalidInputException(
          Reason.WRONG_DIMENSION,
          "reading has " + values.size() + " values, expected " + windows.channels());
    }
    long micros = reading.getTimeMicros();
    if (micros < 0 || micros > MAXIMUM_MICROS) {
      throw new InvalidInputException(
          Reason.BAD_TIME, "time is " + micros + " microseconds, expected 0 to " + MAXIMUM_MICROS);
    }
    boolean primitive = values instanceof FloatArray;
    for (int channel = 0; channel < step.length; channel++) {
      step[channel] = primitive ? ((FloatArray) values).getFloat(channel) : values.get(channel);
    }
    List<Integer> missing = reading.getMissing();
    int before = -1;
    for (int i = 0; i < missing.size(); i++) {
      int channel = missing.get(i);
      if (channel <= before || channel >= step.length) {
        throw new InvalidInputException(
            Reason.MALFORMED,
            "missing channel is " + channel + ", expected rising numbers below " + step.length);
      }
      before = channel;
    }
    int listed = 0;
    for (int channel = 0; channel < step.length; channel++) {
      if (listed < missing.size() && missing.get(listed) == channel) {
        step[channel] = Float.NaN;
        listed++;
      } else if (!Float.isFinite(step[channel])) {
        throw new InvalidInputException(
            Reason.NOT_FINITE,
            "value " + channel + " is " + step[channel] + ", expected a finite number");
      } else if (Math.abs(step[channel]) > MAXIMUM_VALUE) {
        throw new InvalidInputException(
            Reason.OUT_OF_RANGE,
            "value " + channel + " is " + step[channel] + ", expected at most " + MAXIMUM_VALUE);
      }
    }
  }

  private static void requireOrder(SensorState state, long micros) {
    if (micros == state.newestMicros) {
      throw new InvalidInputException(
          Reason.DUPLICATE, "time is " + micros + ", as of the reading before");
    }
    if (micros < state.newestMicros) {
      throw new InvalidInputException(
          Reason.LATE, "time is " + micros + ", the newest reading is of " + state.newestMicros);
    }
  }

  private void requireShape(SensorState state) {
    if (state.window.channels() != windows.channels()
        || state.window.length() != windows.length()
        || state.atoms() != settings.atoms()
        || (state.learnerOrNull == null) != settings.isShared()) {
      throw new IllegalStateException(
          "kept state is for "
              + state.window.channels()
              + " channels, length "
              + state.window.length()
              + ", "
              + state.atoms()
              + " atoms; settings differ: reset the pipeline's state or give it a new name");
    }
  }

  /** Fills a short silence with missing steps; ends the window at a long one. */
  private void bridge(
      SensorState state, long micros, Models models, Consumer<? super SpecificRecord> out) {
    if (state.newestMicros < 0 || state.window.filled() == 0) {
      return;
    }
    long silence = micros - state.newestMicros;
    boolean tooLong = windows.maximumGapMicros() > 0 && silence > windows.maximumGapMicros();
    long interval = windows.intervalMicros();
    long absentSteps = interval > 0 ? (silence + interval / 2) / interval - 1 : 0;
    if (tooLong || absentSteps >= windows.length()) {
      flush(state, models, out);
      state.window.reset();
      return;
    }
    for (long i = 1; i <= absentSteps; i++) {
      add(state, state.newestMicros + i * interval, absent, models, out);
    }
  }

  private void add(
      SensorState state,
      long micros,
      float[] values,
      Models models,
      Consumer<? super SpecificRecord> out) {
    SlidingWindow window = state.window;
    window.add(micros, values);
    if (window.filled() == windows.length() && window.uncovered() >= windows.hop()) {
      code(state, models, out);
    }
  }

  /** Codes the readings that no window has covered, if there are any. */
  private void flush(SensorState state, Models models, Consumer<? super SpecificRecord> out) {
    if (state.window.uncovered() > 0) {
      code(state, models, out);
    }
  }

  private void code(SensorState state, Models models, Consumer<? super SpecificRecord> out) {
    Dictionary dictionary = dictionary(state, models, out);
    state.window.snapshot(snapshot);
    state.window.cover();
    if (snapshot.observedCount == 0) {
      return;
    }
    codes.clear();
    if (snapshot.isComplete()) {
      coder.code(dictionary, snapshot.normalised, 0, 1, codes);
    } else {
      coder.codeMasked(dictionary, snapshot.normalised, 0, snapshot.observed, codes);
    }
    SparseCode code = writer.write(snapshot, dictionary, codes);
    if (settings.isShared()) {
      code.setDictionary(settings.sharedDictionary());
    }
    code.setDictionaryVersion(state.version);
    float residual = (float) Math.sqrt(writer.residualEnergy() / snapshot.observedCount);
    float score = score(state, residual);
    code.setAnomalyScore(score);
    out.accept(code);
    boolean outlier = score > settings.detection().threshold();
    if (outlier) {
      out.accept(anomaly(state, AnomalyKind.OUTLIER, score, residual));
    } else {
      learn(state, dictionary, residual, out);
    }
  }

  /** Residual over its running quantile; 0 during warm-up. */
  private float score(SensorState state, float residual) {
    DetectionSettings detection = settings.detection();
    float score = 0f;
    if (state.residuals.size() >= detection.warmUpWindows()) {
      float usual = state.residuals.quantile(detection.quantile());
      score = residual == 0f ? 0f : Math.min(residual / Math.max(usual, 1e-6f), Float.MAX_VALUE);
    }
    state.residuals.add(residual);
    return score;
  }

  private Anomaly anomaly(SensorState state, AnomalyKind kind, float score, float residual) {
    int length = windows.length();
    Anomaly anomaly = new Anomaly();
    anomaly.setKind(kind);
    anomaly.setStartMicros(snapshot.startMicros);
    anomaly.setSpanMicros(snapshot.spanMicros);
    anomaly.setScore(score);
    anomaly.setThreshold(
        kind == AnomalyKind.OUTLIER
            ? (float) settings.detection().threshold()
            : (float) settings.detection().drift().level());
    anomaly.setResidual(residual);
    anomaly.setPeakMicros(snapshot.micros[writer.peak() % length]);
    anomaly.setPeakChannel(writer.peak() / length);
    anomaly.setDictionary(settings.isShared() ? settings.sharedDictionary() : null);
    anomaly.setDictionaryVersion(state.version);
    anomaly.setReaction("");
    return anomaly;
  }

  /** Adds the window at hand to the batch; folds a full batch into the statistics. */
  private void learn(
      SensorState state,
      Dictionary dictionary,
      float residual,
      Consumer<? super SpecificRecord> out) {
    int dimension = windows.dimension();
    int row = state.batchCodes.count();
    System.arraycopy(snapshot.normalised, 0, state.batchRecords, row * dimension, dimension);
    if (!snapshot.isComplete()) {
      DictionaryLearner.fillMissing(
          dictionary, state.batchRecords, row * dimension, snapshot.observed, codes, 0);
    }
    state.batchCodes.append(
        codes.atoms(),
        codes.values(),
        codes.entryCount(),
        codes.energy(0),
        codes.residualEnergy(0));
    if (row + 1 < state.batchWindows()) {
      return;
    }
    double batchError = fold(state, dictionary);
    if (state.drift.update(batchError)) {
      Anomaly alarm = anomaly(state, AnomalyKind.DRIFT, (float) batchError, residual);
      state.scheduleWindows = 0;
      if (state.learnerOrNull != null) {
        learner.forget(state.learnerOrNull);
        alarm.setReaction("learner forgot; version " + (state.version + 1) + " follows");
      }
      out.accept(alarm);
      endRound(state, VersionCause.DRIFT, out);
    } else if (state.roundWindows >= settings.rounds().roundWindows(state.scheduleWindows)) {
      endRound(state, VersionCause.ROUND, out);
    }
  }

  /** Folds the batch into the statistics and returns its relative error. */
  private double fold(SensorState state, Dictionary dictionary) {
    int count = state.batchCodes.count();
    double energy = 0;
    double residualEnergy = 0;
    for (int row = 0; row < count; row++) {
      energy += state.batchCodes.energy(row);
      residualEnergy += state.batchCodes.residualEnergy(row);
    }
    if (state.learnerOrNull != null) {
      learner.accumulate(state.learnerOrNull, state.batchRecords, 0, count, state.batchCodes);
    } else {
      learner.accumulate(
          state.partialOrNull, dictionary, state.batchRecords, 0, count, state.batchCodes);
      state.partialRevision++;
    }
    state.batchCodes.clear();
    state.roundWindows += count;
    state.scheduleWindows += count;
    return energy > 0 ? Math.sqrt(residualEnergy / energy) : 0;
  }

  private void endRound(
      SensorState state, VersionCause cause, Consumer<? super SpecificRecord> out) {
    state.roundWindows = 0;
    if (state.learnerOrNull == null) {
      contribute(state, out);
      return;
    }
    RoundResult result = learner.endRound(state.learnerOrNull);
    state.version++;
    publish(state, cause, result, out);
  }

  private void publish(
      SensorState state,
      VersionCause cause,
      RoundResult result,
      Consumer<? super SpecificRecord> out) {
    DictionaryVersion header =
        DictionarySlices.header(state.key, learner.name(), windows, settings.atoms(), cause);
    header.setVersion(state.version);
    header.setWindows(state.learnerOrNull.windows());
    header.setTimeMicros(
        cause == VersionCause.INITIAL ? 0 : snapshot.startMicros + snapshot.spanMicros);
    header.setRelativeError((float) result.relativeError());
    header.setReplacedAtoms(result.replacedAtoms());
    DictionarySlices.emit(
        header, state.learnerOrNull.dictionary(), state.learnerOrNull.statistics().usage(), out);
  }

  /** Sends this worker's sums to the merge stage and starts new ones. */
  private void contribute(SensorState state, Consumer<? super SpecificRecord> out) {
    SufficientStatistics partial = state.partialOrNull;
    if (partial.windows() == 0) {
      return;
    }
    DictionaryStatistics header = new DictionaryStatistics();
    header.setDictionary(settings.sharedDictionary());
    header.setVersion(state.version);
    header.setContributor(state.key);
    header.setSequence(state.contributions++);
    header.setLength(windows.length());
    header.setChannels(windows.channels());
    header.setAtomCount(settings.atoms());
    header.setWindows(partial.windows());
    header.setEnergy(partial.energy());
    header.setResidualEnergy(partial.residualEnergy());
    header.setMedianEnergy(partial.medianEnergy());
    header.setTimeMicros(state.newestMicros);
    DictionarySlices.emit(header, partial, out);
    partial.clear();
    state.partialRevision++;
  }

  /** The dictionary for the next window, after publishing or adopting what is due. */
  private Dictionary dictionary(
      SensorState state, Models models, Consumer<? super SpecificRecord> out) {
    if (state.learnerOrNull != null) {
      if (!state.initialPublished) {
        publish(
            state,
            VersionCause.INITIAL,
            new RoundResult(0, 0, 0, java.util.OptionalDouble.empty()),
            out);
        state.initialPublished = true;
      }
      return state.learnerOrNull.dictionary();
    }
    String id = settings.sharedDictionary();
    if (models.latest(id).orElse(null) instanceof DictionaryModel latest
        && latest.version() > state.version) {
      // sums belong to one version: what the old one coded leaves before the new one codes
      Dictionary coded = sharedOrNull(state, models);
      if (coded == null) {
        // a sensor silent for so long that its version is gone: its codes stand, its batch teaches
        // nothing
        state.batchCodes.clear();
      } else if (state.batchCodes.count() > 0) {
        fold(state, coded);
      }
      contribute(state, out);
      state.roundWindows = 0;
      state.version = latest.version();
      state.sharedOrNull = requireFit(latest);
    }
    Dictionary shared = sharedOrNull(state, models);
    if (shared == null) {
      throw new IllegalStateException(
          "shared dictionary "
              + id
              + " has no version "
              + state.version
              + ", which the state of "
              + state.key
              + " uses");
    }
    return shared;
  }

  private Dictionary sharedOrNull(SensorState state, Models models) {
    if (state.sharedOrNull == null) {
      if (state.version == 0) {
        state.sharedOrNull = builtIn;
      } else if (models.version(settings.sharedDictionary(), state.version).orElse(null)
          instanceof DictionaryModel model) {
        state.sharedOrNull = requireFit(model);
      }
    }
    return state.sharedOrNull;
  }

  private Dictionary requireFit(DictionaryModel model) {
    if (model.length() != windows.length()
        || model.channels() != windows.channels()
        || model.dictionary().atomCount() != settings.atoms()) {
      throw new IllegalStateException(
          "shared dictionary "
              + model.id()
              + " has length "
              + model.length()
              + ", "
              + model.channels()
              + " channels, "
              + model.dictionary().atomCount()
              + " atoms; settings differ");
    }
    return model.dictionary();
  }

  @Override
  public void warmUp() {
    SensorState state = createState("warm-up");
    SensorReading reading = new SensorReading();
    java.util.Random random = new java.util.Random(1);
    reading.setMissing(List.of());
    // enough windows for the compiler to see coder and learner; bounded for large dictionaries
    long perWindow = (long) settings.atoms() * windows.dimension() * 4;
    long count = Math.max(4, Math.min(4000, 400_000_000L / perWindow)) * windows.hop();
    for (long i = 0; i < Math.min(count, 400_000); i++) {
      Float[] values = new Float[windows.channels()];
      for (int channel = 0; channel < values.length; channel++) {
        values[channel] = (float) random.nextGaussian();
      }
      reading.setTimeMicros(i * Math.max(1, windows.intervalMicros()));
      reading.setValues(java.util.Arrays.asList(values));
      accept(state, reading, 0, Models.NONE, record -> {});
    }
  }
}
