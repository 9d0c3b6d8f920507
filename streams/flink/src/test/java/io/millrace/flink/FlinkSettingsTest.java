package io.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.millrace.runtime.Deployment;
import io.millrace.runtime.LaunchSettings;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.state.rocksdb.RocksDBConfigurableOptions;
import org.junit.jupiter.api.Test;
import org.rocksdb.CompactionStyle;

class FlinkSettingsTest {
  @Test
  void smallNewFilesOfRocksDbAreMergedAmongThemselvesUnlessToldOtherwise() {
    assertEquals(
        CompactionStyle.UNIVERSAL, job("{}").get(RocksDBConfigurableOptions.COMPACTION_STYLE));
    assertEquals(
        CompactionStyle.LEVEL,
        job("{flink: {state.backend.rocksdb.compaction.style: LEVEL}}")
            .get(RocksDBConfigurableOptions.COMPACTION_STYLE));
  }

  private static Configuration job(String engines) {
    Deployment deployment =
        Deployment.parse(
            "plant.yaml",
            """
            name: plant
            kafka: {bootstrap.servers: "127.0.0.1:1"}
            engines: %s
            pipelines: [{name: pumps}]
            """
                .formatted(engines),
            Map.of());
    return new FlinkSettings(deployment, LaunchSettings.LOCAL, "tmp").job("plant-pumps");
  }
}
