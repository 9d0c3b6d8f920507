package io.millrace.operator.dictionary;

import io.millrace.operator.Operator;
import io.millrace.operator.OperatorContract;
import io.millrace.operator.StateCodec;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.avro.specific.SpecificRecord;

/** The laws, for sensor dictionary learning. */
abstract class SensorContract extends OperatorContract<SensorReading, SensorState, SpecificRecord> {
  abstract SensorDictionarySettings settings();

  SparseCoder coder() {
    return new BatchOrthogonalMatchingPursuit(
        new BatchOrthogonalMatchingPursuit.Settings(3, 0.05f, 0));
  }

  DictionaryLearner learner() {
    return new OnlineDictionaryLearning(OnlineDictionaryLearning.Settings.DEFAULT);
  }

  @Override
  protected Operator<SensorReading, SensorState, SpecificRecord> operator() {
    return new SensorDictionaryLearning(settings(), coder(), learner());
  }

  @Override
  protected StateCodec<SensorState> codec() {
    return new SensorStateCodec();
  }

  @Override
  protected List<SensorReading> inputs(long seed) {
    return Readings.tones(284, settings().window().channels(), 1000, seed);
  }

  @Override
  protected List<SensorReading> refused(SensorReading newest) {
    int channels = settings().window().channels();
    long next = newest.getTimeMicros() + 1;
    List<SensorReading> refused = new ArrayList<>();
    refused.add(newest);
    refused.add(Readings.of(newest.getTimeMicros() - 1, new float[channels]));
    refused.add(Readings.of(-1, new float[channels]));
    refused.add(Readings.of(Long.MIN_VALUE, new float[channels]));
    refused.add(Readings.of(Long.MAX_VALUE, new float[channels]));
    refused.add(Readings.of(next, new float[channels + 1]));
    refused.add(Readings.of(next));
    for (float wild : new float[] {Float.NaN, Float.NEGATIVE_INFINITY, 1.1e30f}) {
      SensorReading reading = Readings.of(next, new float[channels]);
      reading.setValues(Collections.nCopies(channels, wild));
      refused.add(reading);
    }
    for (List<Integer> missing :
        List.of(List.of(-1), List.of(channels), List.of(0, 0), List.of(1, 0))) {
      SensorReading reading = Readings.of(next, new float[channels]);
      reading.setMissing(missing);
      refused.add(reading);
    }
    return refused;
  }

  @Override
  protected byte[] inputBytes(SensorReading input) {
    return Readings.FRAMING.encode(input);
  }

  @Override
  protected byte[] outputBytes(SpecificRecord output) {
    return Outputs.bytes(output);
  }

  @Override
  protected void overwrite(SensorReading input) {
    SingleObject<SensorReading> framing = Readings.FRAMING;
    framing.decode(framing.encode(Readings.of(7, -1, -2, -3, -4, -5)), input);
  }

  @Override
  protected String goldenFamily() {
    return "sensor-dictionary";
  }
}
