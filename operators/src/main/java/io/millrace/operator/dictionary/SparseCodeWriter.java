package io.millrace.operator.dictionary;

import io.millrace.kernel.Kernels;
import io.millrace.schema.SparseCode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Turns a window and its sparse code into the record: coefficients on a grid, and, where an error
 * bound is asked for, a correction for every value that the code alone misses, so that |x - x^| <=
 * bound holds for every observed value; where that would be longer than the values themselves, the
 * values. Historians give such a bound on lines (swinging door); transforms were rejected there for
 * want of one (ModelarDB).
 *
 * <p>O(d s) per window. Scratch only; one thread.
 */
final class SparseCodeWriter {
  /** Without an error bound: steps from 0 to the largest coefficient. */
  private static final int GRID = 2047;

  /** Most steps of a coefficient or units of a correction: integers that a float holds exactly. */
  private static final int MAXIMUM_STEPS = 1 << 24;

  private final float[] errorBound;
  private final float[] restored;
  private int[] atoms = new int[16];
  private int[] steps = new int[16];
  private int used;
  private final List<Integer> exceptions = new ArrayList<>();

  private float residual;
  private int peak;

  /**
   * @param errorBound [C] in the sensor's units, each above 0; empty: no bound
   * @param dimension d
   */
  SparseCodeWriter(float[] errorBound, int dimension) {
    this.errorBound = errorBound.clone();
    this.restored = new float[dimension];
  }

  /** Root mean square of the last window's normalised residual, before corrections. */
  float residual() {
    return residual;
  }

  /** Position with the largest residual of the last window. */
  int peak() {
    return peak;
  }

  /**
   * Writes one window.
   *
   * @param window not modified
   * @param dictionary the atoms that {@code codes} refers to
   * @param codes its first record is this window's; not modified
   * @return a new record without dictionary, version and score, which the caller sets
   */
  SparseCode write(WindowSnapshot window, Dictionary dictionary, SparseCodes codes) {
    float step = coefficientStep(window, codes);
    quantise(codes, step);
    restore(window, dictionary, step);
    exceptions.clear();
    boolean coded = errorBound.length == 0 || correct(window);
    SparseCode record = new SparseCode();
    record.setStartMicros(window.startMicros);
    record.setSpanMicros(window.spanMicros);
    record.setLength(window.micros.length);
    record.setMean(boxed(window.mean));
    record.setScale(boxed(window.scale));
    record.setMissing(missingRuns(window));
    record.setErrorBound(boxed(errorBound));
    record.setResidual(residual);
    if (coded && codeBytes() < window.values.length * Float.BYTES) {
      record.setAtoms(gaps());
      record.setCoefficients(boxed(steps, used));
      record.setCoefficientStep(step);
      record.setExceptions(List.copyOf(exceptions));
    } else {
      record.setAtoms(List.of());
      record.setCoefficients(List.of());
      record.setCoefficientStep(0f);
      record.setExceptions(List.of());
      record.setRaw(raw(window));
    }
    return record;
  }

  /** With a bound, as fine as the bound of the most sensitive channel asks for. */
  private float coefficientStep(WindowSnapshot window, SparseCodes codes) {
    float largest = 0f;
    for (int i = codes.start(0); i < codes.start(1); i++) {
      largest = Math.max(largest, Math.abs(codes.values()[i]));
    }
    if (errorBound.length == 0) {
      return largest > 0f ? Math.max(largest / GRID, Float.MIN_NORMAL) : 1f;
    }
    float step = Float.MAX_VALUE;
    for (int channel = 0; channel < errorBound.length; channel++) {
      step = Math.min(step, errorBound[channel] / window.scale[channel]);
    }
    return Math.max(step, Math.max(largest / MAXIMUM_STEPS, Float.MIN_NORMAL));
  }

  /** Rounds to the grid, drops zeros, sorts by atom. */
  private void quantise(SparseCodes codes, float step) {
    used = 0;
    int count = codes.start(1) - codes.start(0);
    if (atoms.length < count) {
      atoms = new int[count];
      steps = new int[count];
    }
    for (int i = codes.start(0); i < codes.start(1); i++) {
      int rounded = Math.round(codes.values()[i] / step);
      if (rounded == 0) {
        continue;
      }
      int slot = used++;
      while (slot > 0 && atoms[slot - 1] > codes.atoms()[i]) {
        atoms[slot] = atoms[slot - 1];
        steps[slot] = steps[slot - 1];
        slot--;
      }
      atoms[slot] = codes.atoms()[i];
      steps[slot] = rounded;
    }
  }

  /** The reader's arithmetic, and the residual on the way. */
  private void restore(WindowSnapshot window, Dictionary dictionary, float step) {
    int dimension = restored.length;
    Arrays.fill(restored, 0f);
    for (int i = 0; i < used; i++) {
      Kernels.axpy(
          steps[i] * step, dictionary.atoms(), atoms[i] * dimension, restored, 0, dimension);
    }
    double squares = 0;
    peak = 0;
    float largest = -1f;
    int length = window.micros.length;
    for (int p = 0; p < dimension; p++) {
      if (window.observed[p] != 0f) {
        float miss = window.normalised[p] - restored[p];
        squares += (double) miss * miss;
        if (Math.abs(miss) > largest) {
          largest = Math.abs(miss);
          peak = p;
        }
      }
      int channel = p / length;
      restored[p] = Math.fma(window.scale[channel], restored[p], window.mean[channel]);
    }
    residual = (float) Math.sqrt(squares / Math.max(1, window.observedCount));
  }

  /** Lists what the code misses. False: a correction cannot be written or does not reach. */
  private boolean correct(WindowSnapshot window) {
    int length = window.micros.length;
    int before = -1;
    for (int p = 0; p < restored.length; p++) {
      float bound = errorBound[p / length];
      if (window.observed[p] == 0f || within(window.values[p], restored[p], bound)) {
        continue;
      }
      float unit = SparseCodeReader.correctionStep(bound);
      double units = ((double) window.values[p] - restored[p]) / unit;
      if (!(Math.abs(units) <= MAXIMUM_STEPS)) {
        return false;
      }
      int correction = (int) Math.rint(units);
      if (!within(window.values[p], restored[p] + correction * unit, bound)) {
        return false;
      }
      exceptions.add(p - before);
      exceptions.add(correction);
      before = p;
    }
    return true;
  }

  private static boolean within(float value, float restored, float bound) {
    return Math.abs((double) value - restored) <= bound;
  }

  private int codeBytes() {
    int bytes = 0;
    int before = 0;
    for (int i = 0; i < used; i++) {
      bytes += variableLength(atoms[i] - before) + variableLength(steps[i]);
      before = atoms[i];
    }
    for (int value : exceptions) {
      bytes += variableLength(value);
    }
    return bytes;
  }

  /** Bytes of Avro's zig-zag variable-length int. */
  private static int variableLength(int value) {
    int zigzag = (value << 1) ^ (value >> 31);
    return zigzag == 0 ? 1 : (38 - Integer.numberOfLeadingZeros(zigzag)) / 7;
  }

  private List<Integer> gaps() {
    List<Integer> gaps = new ArrayList<>(used);
    int before = 0;
    for (int i = 0; i < used; i++) {
      gaps.add(atoms[i] - before);
      before = atoms[i];
    }
    return gaps;
  }

  private static List<Integer> missingRuns(WindowSnapshot window) {
    if (window.isComplete()) {
      return List.of();
    }
    List<Integer> runs = new ArrayList<>();
    int end = 0;
    for (int p = 0; p < window.observed.length; ) {
      if (window.observed[p] != 0f) {
        p++;
        continue;
      }
      int from = p;
      while (p < window.observed.length && window.observed[p] == 0f) {
        p++;
      }
      runs.add(from - end);
      runs.add(p - from);
      end = p;
    }
    return runs;
  }

  private static ByteBuffer raw(WindowSnapshot window) {
    ByteBuffer bytes =
        ByteBuffer.allocate(window.values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(window.values);
    return bytes;
  }

  private static List<Float> boxed(float[] values) {
    List<Float> list = new ArrayList<>(values.length);
    for (float value : values) {
      list.add(value);
    }
    return list;
  }

  private static List<Integer> boxed(int[] values, int count) {
    List<Integer> list = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      list.add(values[i]);
    }
    return list;
  }
}
