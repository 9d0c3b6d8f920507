package io.millrace.operator.dictionary;

import io.millrace.operator.Operator;
import io.millrace.operator.OperatorContract;
import io.millrace.operator.StateCodec;
import io.millrace.schema.DictionaryStatistics;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.Nested;

/** The operator contract for the merge stage, on the statistics that three workers send it. */
class SharedDictionaryMergeLawsTest {
  @Nested
  class OnlineLearning extends MergeContract {
    @Override
    DictionaryLearner learner() {
      return new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT);
    }
  }

  @Nested
  class FrankWolfe extends MergeContract {
    @Override
    DictionaryLearner learner() {
      return new FrankWolfeDictionaryLearning(FrankWolfeDictionaryLearning.Settings.DEFAULT);
    }
  }

  abstract static class MergeContract
      extends OperatorContract<DictionaryStatistics, SharedDictionaryState, SpecificRecord> {
    private static final SingleObject<DictionaryStatistics> FRAMING =
        SingleObject.of(DictionaryStatistics.class);
    private final SensorDictionarySettings settings =
        new SensorSettings().shared(SharedLoop.NAME).atoms(8).rounds(16, 64, 4).build();

    abstract DictionaryLearner learner();

    @Override
    protected Operator<DictionaryStatistics, SharedDictionaryState, SpecificRecord> operator() {
      return new SharedDictionaryMerge(settings, learner());
    }

    @Override
    protected StateCodec<SharedDictionaryState> codec() {
      return new SharedDictionaryStateCodec();
    }

    @Override
    protected String key() {
      return SharedLoop.NAME;
    }

    @Override
    protected List<DictionaryStatistics> inputs(long seed) {
      SharedLoop loop =
          new SharedLoop(
              settings,
              settings,
              () ->
                  new BatchOrthogonalMatchingPursuit(
                      BatchOrthogonalMatchingPursuit.Settings.atoms(3)),
              this::learner,
              3);
      for (int worker = 0; worker < 3; worker++) {
        for (SensorReading reading : Readings.tones(640, 1, 1000, seed + worker)) {
          loop.accept(worker, reading);
        }
      }
      return loop.sent;
    }

    @Override
    protected List<DictionaryStatistics> refused(DictionaryStatistics newest) {
      List<DictionaryStatistics> refused = new ArrayList<>();
      add(refused, newest, slice -> slice.setDictionary("another"));
      add(refused, newest, slice -> slice.setVersion(-1L));
      add(refused, newest, slice -> slice.setVersion(slice.getVersion() + 64));
      add(refused, newest, slice -> slice.setLength(9));
      add(refused, newest, slice -> slice.setChannels(2));
      add(refused, newest, slice -> slice.setAtomCount(9));
      add(refused, newest, slice -> slice.setFirstAtom(1));
      add(refused, newest, slice -> slice.setFirstAtom(-1));
      add(refused, newest, slice -> slice.setUsage(List.of()));
      add(refused, newest, slice -> slice.setUsage(Collections.nCopies(8, -1f)));
      add(refused, newest, slice -> slice.setUsage(Collections.nCopies(8, Float.NaN)));
      add(refused, newest, slice -> slice.setWindows(0L));
      add(refused, newest, slice -> slice.setWindows(Long.MAX_VALUE));
      add(refused, newest, slice -> slice.setEnergy(Double.NaN));
      add(refused, newest, slice -> slice.setEnergy(-1.0));
      add(refused, newest, slice -> slice.setResidualEnergy(Double.POSITIVE_INFINITY));
      add(refused, newest, slice -> slice.setMedianEnergy(Float.NaN));
      add(refused, newest, slice -> slice.setTimeMicros(-1L));
      add(refused, newest, slice -> slice.setTimeMicros(Long.MAX_VALUE));
      add(refused, newest, slice -> slice.setCandidateEnergy(Collections.nCopies(5, 1f)));
      add(refused, newest, slice -> slice.setCandidates(slice.getRecordProducts()));
      add(refused, newest, slice -> slice.getRecordProducts().setShape(List.of(8, 9)));
      add(refused, newest, slice -> slice.getRecordProducts().setBytes(ByteBuffer.allocate(3)));
      for (float wild : new float[] {Float.NaN, Float.NEGATIVE_INFINITY, 2e30f}) {
        add(refused, newest, slice -> first(slice.getRecordProducts().getBytes(), wild));
      }
      return refused;
    }

    private static void first(ByteBuffer bytes, float value) {
      bytes.putInt(bytes.position(), Integer.reverseBytes(Float.floatToRawIntBits(value)));
    }

    private static void add(
        List<DictionaryStatistics> refused,
        DictionaryStatistics good,
        Consumer<DictionaryStatistics> damage) {
      DictionaryStatistics copy = FRAMING.decode(FRAMING.encode(good));
      damage.accept(copy);
      refused.add(copy);
    }

    @Override
    protected byte[] inputBytes(DictionaryStatistics input) {
      return FRAMING.encode(input);
    }

    @Override
    protected byte[] outputBytes(SpecificRecord output) {
      return Outputs.bytes(output);
    }

    @Override
    protected void overwrite(DictionaryStatistics input) {
      for (ByteBuffer bytes :
          List.of(
              input.getCodeProducts().getBytes(),
              input.getRecordProducts().getBytes(),
              input.getCandidates().getBytes())) {
        for (int i = bytes.position(); i < bytes.limit(); i++) {
          bytes.put(i, (byte) 77);
        }
      }
      input.setDictionary("overwritten");
      input.setUsage(List.of());
      input.setTimeMicros(-7L);
    }

    @Override
    protected String goldenFamily() {
      return "shared-dictionary";
    }
  }
}
