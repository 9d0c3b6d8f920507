package io.millrace.app.dashboard;

import io.millrace.app.dashboard.PipelineFeed.Role;
import io.millrace.schema.Anomaly;
import io.millrace.schema.AnomalyKind;
import io.millrace.schema.DataType;
import io.millrace.schema.DeadLetter;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import io.millrace.schema.SparseCode;
import io.millrace.schema.Tensor;
import io.millrace.schema.VersionCause;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;

/**
 * A made-up sensor with a made-up learner, as bytes on their way to a feed: heartbeats, or slow
 * waves on several channels; atoms that turn from cosines into pieces of the signal.
 */
final class PreviewSignal {
  static final int LENGTH = 64;
  private static final int ATOMS = 96;
  private static final int SPARSITY = 14;

  private final PipelineFeed feed;
  private final String sensor;
  private final int channels;
  private final long stepMicros;
  private final Random random;
  private final float[][] atoms;
  private final float[] usage = new float[ATOMS];
  private final float[][] window;
  private long timeMicros = 1_790_000_000_000_000L;
  private int filled;
  private long windows;
  private long version;
  private double phase;
  private double beatScale = 1;
  private int anomalousSteps;
  private long readings;
  private double errorSum;
  private long codeCount;

  private final SingleObject<SensorReading> readingBytes = SingleObject.of(SensorReading.class);
  private final SingleObject<SparseCode> codeBytes = SingleObject.of(SparseCode.class);
  private final SingleObject<Anomaly> anomalyBytes = SingleObject.of(Anomaly.class);
  private final SingleObject<DictionaryVersion> sliceBytes =
      SingleObject.of(DictionaryVersion.class);
  private final SingleObject<DeadLetter> letterBytes = SingleObject.of(DeadLetter.class);

  PreviewSignal(PipelineFeed feed, String sensor, int channels, long stepMicros, long seed) {
    this.feed = feed;
    this.sensor = sensor;
    this.channels = channels;
    this.stepMicros = stepMicros;
    this.random = new Random(seed);
    this.window = new float[channels][LENGTH];
    this.atoms = new float[ATOMS][channels * LENGTH];
    for (int j = 0; j < ATOMS; j++) {
      for (int p = 0; p < channels * LENGTH; p++) {
        int frequency = 1 + j % 48;
        double shift = j < 48 ? 0 : Math.PI / 2;
        atoms[j][p] = (float) Math.cos(Math.PI * frequency * (p % LENGTH + 0.5) / LENGTH + shift);
      }
      unit(atoms[j]);
    }
    publish(VersionCause.INITIAL, 0);
  }

  long readings() {
    return readings;
  }

  /** One reading, and what follows from it. */
  void step(long nowMillis) {
    phase += 1.0 / (75 + 3 * Math.sin(readings / 4000.0));
    if (phase >= 1) {
      phase -= 1;
      beatScale = random.nextInt(40) == 0 ? 1.9 : 0.95 + 0.1 * random.nextDouble();
      if (beatScale > 1.5) {
        anomalousSteps = 60;
      }
    }
    List<Float> values = new ArrayList<>();
    for (int channel = 0; channel < channels; channel++) {
      float value = channels == 1 ? (float) heart() : (float) wave(channel);
      values.add(value);
      window[channel][filled] = value;
    }
    accept(
        Role.READINGS,
        readingBytes.encode(new SensorReading(timeMicros, values, List.of())),
        nowMillis);
    readings++;
    if (++filled == LENGTH) {
      code(nowMillis);
      filled = 0;
    }
    timeMicros += stepMicros;
  }

  private double heart() {
    anomalousSteps--;
    double width = anomalousSteps > 0 ? 2.6 : 1;
    return beatScale
            * (1.1 * bump(0.30, 0.011 * width)
                - 0.28 * bump(0.335, 0.013 * width)
                - 0.14 * bump(0.27, 0.012)
                + 0.13 * bump(0.14, 0.03)
                + 0.28 * bump(0.58, 0.05 * width))
        + 0.012 * random.nextGaussian()
        + 0.06 * Math.sin(readings / 900.0);
  }

  private double bump(double center, double width) {
    double z = (phase - center) / width;
    return Math.exp(-0.5 * z * z);
  }

  private double wave(int channel) {
    double t = readings / 55.0;
    double spike = readings % 4200 > 4120 ? 6.5 : 0;
    return channel == 0
        ? 27.5 + 1.8 * Math.sin(t) + 0.5 * Math.sin(3.1 * t) + spike + 0.05 * random.nextGaussian()
        : 48 - 4.5 * Math.sin(t + 0.4) + 0.9 * Math.cos(2.2 * t) + 0.1 * random.nextGaussian();
  }

  private void code(long nowMillis) {
    int d = channels * LENGTH;
    float[] x = new float[d];
    List<Float> means = new ArrayList<>();
    List<Float> scales = new ArrayList<>();
    for (int channel = 0; channel < channels; channel++) {
      float mean = 0;
      for (float value : window[channel]) {
        mean += value / LENGTH;
      }
      float square = 1e-6f;
      for (float value : window[channel]) {
        square += (value - mean) * (value - mean) / LENGTH;
      }
      float scale = (float) Math.sqrt(square);
      means.add(mean);
      scales.add(scale);
      for (int step = 0; step < LENGTH; step++) {
        x[channel * LENGTH + step] = (window[channel][step] - mean) / scale;
      }
    }
    float energy = dot(x, x);
    float[] residual = x.clone();
    TreeMap<Integer, Integer> chosen = new TreeMap<>();
    float grid = 0.05f;
    for (int pick = 0; pick < SPARSITY; pick++) {
      int best = 0;
      for (int j = 1; j < ATOMS; j++) {
        best = Math.abs(dot(residual, atoms[j])) > Math.abs(dot(residual, atoms[best])) ? j : best;
      }
      int level = Math.round(dot(residual, atoms[best]) / grid);
      if (level == 0) {
        break;
      }
      chosen.merge(best, level, Integer::sum);
      for (int p = 0; p < d; p++) {
        residual[p] -= level * grid * atoms[best][p];
      }
    }
    float error = (float) Math.sqrt(dot(residual, residual) / energy);
    errorSum += error;
    codeCount++;
    float score = error / 0.25f;
    long span = (LENGTH - 1) * stepMicros;
    long start = timeMicros - span;
    List<Integer> gaps = new ArrayList<>();
    int before = 0;
    for (int j = 0; j < ATOMS; j++) {
      usage[j] = 0.98f * usage[j] + (chosen.containsKey(j) ? 0.02f : 0);
    }
    for (int j : chosen.keySet()) {
      gaps.add(j - before);
      before = j;
    }
    accept(
        Role.CODES,
        codeBytes.encode(
            new SparseCode(
                start,
                span,
                LENGTH,
                null,
                version,
                means,
                scales,
                gaps,
                List.copyOf(chosen.values()),
                grid,
                List.of(),
                List.of(),
                List.of(),
                null,
                error,
                score)),
        nowMillis);
    boolean odd = channels == 1 ? anomalousSteps > 0 : readings % 4200 > 4120;
    if (odd) {
      accept(
          Role.ANOMALIES,
          anomalyBytes.encode(
              new Anomaly(
                  AnomalyKind.OUTLIER,
                  start,
                  span,
                  3.4f,
                  3f,
                  error,
                  start + span / 2,
                  0,
                  null,
                  version,
                  "")),
          nowMillis);
    }
    if (random.nextInt(60) == 0) {
      accept(Role.DEAD_LETTERS, letterBytes.encode(letter(nowMillis)), nowMillis);
    }
    learn(x);
  }

  private void learn(float[] x) {
    windows++;
    int target = 48 + random.nextInt(ATOMS - 48);
    int shift = random.nextInt(9) - 4;
    int d = x.length;
    float sign = random.nextBoolean() ? 1 : -1;
    if (windows > 40) {
      for (int p = 0; p < d; p++) {
        int q = Math.floorMod(p + shift, d);
        atoms[target][p] = 0.7f * atoms[target][p] + 0.3f * sign * x[q] / (float) Math.sqrt(d);
      }
      unit(atoms[target]);
    }
    if (windows % 64 == 0) {
      publish(
          windows % 1024 == 0 ? VersionCause.DRIFT : VersionCause.ROUND,
          (float) (errorSum / codeCount));
      errorSum = 0;
      codeCount = 0;
    }
  }

  private void publish(VersionCause cause, float error) {
    version = windows / 64;
    int d = channels * LENGTH;
    ByteBuffer bytes = ByteBuffer.allocate(4 * ATOMS * d).order(ByteOrder.LITTLE_ENDIAN);
    List<Float> usages = new ArrayList<>();
    for (int j = 0; j < ATOMS; j++) {
      bytes.asFloatBuffer().put(atoms[j]);
      bytes.position(bytes.position() + 4 * d);
      usages.add(usage[j]);
    }
    bytes.flip();
    accept(
        Role.DICTIONARIES,
        sliceBytes.encode(
            new DictionaryVersion(
                sensor,
                version,
                cause,
                "odl",
                LENGTH,
                channels,
                ATOMS,
                0,
                new Tensor(DataType.FLOAT32, List.of(ATOMS, d), bytes),
                usages,
                windows,
                timeMicros,
                error,
                cause == VersionCause.DRIFT ? 5 : 0)),
        0);
  }

  private DeadLetter letter(long nowMillis) {
    String[][] cases = {
      {"NOT_FINITE", "value of channel 0 is NaN, expected a finite number"},
      {"WRONG_DIMENSION", "reading has 3 channels, sensor " + sensor + " has " + channels},
      {"MALFORMED", "record ends early or is damaged: <img src=x onerror=alert(1)>"},
      {"LATE", "time 1789999990000000 is before 1790000000000000, expected a later one"}
    };
    String[] one = cases[random.nextInt(cases.length)];
    return new DeadLetter(
        feed.pipeline().name(),
        one[0],
        one[1],
        feed.pipeline().readings(),
        random.nextInt(4),
        readings,
        nowMillis,
        ByteBuffer.wrap(sensor.getBytes(StandardCharsets.UTF_8)),
        ByteBuffer.wrap(new byte[12]),
        12L);
  }

  private void accept(Role role, byte[] value, long nowMillis) {
    feed.accept(role, sensor.getBytes(StandardCharsets.UTF_8), value, nowMillis);
  }

  private static float dot(float[] a, float[] b) {
    float sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  private static void unit(float[] atom) {
    float norm = (float) Math.sqrt(dot(atom, atom));
    for (int i = 0; i < atom.length; i++) {
      atom[i] /= norm;
    }
  }
}
