package io.millrace.flink.sql;

import io.millrace.operator.dictionary.DictionaryAssembly;
import io.millrace.operator.dictionary.SparseCodeReader;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SingleObject;
import io.millrace.schema.SparseCode;
import io.millrace.schema.UnreadableRecordException;
import java.util.Arrays;
import java.util.Optional;
import org.apache.flink.metrics.Counter;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * Restores a window from its code: {@code RESTORE_WINDOW(code BYTES, dictionary BYTES)}, where both
 * are framed records and the dictionary is the version that the code names; one that comes in
 * slices is given as {@code ARRAY<BYTES>} of all of them.
 *
 * <p>The result is {@code ARRAY<FLOAT>}, [channels x length] channel by channel, within the error
 * bound where the code has one; see {@link SparseCodeReader}. It is NULL for a NULL argument, and
 * where the records cannot be read or do not fit each other, which is counted in {@code
 * millrace.unreadable}. Cost: one dictionary is kept, so calls in the order of dictionaries decode
 * each once. One thread.
 */
public final class RestoreWindow extends ScalarFunction {
  private static final long serialVersionUID = 1L;

  private transient SingleObject<SparseCode> codes;
  private transient SingleObject<DictionaryVersion> dictionaries;
  private transient SparseCodeReader reader;
  private transient Counter unreadable;
  private transient byte[][] recentSlices;
  private transient Atoms recent;

  /**
   * @param atoms [count x d]
   */
  private record Atoms(String dictionary, long version, int count, float[] atoms) {}

  @Override
  public void open(FunctionContext context) {
    codes = SingleObject.of(SparseCode.class);
    dictionaries = SingleObject.of(DictionaryVersion.class);
    reader = new SparseCodeReader();
    unreadable = context.getMetricGroup().addGroup("millrace").counter("unreadable");
  }

  /**
   * With a dictionary in one slice.
   *
   * @return NULL where there is nothing to restore
   */
  public float[] eval(byte[] code, byte[] dictionary) {
    return dictionary == null ? null : eval(code, new byte[][] {dictionary});
  }

  /**
   * With all slices of a dictionary.
   *
   * @return NULL where there is nothing to restore
   */
  public float[] eval(byte[] code, byte[][] slices) {
    if (code == null || slices == null || slices.length == 0) {
      return null;
    }
    try {
      SparseCode decoded = codes.decode(code);
      Optional<Atoms> atoms = atoms(slices);
      if (atoms.isPresent() && fits(decoded, atoms.get())) {
        return reader.decode(decoded, atoms.get().atoms(), atoms.get().count());
      }
    } catch (UnreadableRecordException | IllegalArgumentException e) {
      // counted below: NULL says it in the row, and one damaged record must not stop a query
    }
    unreadable.inc();
    return null;
  }

  private static boolean fits(SparseCode code, Atoms atoms) {
    return code.getDictionaryVersion() == atoms.version()
        && (code.getDictionary() == null || code.getDictionary().equals(atoms.dictionary()));
  }

  private Optional<Atoms> atoms(byte[][] slices) {
    if (recentSlices == null || !Arrays.deepEquals(recentSlices, slices)) {
      DictionaryAssembly assembly = null;
      DictionaryVersion slice = null;
      for (byte[] bytes : slices) {
        slice = dictionaries.decode(bytes);
        assembly = assembly == null ? new DictionaryAssembly(slice) : assembly;
        assembly.add(slice);
      }
      Optional<float[]> values = assembly.atoms();
      if (values.isEmpty()) {
        return Optional.empty();
      }
      recent =
          new Atoms(slice.getDictionary(), slice.getVersion(), slice.getAtomCount(), values.get());
      recentSlices = slices.clone();
    }
    return Optional.of(recent);
  }
}
