package io.millrace.runtime;

import io.millrace.schema.Anomaly;
import io.millrace.schema.DictionaryStatistics;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SingleObject;
import io.millrace.schema.SparseCode;
import java.util.List;
import org.apache.avro.specific.SpecificRecord;

/** Routes and frames what the dictionary operators emit. One thread. */
final class DictionaryOutput implements OutputCodec<SpecificRecord> {
  static final String CODES = "codes";
  static final String ANOMALIES = "anomalies";
  static final String DICTIONARIES = "dictionaries";
  static final String STATISTICS = "statistics";

  private final SingleObject<SparseCode> codes = SingleObject.of(SparseCode.class);
  private final SingleObject<Anomaly> anomalies = SingleObject.of(Anomaly.class);
  private final SingleObject<DictionaryVersion> dictionaries =
      SingleObject.of(DictionaryVersion.class);
  private final SingleObject<DictionaryStatistics> statistics =
      SingleObject.of(DictionaryStatistics.class);

  @Override
  public List<String> channels() {
    return List.of(CODES, ANOMALIES, DICTIONARIES, STATISTICS);
  }

  @Override
  public String channel(SpecificRecord output) {
    if (output instanceof SparseCode) {
      return CODES;
    }
    if (output instanceof Anomaly) {
      return ANOMALIES;
    }
    if (output instanceof DictionaryVersion) {
      return DICTIONARIES;
    }
    if (output instanceof DictionaryStatistics) {
      return STATISTICS;
    }
    throw new IllegalStateException("no channel for " + output.getSchema().getName());
  }

  @Override
  public String key(SpecificRecord output, String stateKey) {
    if (output instanceof DictionaryVersion version) {
      return String.format(
          java.util.Locale.ROOT,
          "%s@%016d#%06d",
          version.getDictionary(),
          version.getVersion(),
          version.getFirstAtom());
    }
    return output instanceof DictionaryStatistics sums ? sums.getDictionary() : stateKey;
  }

  @Override
  public byte[] encode(SpecificRecord output) {
    if (output instanceof SparseCode code) {
      return codes.encode(code);
    }
    if (output instanceof Anomaly anomaly) {
      return anomalies.encode(anomaly);
    }
    if (output instanceof DictionaryVersion version) {
      return dictionaries.encode(version);
    }
    return statistics.encode((DictionaryStatistics) output);
  }
}
