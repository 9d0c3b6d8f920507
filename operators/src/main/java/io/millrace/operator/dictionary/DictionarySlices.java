package io.millrace.operator.dictionary;

import io.millrace.schema.DataType;
import io.millrace.schema.DictionaryStatistics;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.Tensor;
import io.millrace.schema.VersionCause;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Cuts dictionaries and statistics into records that stay under a broker's record limit. */
final class DictionarySlices {
  /** Largest tensor payload of one record, bytes. */
  static final int SLICE_BYTES = 256 * 1024;

  private DictionarySlices() {}

  /**
   * Emits a version, slice by slice, atoms rising.
   *
   * @param header every field but the slice's own; not modified
   * @param learner whose dictionary and usage are published; not modified
   */
  static void emit(
      DictionaryVersion header, LearnerState learner, Consumer<? super DictionaryVersion> out) {
    Dictionary dictionary = learner.dictionary();
    int dimension = dictionary.dimension();
    int perSlice = Math.max(1, SLICE_BYTES / (Float.BYTES * dimension));
    for (int first = 0; first < dictionary.atomCount(); first += perSlice) {
      int count = Math.min(perSlice, dictionary.atomCount() - first);
      // a record of its own for each slice: an emitted value never changes later
      DictionaryVersion slice = new DictionaryVersion();
      for (int field = 0; field < header.getSchema().getFields().size(); field++) {
        slice.put(field, header.get(field));
      }
      slice.setFirstAtom(first);
      slice.setAtoms(tensor(dictionary.atoms(), first, count, dimension));
      List<Float> usage = new ArrayList<>(count);
      for (int atom = first; atom < first + count; atom++) {
        usage.add(learner.statistics().usageShare(atom));
      }
      slice.setUsage(usage);
      out.accept(slice);
    }
  }

  /** Emits partial statistics, slice by slice; see {@link DictionaryStatistics}. */
  static void emit(
      DictionaryStatistics header,
      SufficientStatistics statistics,
      Consumer<? super DictionaryStatistics> out) {
    int atoms = statistics.atoms();
    int dimension = statistics.dimension();
    boolean withCodeProducts = statistics.codeProducts().length > 0;
    int perSlice = Math.max(1, SLICE_BYTES / (Float.BYTES * (dimension + atoms)));
    for (int first = 0; first < atoms; first += perSlice) {
      int count = Math.min(perSlice, atoms - first);
      DictionaryStatistics slice = new DictionaryStatistics();
      for (int field = 0; field < header.getSchema().getFields().size(); field++) {
        slice.put(field, header.get(field));
      }
      slice.setFirstAtom(first);
      slice.setCodeProducts(
          tensor(statistics.codeProducts(), first, withCodeProducts ? count : 0, atoms));
      slice.setRecordProducts(tensor(statistics.recordProducts(), first, count, dimension));
      slice.setUsage(boxed(statistics.usage(), first, count));
      setCandidates(slice, statistics, first + count == atoms);
      out.accept(slice);
    }
  }

  private static void setCandidates(
      DictionaryStatistics slice, SufficientStatistics statistics, boolean last) {
    int dimension = statistics.dimension();
    // the worst come first, so that of wide windows the worst still fit a record
    int fitting = Math.max(1, SLICE_BYTES / (Float.BYTES * dimension));
    int count = last ? Math.min(statistics.candidates(), fitting) : 0;
    float[] records = new float[count * dimension];
    List<Float> energies = new ArrayList<>(count);
    for (int c = 0; c < count; c++) {
      statistics.candidate(c, records, c * dimension);
      energies.add(statistics.candidateEnergy(c));
    }
    slice.setCandidates(tensor(records, 0, count, dimension));
    slice.setCandidateEnergy(energies);
  }

  /** Rows {@code first} to {@code first + count - 1} of a row-major matrix. */
  static Tensor tensor(float[] matrix, int first, int count, int width) {
    ByteBuffer bytes =
        ByteBuffer.allocate(count * width * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(matrix, first * width, count * width);
    return new Tensor(DataType.FLOAT32, List.of(count, width), bytes);
  }

  /**
   * The floats of a tensor.
   *
   * @throws IllegalArgumentException unless it is [rows x width], FLOAT32, finite and of that
   *     length
   */
  static float[] floats(Tensor tensor, int rows, int width) {
    ByteBuffer bytes = tensor.getBytes();
    if (tensor.getDtype() != DataType.FLOAT32
        || !tensor.getShape().equals(List.of(rows, width))
        || bytes.remaining() != (long) rows * width * Float.BYTES) {
      throw new IllegalArgumentException(
          "tensor is "
              + tensor.getDtype()
              + " "
              + tensor.getShape()
              + " in "
              + bytes.remaining()
              + " bytes, expected FLOAT32 ["
              + rows
              + ", "
              + width
              + "]");
    }
    float[] values = new float[rows * width];
    bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    for (float value : values) {
      if (!Float.isFinite(value)) {
        throw new IllegalArgumentException("tensor holds " + value + ", expected finite values");
      }
    }
    return values;
  }

  static DictionaryVersion header(
      String id, String learner, WindowSettings window, int atoms, VersionCause cause) {
    DictionaryVersion header = new DictionaryVersion();
    header.setDictionary(id);
    header.setCause(cause);
    header.setLearner(learner);
    header.setLength(window.length());
    header.setChannels(window.channels());
    header.setAtomCount(atoms);
    header.setReplacedAtoms(0);
    header.setAtoms(tensor(new float[0], 0, 0, window.dimension()));
    header.setUsage(List.of());
    return header;
  }

  private static List<Float> boxed(float[] values, int first, int count) {
    List<Float> list = new ArrayList<>(count);
    for (int i = first; i < first + count; i++) {
      list.add(values[i]);
    }
    return list;
  }
}
