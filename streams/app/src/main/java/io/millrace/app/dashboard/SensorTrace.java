package io.millrace.app.dashboard;

import io.millrace.app.dashboard.DashboardSnapshot.AnomalyView;
import io.millrace.app.dashboard.DashboardSnapshot.SensorView;
import io.millrace.operator.dictionary.SparseCodeReader;
import io.millrace.schema.Anomaly;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SparseCode;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;

/**
 * The newest readings of one sensor beside what its codes restore, in rings. At most 4096 readings
 * and 8192 values (but 256 readings) are shown, four times as many held, so that what is shown can
 * end where the codes end: about 400 KiB a sensor. Not thread-safe.
 */
final class SensorTrace {
  static final int MAX_CHANNELS = 64;
  private static final int MAX_READINGS = 4096;
  private static final int MIN_READINGS = 256;
  private static final int MAX_VALUES = 8192;
  private static final int HELD_PER_SHOWN = 4;
  private static final int MAX_WAITING = 512;
  private static final int MAX_WAITING_VALUES = 1 << 15;
  private static final int MAX_WINDOW_VALUES = 1 << 14;
  private static final int MAX_ANOMALIES = 200;
  private static final int MAX_SCORES = 512;

  /** A trace that refuses this many readings in a row has the wrong idea of its sensor. */
  private static final int MAX_REFUSED = 64;

  private final String sensor;
  private int channels;
  private int shown;
  private int capacity;
  private long[] times;
  private float[] signal;
  private float[] reconstruction;
  private long head;
  private long tail;

  /** Index after the newest restored reading, and readings of its window. */
  private long restoredEnd;

  private int restoredLength;
  private int refused;
  private String dictionary = "";
  private long lastCodeStart = Long.MIN_VALUE;
  private final Deque<SparseCode> waiting = new ArrayDeque<>();
  private int waitingValues;
  private final Deque<AnomalyView> anomalies = new ArrayDeque<>();
  private final double[] scoreTimes = new double[MAX_SCORES];
  private final float[] scores = new float[MAX_SCORES];
  private long scoreCount;

  SensorTrace(String sensor, int channels) {
    this.sensor = sensor;
    reset(channels);
  }

  private void reset(int newChannels) {
    channels = newChannels;
    shown = Math.max(MIN_READINGS, Math.min(MAX_READINGS, MAX_VALUES / newChannels));
    capacity = HELD_PER_SHOWN * shown;
    times = new long[capacity];
    signal = new float[capacity * newChannels];
    reconstruction = new float[capacity * newChannels];
    head = 0;
    tail = 0;
    restoredEnd = 0;
    refused = 0;
  }

  private int slot(long index) {
    return (int) (index % capacity);
  }

  /** Takes a reading; one that is late or of another dimension is left to the dead letters. */
  void reading(SensorReading reading) {
    List<Float> values = reading.getValues();
    boolean late = tail > head && reading.getTimeMicros() <= times[slot(tail - 1)];
    if (late || values.size() != channels) {
      if (++refused < MAX_REFUSED || values.isEmpty() || values.size() > MAX_CHANNELS) {
        return;
      }
      reset(values.size());
    }
    refused = 0;
    int slot = slot(tail);
    times[slot] = reading.getTimeMicros();
    for (int channel = 0; channel < channels; channel++) {
      signal[slot * channels + channel] = values.get(channel);
      reconstruction[slot * channels + channel] = Float.NaN;
    }
    for (int missing : reading.getMissing()) {
      if (missing >= 0 && missing < channels) {
        signal[slot * channels + missing] = Float.NaN;
      }
    }
    tail++;
    head = Math.max(head, tail - capacity);
  }

  /**
   * Takes a code, to be restored when its readings and its dictionary are at hand.
   *
   * @return values that this window adds to the one before, 0 where that is unknown
   */
  long code(SparseCode code) {
    int length = code.getLength();
    long values = (long) length * code.getMean().size();
    if (length < 1 || values < 1 || values > MAX_WINDOW_VALUES) {
      return 0;
    }
    if (code.getMean().size() != channels && code.getMean().size() <= MAX_CHANNELS) {
      reset(code.getMean().size());
    }
    dictionary = Optional.ofNullable(code.getDictionary()).orElse(sensor);
    int slot = (int) (scoreCount++ % MAX_SCORES);
    scoreTimes[slot] = (code.getStartMicros() + code.getSpanMicros()) / 1000.0;
    scores[slot] = code.getAnomalyScore();
    waiting.add(code);
    waitingValues += (int) values;
    while (waiting.size() > MAX_WAITING || waitingValues > MAX_WAITING_VALUES) {
      forget(waiting.remove());
    }
    long before = lastCodeStart;
    lastCodeStart = code.getStartMicros();
    return before == Long.MIN_VALUE ? 0 : newSteps(code, before) * code.getMean().size();
  }

  private static long newSteps(SparseCode code, long before) {
    if (code.getLength() == 1 || code.getSpanMicros() <= 0) {
      return code.getLength();
    }
    double stepMicros = (double) code.getSpanMicros() / (code.getLength() - 1);
    long steps = Math.round((code.getStartMicros() - before) / stepMicros);
    return Math.max(0, Math.min(code.getLength(), steps));
  }

  private void forget(SparseCode code) {
    waitingValues -= code.getLength() * code.getMean().size();
  }

  void anomaly(Anomaly anomaly) {
    anomalies.add(
        new AnomalyView(
            anomaly.getKind().name(),
            anomaly.getStartMicros() / 1000.0,
            (anomaly.getStartMicros() + anomaly.getSpanMicros()) / 1000.0,
            anomaly.getPeakMicros() / 1000.0,
            anomaly.getPeakChannel(),
            anomaly.getScore(),
            anomaly.getThreshold(),
            PrintableText.of(anomaly.getReaction(), 80)));
    if (anomalies.size() > MAX_ANOMALIES) {
      anomalies.remove();
    }
  }

  /** Restores what can be restored by now; what can never be is dropped. */
  void restore(DictionaryShelf shelf, SparseCodeReader reader) {
    for (Iterator<SparseCode> codes = waiting.iterator(); codes.hasNext(); ) {
      SparseCode code = codes.next();
      if (tail == head || code.getStartMicros() + code.getSpanMicros() > times[slot(tail - 1)]) {
        continue;
      }
      long first = indexOf(code.getStartMicros());
      long last = first + code.getLength() - 1;
      boolean aligned =
          first >= head
              && last < tail
              && times[slot(last)] == code.getStartMicros() + code.getSpanMicros()
              && code.getMean().size() == channels;
      if (aligned) {
        Optional<float[]> atoms = atoms(code, shelf);
        if (atoms.isEmpty()) {
          continue;
        }
        decode(code, atoms.get(), reader)
            .ifPresent(window -> place(window, first, code.getLength()));
      }
      forget(code);
      codes.remove();
    }
  }

  /** [channels x length]; empty where the code does not fit its dictionary. */
  private static Optional<float[]> decode(SparseCode code, float[] atoms, SparseCodeReader reader) {
    int dimension = code.getLength() * code.getMean().size();
    if (atoms.length % dimension != 0) {
      return Optional.empty();
    }
    try {
      return Optional.of(reader.decode(code, atoms, atoms.length / dimension));
    } catch (IllegalArgumentException | IndexOutOfBoundsException unfit) {
      return Optional.empty();
    }
  }

  private Optional<float[]> atoms(SparseCode code, DictionaryShelf shelf) {
    return code.getRaw() != null
        ? Optional.of(new float[0])
        : shelf.atoms(
            Optional.ofNullable(code.getDictionary()).orElse(sensor), code.getDictionaryVersion());
  }

  private void place(float[] window, long first, int length) {
    restoredEnd = Math.max(restoredEnd, first + length);
    restoredLength = length;
    for (int step = 0; step < length; step++) {
      for (int channel = 0; channel < channels; channel++) {
        reconstruction[slot(first + step) * channels + channel] = window[channel * length + step];
      }
    }
  }

  /** Index of the reading at exactly this time; -1: none. */
  private long indexOf(long timeMicros) {
    long low = head;
    long high = tail - 1;
    while (low <= high) {
      long middle = (low + high) >>> 1;
      long time = times[slot(middle)];
      if (time == timeMicros) {
        return middle;
      }
      if (time < timeMicros) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return -1;
  }

  /**
   * The newest readings, up to one window beyond the restored ones: where readings come fast, the
   * codes of the newest are still on their way, and there would be nothing to compare.
   */
  SensorView view() {
    long end = restoredEnd > head ? Math.min(tail, restoredEnd + restoredLength) : tail;
    long first = Math.max(head, end - shown);
    int size = (int) (end - first);
    double[] viewTimes = new double[size];
    float[][] viewSignal = new float[channels][size];
    float[][] viewReconstruction = new float[channels][size];
    for (int i = 0; i < size; i++) {
      int slot = slot(first + i);
      viewTimes[i] = times[slot] / 1000.0;
      for (int channel = 0; channel < channels; channel++) {
        viewSignal[channel][i] = signal[slot * channels + channel];
        viewReconstruction[channel][i] = reconstruction[slot * channels + channel];
      }
    }
    double begin = size == 0 ? Double.POSITIVE_INFINITY : viewTimes[0];
    double last = size == 0 ? Double.NEGATIVE_INFINITY : viewTimes[size - 1];
    int scoresKept = (int) Math.min(scoreCount, MAX_SCORES);
    double[] viewScoreTimes = new double[scoresKept];
    float[] viewScores = new float[scoresKept];
    int kept = 0;
    for (long i = scoreCount - scoresKept; i < scoreCount; i++) {
      int slot = (int) (i % MAX_SCORES);
      if (scoreTimes[slot] >= begin && scoreTimes[slot] <= last) {
        viewScoreTimes[kept] = scoreTimes[slot];
        viewScores[kept++] = scores[slot];
      }
    }
    return new SensorView(
        sensor,
        dictionary,
        channels,
        viewTimes,
        viewSignal,
        viewReconstruction,
        anomalies.stream()
            .filter(anomaly -> anomaly.end() >= begin && anomaly.start() <= last)
            .toList(),
        Arrays.copyOf(viewScoreTimes, kept),
        Arrays.copyOf(viewScores, kept));
  }
}
