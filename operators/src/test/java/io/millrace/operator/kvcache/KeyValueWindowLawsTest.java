package io.millrace.operator.kvcache;

import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.RotaryState;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Nested;

/** The laws of an operator, for each way to set the window up. */
class KeyValueWindowLawsTest {

  @Nested
  class PagesForEver extends KeyValueContract {
    @Override
    KeyValueSettings settings() {
      return new KeyValueTestSettings().samples(0.5, 200, false).build();
    }
  }

  @Nested
  class CoarseAfterAWhile extends KeyValueContract {
    @Override
    KeyValueSettings settings() {
      return new KeyValueTestSettings().coarse("rotated-2", 900, 0).build();
    }

    @Override
    protected boolean hasDeadlines() {
      return true;
    }
  }

  /** Keys run ahead, so that some pages wait for values for ever. */
  @Nested
  class SummaryAtLast extends KeyValueContract {
    @Override
    KeyValueSettings settings() {
      return new KeyValueTestSettings().coarse("rotated-2", 500, 0).summary(8, 1500).build();
    }

    @Override
    protected boolean hasDeadlines() {
      return true;
    }
  }

  @Nested
  class SummaryOfFinePages extends KeyValueContract {
    @Override
    KeyValueSettings settings() {
      return new KeyValueTestSettings().window(16, 8, 0).summary(4, 1000).build();
    }

    @Override
    HeadGroup group() {
      return CacheRecords.group("tenant-1", "session-9", 2, 8);
    }

    @Override
    TensorLayout keys() {
      return CacheRecords.layout(
          ElementFormat.BFLOAT16, CacheRecords.rotary(RotaryState.BEFORE, 6));
    }

    @Override
    protected boolean hasDeadlines() {
      return true;
    }
  }

  @Nested
  class EndsByItselfAndGoes extends KeyValueContract {
    @Override
    KeyValueSettings settings() {
      return new KeyValueTestSettings()
          .coarse("rotated-2", 900, 0)
          .summary(8, 2500)
          .lifetime(3000, 60_000)
          .build();
    }

    @Override
    TensorLayout keys() {
      return CacheRecords.layout(ElementFormat.FLOAT32, CacheRecords.none());
    }

    @Override
    protected boolean hasDeadlines() {
      return true;
    }
  }

  @Nested
  class EndsByRecord extends KeyValueContract {
    @Override
    KeyValueSettings settings() {
      return new KeyValueTestSettings().lifetime(0, 5000).build();
    }

    @Override
    protected List<CacheInput> inputs(long seed) {
      List<CacheInput> inputs = new ArrayList<>(super.inputs(seed));
      inputs.add(new CacheInput.End(CacheRecords.end(group(), 20_000_000)));
      return inputs;
    }

    @Override
    protected boolean hasDeadlines() {
      return true;
    }
  }
}
