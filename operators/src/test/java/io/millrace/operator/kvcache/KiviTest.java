package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class KiviTest {

  /** Two-bit keys with steps along channels against steps along tokens, the same bits. */
  @ParameterizedTest(name = "{0}")
  @CsvSource({"stories260K, 0.28", "minilm-l6, 0.64", "kjv-hd64, 0.78"})
  void keysLoseLessThanWithStepsOfTokens(String model, double measured) {
    KeyValueDump dump = DumpTools.dump(model);
    double ratio =
        PageMeasure.of(dump, new Kivi(2, 32), new Kivi(2, 32)).keys()
            / PageMeasure.of(dump, new Swapped(), new Kivi(2, 32)).keys();
    assertTrue(ratio <= 0.81, "ratio " + ratio);
    assertTrue(Math.abs(ratio - measured) < 0.2 * measured, "ratio " + ratio);
  }

  @ParameterizedTest
  @ValueSource(strings = {"stories260K", "minilm-l6", "kjv-hd64"})
  void swappedAxesAreWorse(String model) {
    KeyValueDump dump = DumpTools.dump(model);
    PageMeasure right = PageMeasure.of(dump, new Kivi(2, 32), new Kivi(2, 32));
    PageMeasure swapped = PageMeasure.of(dump, new Swapped(), new Swapped());
    assertTrue(right.outputs() <= swapped.outputs(), right + " against " + swapped);
  }

  /** Exact pages of what two bits along the other axis leave. */
  private static final class Swapped implements PageCodec {
    private final Exact exact = new Exact(TokenFormat.FLOAT32);

    @Override
    public byte id() {
      return exact.id();
    }

    @Override
    public int parameters() {
      return exact.parameters();
    }

    @Override
    public String name() {
      return "swapped";
    }

    @Override
    public byte[] encode(PageShape shape, PageKind kind, float[] values) {
      PageKind other = kind == PageKind.KEYS ? PageKind.VALUES : PageKind.KEYS;
      return exact.encode(shape, kind, DumpTools.through(new Kivi(2, 32), shape, other, values));
    }

    @Override
    public Page open(PageShape shape, PageKind kind, ByteBuffer payload) {
      return exact.open(shape, kind, payload);
    }
  }
}
