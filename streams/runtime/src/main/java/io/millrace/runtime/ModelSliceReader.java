package io.millrace.runtime;

import io.millrace.operator.kvcache.HeadBudgetModel;
import io.millrace.schema.BasisVersion;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.HeadBudget;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UnreadableRecordException;

/** Reads the framed records of model topics, whatever models they carry. One thread. */
final class ModelSliceReader {
  private final SingleObject<DictionaryVersion> dictionaries =
      SingleObject.of(DictionaryVersion.class);
  private final SingleObject<BasisVersion> bases = SingleObject.of(BasisVersion.class);
  private final SingleObject<HeadBudget> budgets = SingleObject.of(HeadBudget.class);

  /**
   * The slice in a record.
   *
   * @param value not modified; may be null
   * @throws UnreadableRecordException for anything else
   */
  ModelSlice read(byte[] value) {
    switch (SingleObject.recordName(value)) {
      case "BasisVersion" -> {
        BasisVersion slice = bases.decode(value);
        return new ModelSlice(
            slice.getBasis(), slice.getVersion(), slice.getFirstComponent(), slice);
      }
      case "HeadBudget" -> {
        HeadBudget budget = budgets.decode(value);
        return new ModelSlice(
            HeadBudgetModel.id(budget.getBasis()), budget.getVersion(), 0, budget);
      }
      default -> {
        DictionaryVersion slice = dictionaries.decode(value);
        return new ModelSlice(
            slice.getDictionary(), slice.getVersion(), slice.getFirstAtom(), slice);
      }
    }
  }
}
