package io.millrace.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.schema.Anomaly;
import io.millrace.schema.AnomalyKind;
import io.millrace.schema.DataType;
import io.millrace.schema.DictionaryStatistics;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SensorReading;
import io.millrace.schema.SingleObject;
import io.millrace.schema.SparseCode;
import io.millrace.schema.Tensor;
import io.millrace.schema.VersionCause;
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.Test;

final class DictionaryOutputTest {
  private final DictionaryOutput output = new DictionaryOutput();

  @Test
  void routesEachRecordToItsChannelUnderItsKey() {
    check(code(), "codes", "turbine-7");
    check(anomaly(), "anomalies", "turbine-7");
    check(version(42, 128), "dictionaries", "shapes@0000000000000042#000128");
    check(statistics(), "statistics", "shapes");
  }

  @Test
  void ordersVersionsAndSlicesByTheirKeys() {
    String key = output.key(version(9, 0), "k");
    assertTrue(key.compareTo(output.key(version(9, 64), "k")) < 0);
    assertTrue(output.key(version(9, 65_535), "k").compareTo(output.key(version(10, 0), "k")) < 0);
  }

  @Test
  void framesRecordsForTheirReaders() {
    assertEquals(code(), SingleObject.of(SparseCode.class).decode(output.encode(code())));
    assertEquals(anomaly(), SingleObject.of(Anomaly.class).decode(output.encode(anomaly())));
    assertEquals(
        version(3, 4),
        SingleObject.of(DictionaryVersion.class).decode(output.encode(version(3, 4))));
    assertEquals(
        statistics(),
        SingleObject.of(DictionaryStatistics.class).decode(output.encode(statistics())));
  }

  @Test
  void knowsNoChannelForOtherRecords() {
    assertThrows(IllegalStateException.class, () -> output.channel(new SensorReading()));
  }

  private void check(SpecificRecord record, String channel, String key) {
    assertEquals(channel, output.channel(record));
    assertTrue(output.channels().contains(channel));
    assertEquals(key, output.key(record, "turbine-7"));
  }

  private static SparseCode code() {
    SparseCode code = new SparseCode();
    code.setLength(4);
    code.setMean(List.of(1f));
    code.setScale(List.of(2f));
    code.setAtoms(List.of(1, 2));
    code.setCoefficients(List.of(-3, 4));
    code.setMissing(List.of());
    code.setErrorBound(List.of());
    code.setExceptions(List.of());
    return code;
  }

  private static Anomaly anomaly() {
    Anomaly anomaly = new Anomaly();
    anomaly.setKind(AnomalyKind.DRIFT);
    anomaly.setReaction("none");
    return anomaly;
  }

  private static DictionaryVersion version(long number, int firstAtom) {
    DictionaryVersion version = new DictionaryVersion();
    version.setDictionary("shapes");
    version.setVersion(number);
    version.setFirstAtom(firstAtom);
    version.setCause(VersionCause.ROUND);
    version.setLearner("odl");
    version.setAtoms(tensor());
    version.setUsage(List.of(0.5f));
    return version;
  }

  private static DictionaryStatistics statistics() {
    DictionaryStatistics sums = new DictionaryStatistics();
    sums.setDictionary("shapes");
    sums.setContributor("turbine-7");
    sums.setCodeProducts(tensor());
    sums.setRecordProducts(tensor());
    sums.setUsage(List.of(1f));
    sums.setCandidates(tensor());
    sums.setCandidateEnergy(List.of(2f));
    return sums;
  }

  private static Tensor tensor() {
    return new Tensor(DataType.FLOAT32, List.of(1, 1), ByteBuffer.wrap(new byte[4]));
  }
}
