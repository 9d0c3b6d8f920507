package io.millrace.operator.kvcache;

import io.millrace.operator.Operator;
import io.millrace.operator.OperatorContract;
import io.millrace.operator.StateCodec;
import io.millrace.operator.kvcache.BasisSettings.Budget;
import io.millrace.operator.kvcache.BasisSettings.HeadDictionary;
import io.millrace.operator.kvcache.BasisSettings.Schedule;
import io.millrace.schema.BasisVersion;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.HeadBudget;
import io.millrace.schema.KeyValueSample;
import io.millrace.schema.RotaryState;
import io.millrace.schema.SingleObject;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.Nested;

/** The operator contract for the learning stage: a topic switch on the way, with a dictionary. */
class BasisLearningLawsTest {
  private static final int HEADS = 2;
  private static final int HEAD_DIMENSION = 8;

  static BasisSettings settings(int atoms) {
    return new BasisSettings(
        new Schedule(512, 256, 1024, 0.02),
        2,
        4,
        new Budget(3, true),
        new HeadDictionary(atoms, 2, 64),
        64);
  }

  static List<KeyValueSample> inputs(long seed) {
    int c = HEADS * HEAD_DIMENSION;
    float[] first = Samples.tokens(0, seed, 1300, c, 1.5);
    float[] second = Samples.tokens(5, seed + 1, 1500, c, 1.5);
    float[] all = new float[first.length + second.length];
    System.arraycopy(first, 0, all, 0, first.length);
    System.arraycopy(second, 0, all, first.length, second.length);
    return Samples.cut(all, HEADS, HEAD_DIMENSION, Samples.before(), seed);
  }

  static byte[] bytes(SpecificRecord output) {
    return output instanceof BasisVersion version
        ? SingleObject.of(BasisVersion.class).encode(version)
        : output instanceof HeadBudget budget
            ? SingleObject.of(HeadBudget.class).encode(budget)
            : SingleObject.of(DictionaryVersion.class).encode((DictionaryVersion) output);
  }

  @Nested
  class Bases extends BasisContract {
    @Override
    int atoms() {
      return 0;
    }
  }

  @Nested
  class BasesAndDictionaries extends BasisContract {
    @Override
    int atoms() {
      return 16;
    }
  }

  abstract static class BasisContract
      extends OperatorContract<KeyValueSample, BasisState, SpecificRecord> {
    private static final SingleObject<KeyValueSample> FRAMING =
        SingleObject.of(KeyValueSample.class);

    abstract int atoms();

    @Override
    protected Operator<KeyValueSample, BasisState, SpecificRecord> operator() {
      return new BasisLearning(settings(atoms()));
    }

    @Override
    protected StateCodec<BasisState> codec() {
      return new BasisStateCodec();
    }

    @Override
    protected String key() {
      return Samples.BASIS;
    }

    @Override
    protected List<KeyValueSample> inputs(long seed) {
      return BasisLearningLawsTest.inputs(seed);
    }

    @Override
    protected List<KeyValueSample> refused(KeyValueSample newest) {
      List<KeyValueSample> refused = new ArrayList<>();
      add(refused, newest, sample -> sample.setBasis("another"));
      add(refused, newest, sample -> sample.setTimeMicros(-1L));
      add(refused, newest, sample -> sample.setTimeMicros(Long.MAX_VALUE));
      add(refused, newest, sample -> sample.setHeads(4));
      add(refused, newest, sample -> sample.setHeads(0));
      add(refused, newest, sample -> sample.setHeads(1 << 20));
      add(refused, newest, sample -> sample.setHeadDimension(-8));
      add(refused, newest, sample -> sample.setHeadDimension(4));
      add(refused, newest, sample -> sample.setTokens(0));
      add(refused, newest, sample -> sample.setTokens(sample.getTokens() + 1));
      add(refused, newest, sample -> sample.setTokens(Integer.MIN_VALUE));
      add(refused, newest, sample -> sample.setElements(ByteBuffer.allocate(0)));
      add(refused, newest, sample -> sample.getRotary().setState(RotaryState.AFTER));
      add(refused, newest, sample -> sample.getRotary().setState(RotaryState.NONE));
      add(refused, newest, sample -> sample.getRotary().setBase(Double.NaN));
      add(refused, newest, sample -> sample.getRotary().setDimensions(10));
      add(refused, newest, sample -> sample.getRotary().setFrequencyScale(List.of(1.0)));
      for (float wild : new float[] {Float.NaN, Float.NEGATIVE_INFINITY, 2e15f}) {
        add(
            refused,
            newest,
            sample ->
                sample
                    .getElements()
                    .putInt(
                        sample.getElements().limit() - 4,
                        Integer.reverseBytes(Float.floatToRawIntBits(wild))));
      }
      return refused;
    }

    private static void add(
        List<KeyValueSample> refused, KeyValueSample good, Consumer<KeyValueSample> damage) {
      KeyValueSample copy = FRAMING.decode(FRAMING.encode(good));
      damage.accept(copy);
      refused.add(copy);
    }

    @Override
    protected byte[] inputBytes(KeyValueSample input) {
      return FRAMING.encode(input);
    }

    @Override
    protected byte[] outputBytes(SpecificRecord output) {
      return bytes(output);
    }

    @Override
    protected void overwrite(KeyValueSample input) {
      ByteBuffer bytes = input.getElements();
      for (int i = bytes.position(); i < bytes.limit(); i++) {
        bytes.put(i, (byte) 77);
      }
      input.setBasis("overwritten");
      input.setTimeMicros(-7L);
      input.getRotary().setBase(5);
      input.getRotary().setFrequencyScale(List.of());
    }

    @Override
    protected String goldenFamily() {
      return "kv-basis";
    }
  }
}
