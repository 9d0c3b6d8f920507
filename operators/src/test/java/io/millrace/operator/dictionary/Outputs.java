package io.millrace.operator.dictionary;

import io.millrace.schema.Anomaly;
import io.millrace.schema.DictionaryStatistics;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SingleObject;
import io.millrace.schema.SparseCode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.apache.avro.specific.SpecificRecord;

/** The outputs of a dictionary operator, sorted by kind, and what a consumer makes of them. */
final class Outputs implements Consumer<SpecificRecord> {
  final List<SpecificRecord> all = new ArrayList<>();
  final List<SparseCode> codes = new ArrayList<>();
  final List<Anomaly> anomalies = new ArrayList<>();
  final List<DictionaryVersion> versions = new ArrayList<>();
  final List<DictionaryStatistics> statistics = new ArrayList<>();

  @Override
  public void accept(SpecificRecord output) {
    all.add(output);
    if (output instanceof SparseCode code) {
      codes.add(code);
    } else if (output instanceof Anomaly anomaly) {
      anomalies.add(anomaly);
    } else if (output instanceof DictionaryVersion version) {
      versions.add(version);
    } else {
      statistics.add((DictionaryStatistics) output);
    }
  }

  /** The newest code. */
  SparseCode code() {
    return codes.get(codes.size() - 1);
  }

  void clear() {
    all.clear();
    codes.clear();
    anomalies.clear();
    versions.clear();
    statistics.clear();
  }

  /** An output as it crosses the wire. */
  static byte[] bytes(SpecificRecord output) {
    if (output instanceof SparseCode code) {
      return SingleObject.of(SparseCode.class).encode(code);
    }
    if (output instanceof Anomaly anomaly) {
      return SingleObject.of(Anomaly.class).encode(anomaly);
    }
    if (output instanceof DictionaryVersion version) {
      return SingleObject.of(DictionaryVersion.class).encode(version);
    }
    return SingleObject.of(DictionaryStatistics.class).encode((DictionaryStatistics) output);
  }

  /** A code out of its bytes. */
  static SparseCode received(SparseCode code) {
    return SingleObject.of(SparseCode.class).decode(bytes(code));
  }
}
