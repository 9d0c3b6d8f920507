package io.millrace.app.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class SnapshotJsonTest {
  private static DashboardSnapshot snapshot() {
    FeedRecords records = new FeedRecords();
    for (String sensor : List.of("a", "b")) {
      records.slice(FeedRecords.slice(sensor, 0, 1, 0, new float[][] {{0.123456f, 1f / 3, 0, -1}}));
      for (int step = 0; step < 6; step++) {
        records.reading(sensor, step, step == 5 ? Float.NaN : step + 0.1f);
      }
      records.code(sensor, FeedRecords.code(0, 4, 0));
    }
    return new DashboardSnapshot("1", "e", "t", 1.5, "scalar", List.of(records.tick()));
  }

  private static JsonNode json(DashboardSnapshot snapshot) throws IOException {
    return new ObjectMapper().readTree(new SnapshotJson().write(snapshot));
  }

  @Test
  void writesWhatIsNoNumberAsNull() throws IOException {
    JsonNode sensor = json(snapshot()).at("/pipelines/0/sensors/0");
    assertEquals("[0.1,1.1,2.1,3.1,4.1,null]", sensor.at("/signal/0").toString());
    assertTrue(sensor.at("/reconstruction/0/5").isNull());
    assertTrue(sensor.at("/reconstruction/0/0").isNumber());
  }

  @Test
  void roundsAtomsToFourDecimals() throws IOException {
    assertEquals(
        "[0.1235,0.3333,0.0,-1.0]",
        json(snapshot()).at("/pipelines/0/dictionaries/0/atoms/0/values").toString());
  }

  @Test
  void writesOneLine() {
    String text = new String(new SnapshotJson().write(snapshot()));
    assertFalse(text.contains("\n") || text.contains("\r"));
  }

  @Test
  void givesDetailOnlyOfWhatIsLookedAt() throws IOException {
    JsonNode pipeline = json(snapshot().focusedOn("ecg", "b")).at("/pipelines/0");
    assertEquals(0, pipeline.at("/sensors/0/times").size());
    assertEquals("a", pipeline.at("/sensors/0/sensor").textValue());
    assertEquals(6, pipeline.at("/sensors/1/times").size());
    assertEquals(0, pipeline.at("/dictionaries/0/atoms").size());
    assertEquals(1, pipeline.at("/dictionaries/1/atoms").size());
  }

  @Test
  void showsTheFirstWhereTheNameIsUnknown() throws IOException {
    JsonNode pipeline = json(snapshot().focusedOn("?", "?")).at("/pipelines/0");
    assertEquals(6, pipeline.at("/sensors/0/times").size());
  }

  @Test
  void writesCheckpointsOnlyWhereTheEngineTakesThem() throws IOException {
    CheckpointView newest = new CheckpointView(12, 1, 340, 1_200, 3_400, 2_000);
    PipelineCounters.Counts with =
        new PipelineCounters.Counts(1, 0, 0, 0, 0, 3, Optional.of(newest), Map.of());
    JsonNode pipeline =
        json(new DashboardSnapshot(
                "1", "flink", "t", 1, "scalar", List.of(new FeedRecords().tick(with))))
            .at("/pipelines/0");

    assertEquals(
        "{\"completed\":12,\"failed\":1,\"durationMillis\":340,\"writtenBytes\":1200,"
            + "\"stateBytes\":3400,\"ageMillis\":2000}",
        pipeline.path("checkpoints").toString());
    assertEquals(3, pipeline.path("restarts").asLong());
    assertTrue(json(snapshot()).at("/pipelines/0/checkpoints").isNull());
  }
}
