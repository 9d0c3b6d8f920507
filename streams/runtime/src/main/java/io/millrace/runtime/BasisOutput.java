package io.millrace.runtime;

import io.millrace.operator.kvcache.HeadBudgetModel;
import io.millrace.schema.BasisVersion;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.HeadBudget;
import io.millrace.schema.SingleObject;
import java.util.List;
import java.util.Locale;
import org.apache.avro.specific.SpecificRecord;

/** Frames what the learning of bases publishes, all on one model topic. One thread. */
final class BasisOutput implements OutputCodec<SpecificRecord> {
  static final String BASES = "bases";

  private final SingleObject<BasisVersion> bases = SingleObject.of(BasisVersion.class);
  private final SingleObject<HeadBudget> budgets = SingleObject.of(HeadBudget.class);
  private final SingleObject<DictionaryVersion> dictionaries =
      SingleObject.of(DictionaryVersion.class);

  @Override
  public List<String> channels() {
    return List.of(BASES);
  }

  @Override
  public String channel(SpecificRecord output) {
    return BASES;
  }

  @Override
  public String key(SpecificRecord output, String stateKey) {
    if (output instanceof BasisVersion version) {
      return key(version.getBasis(), version.getVersion(), version.getFirstComponent());
    }
    if (output instanceof HeadBudget budget) {
      return key(HeadBudgetModel.id(budget.getBasis()), budget.getVersion(), 0);
    }
    DictionaryVersion version = (DictionaryVersion) output;
    return key(version.getDictionary(), version.getVersion(), version.getFirstAtom());
  }

  @Override
  public byte[] encode(SpecificRecord output) {
    if (output instanceof BasisVersion version) {
      return bases.encode(version);
    }
    return output instanceof HeadBudget budget
        ? budgets.encode(budget)
        : dictionaries.encode((DictionaryVersion) output);
  }

  private static String key(String id, long version, int first) {
    return String.format(Locale.ROOT, "%s@%016d#%06d", id, version, first);
  }
}
