package io.millrace.operator.dictionary;

import io.millrace.kernel.GemmScratch;
import io.millrace.kernel.Kernels;

/**
 * A coder that starts from the inner products of record and atoms: correlates records with the
 * atoms, 64 at a time in one matrix product, and codes each from its correlations; cuts dictionary
 * and record to a mask.
 */
abstract class CorrelatedCoder implements SparseCoder {
  private static final int BATCH = 64;
  // Below this a product's packing costs more than reading the dictionary once for every record.
  private static final int SMALLEST_PRODUCT = 4;

  private final GemmScratch scratch = new GemmScratch();
  private final MaskedDictionary masked = new MaskedDictionary();
  private float[] correlations = new float[0];
  private float[] observed = new float[0];

  /**
   * Codes one record and appends it.
   *
   * @param correlations [k] from {@code correlationsFrom} on: inner products of record and atoms
   * @param record [d of the atom set] from {@code recordFrom} on
   */
  abstract void codeRecord(
      AtomSet atoms,
      float[] correlations,
      int correlationsFrom,
      float[] record,
      int recordFrom,
      SparseCodes out);

  @Override
  public final void code(
      Dictionary dictionary, float[] records, int from, int count, SparseCodes out) {
    int d = dictionary.dimension();
    int k = dictionary.atomCount();
    for (int start = 0; start < count; start += BATCH) {
      int batch = Math.min(BATCH, count - start);
      int batchFrom = from + start * d;
      correlate(dictionary, records, batchFrom, batch);
      for (int r = 0; r < batch; r++) {
        codeRecord(dictionary, correlations, r * k, records, batchFrom + r * d, out);
      }
    }
  }

  @Override
  public final void codeMasked(
      Dictionary dictionary, float[] record, int from, float[] mask, SparseCodes out) {
    masked.fit(dictionary, mask);
    if (masked.dimension() == dictionary.dimension()) {
      code(dictionary, record, from, 1, out);
      return;
    }
    if (observed.length < dictionary.dimension()) {
      observed = new float[dictionary.dimension()];
    }
    masked.gather(record, from, observed);
    correlate(masked, observed, 0, 1);
    codeRecord(masked, correlations, 0, observed, 0, out);
    out.scaleLast(masked.scales());
  }

  private void correlate(AtomSet atoms, float[] records, int from, int count) {
    int d = atoms.dimension();
    int k = atoms.atomCount();
    if (correlations.length < count * k) {
      correlations = new float[(count == 1 ? 1 : BATCH) * k];
    }
    if (count < SMALLEST_PRODUCT) {
      for (int r = 0; r < count; r++) {
        Kernels.gemv(atoms.columns(), 0, records, from + r * d, correlations, r * k, d, k);
      }
      return;
    }
    Kernels.gemm(records, from, atoms.columns(), 0, correlations, 0, count, k, d, scratch);
  }
}
