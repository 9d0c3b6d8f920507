package io.millrace.operator.dictionary;

import io.millrace.operator.Models;
import io.millrace.operator.Operator;
import io.millrace.schema.Anomaly;
import io.millrace.schema.AnomalyKind;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SparseCode;
import io.millrace.schema.VersionCause;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Random;
import java.util.function.Consumer;
import org.apache.avro.specific.SpecificRecord;

/**
 * Learns dictionaries from sensor readings while it encodes them: readings become windows, each
 * window is coded with the present version, the codes' statistics are added up, and at the end of a
 * round the next version is made and published (online dictionary learning: Mairal, Bach, Ponce,
 * Sapiro, 2009). The residual of each window is held against its running quantile (outliers) and
 * tested for drift (Page-Hinkley); a drift alarm makes the learner forget and publish at once.
 *
 * <p>Rules: a reading at the time of the one before is a duplicate, an earlier one is late; both
 * are refused. A silence longer than the window's settings allow ends the window early: what has
 * come since the window's start is coded with the rest missing, and a new window starts. Outliers
 * are coded but not learned from. Before a first version is learned windows are coded with version
 * 0, {@link Cosines}.
 *
 * <p>With a shared dictionary, workers follow it through {@link Models}, code with the newest
 * version they know at each window and send their sums to {@link SharedDictionaryMerge}. Sums that
 * the merge stage would refuse as too old are dropped: the codes stand, they teach nothing.
 *
 * <p>Cost per reading O(C), per window that of the coder + O(d s), per batch that of the learner.
 * State: see {@link SensorState}. One thread.
 */
public final class SensorDictionaryLearning
    implements Operator<SensorReading, SensorState, SpecificRecord> {
  private static final RoundResult NO_ROUND = new RoundResult(0, 0, 0, OptionalDouble.empty());

  /** Residuals below this, in scales, are rounding. */
  private static final float LEAST_RESIDUAL = 1e-6f;

  private final SensorDictionarySettings settings;
  private final WindowSettings windows;
  private final SparseCoder coder;
  private final DictionaryLearner learner;
  private final float[] initialAtoms;
  private final SparseCodeWriter writer;
  private final WindowSnapshot snapshot;
  private final SparseCodes codes = new SparseCodes();
  private final boolean withCodeProducts;
  private final ReadingCheck check;
  private final float[] absent;

  /** Null when each sensor has its own dictionary. */
  private final SharedDictionaryWorker workerOrNull;

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
    this.initialAtoms = Cosines.atoms(settings.atoms(), windows.channels(), windows.length());
    this.withCodeProducts = learner.createStatistics(1, 1).codeProducts().length > 0;
    this.writer = new SparseCodeWriter(settings.errorBound(), windows.dimension());
    this.snapshot = new WindowSnapshot(windows.channels(), windows.length());
    this.check = new ReadingCheck(windows.channels());
    this.absent = new float[windows.channels()];
    Arrays.fill(absent, Float.NaN);
    this.workerOrNull =
        settings.isShared()
            ? new SharedDictionaryWorker(settings, initialLearner().dictionary())
            : null;
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
        shared ? null : initialLearner(),
        shared ? learner.createStatistics(settings.atoms(), windows.dimension()) : null);
  }

  private LearnerState initialLearner() {
    return learner.createState(initialAtoms, settings.atoms(), windows.dimension());
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
    float[] step = check.accept(reading, state.newestMicros);
    long micros = reading.getTimeMicros();
    state.revision++;
    bridge(state, micros, models, out);
    state.newestMicros = micros;
    add(state, micros, step, models, out);
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

  private void requireShape(SensorState state) {
    if (state.window.channels() != windows.channels()
        || state.window.length() != windows.length()
        || state.atoms() != settings.atoms()
        || (state.learnerOrNull == null) != settings.isShared()
        || state.statistics().codeProducts().length > 0 != withCodeProducts) {
      throw new IllegalStateException(
          "kept state is for "
              + state.window.channels()
              + " channels, length "
              + state.window.length()
              + ", "
              + state.atoms()
              + " atoms, "
              + (state.learnerOrNull == null ? "a shared dictionary" : "its own dictionary")
              + "; settings differ, or the learner does: reset the pipeline's state or give it a"
              + " new name (key="
              + state.key
              + ")");
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
    state.window.snapshot(windows.hop(), snapshot);
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
    float residual = writer.residual();
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

  /**
   * Residual over its running quantile; 0 during warm-up. The history takes an outlier as one at
   * the threshold: an event of many windows is flagged to its end instead of hiding itself, and a
   * change for good becomes usual step by step.
   */
  private float score(SensorState state, float residual) {
    DetectionSettings detection = settings.detection();
    if (state.residuals.size() < detection.warmUpWindows()) {
      state.residuals.add(residual);
      return 0f;
    }
    float usual = Math.max(state.residuals.quantile(detection.quantile()), LEAST_RESIDUAL);
    state.residuals.add(Math.min(residual, (float) detection.threshold() * usual));
    return Math.min(residual / usual, Float.MAX_VALUE);
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
    int record = state.addToBatch(snapshot.normalised);
    if (!snapshot.isComplete()) {
      DictionaryLearner.fillMissing(
          dictionary, state.batchRecords, record, snapshot.observed, codes, 0);
    }
    state.batchCodes.append(
        codes.atoms(),
        codes.values(),
        codes.entryCount(),
        codes.energy(0),
        codes.residualEnergy(0));
    if (state.batchCodes.count() < state.batchWindows) {
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
      workerOrNull.contribute(state, out);
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
    DictionarySlices.emit(header, state.learnerOrNull, out);
  }

  /** The dictionary for the next window, after publishing or adopting what is due. */
  private Dictionary dictionary(
      SensorState state, Models models, Consumer<? super SpecificRecord> out) {
    if (state.learnerOrNull == null) {
      return sharedDictionary(state, models, out);
    }
    if (!state.initialPublished) {
      publish(state, VersionCause.INITIAL, NO_ROUND, out);
      state.initialPublished = true;
    }
    return state.learnerOrNull.dictionary();
  }

  private Dictionary sharedDictionary(
      SensorState state, Models models, Consumer<? super SpecificRecord> out) {
    workerOrNull.newer(state, models).ifPresent(latest -> adopt(state, latest, models, out));
    return workerOrNull
        .present(state, models)
        .orElseThrow(
            () ->
                new IllegalStateException(
                    "shared dictionary "
                        + settings.sharedDictionary()
                        + " has no version "
                        + state.version
                        + ", which the state uses (key="
                        + state.key
                        + ")"));
  }

  /** Sums belong to one version: what the old one coded leaves before the new one codes. */
  private void adopt(
      SensorState state,
      DictionaryModel latest,
      Models models,
      Consumer<? super SpecificRecord> out) {
    Optional<Dictionary> coded = workerOrNull.present(state, models);
    boolean stale = latest.version() - state.version >= SharedDictionaryMerge.STALE_VERSIONS;
    if (stale || coded.isEmpty()) {
      workerOrNull.forget(state);
    } else if (state.batchCodes.count() > 0) {
      fold(state, coded.get());
    }
    workerOrNull.contribute(state, out);
    workerOrNull.adopt(state, latest);
  }

  @Override
  public void warmUp() {
    SensorState state = createState("warm-up");
    SensorReading reading = new SensorReading();
    Random random = new Random(1);
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
      reading.setValues(Arrays.asList(values));
      accept(state, reading, 0, Models.NONE, record -> {});
    }
  }
}
