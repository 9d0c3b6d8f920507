package io.millrace.app.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class DashboardFeedTest {
  private final CountDownLatch ticks = new CountDownLatch(2);

  private PipelineCounters.Counts count(String pipeline) {
    assertEquals("ecg", pipeline);
    ticks.countDown();
    return FeedRecords.counts(10 - ticks.getCount());
  }

  @Test
  void showsCountersAndStopsAtOnceWhileThereIsNoBroker() throws Exception {
    FeedSettings settings =
        new FeedSettings("1", "kafka-streams", "scalar", List.of(FeedRecords.PIPELINE));
    Map<String, Object> nobody =
        Map.of(
            "bootstrap.servers",
            "127.0.0.1:" + freePort(),
            "default.api.timeout.ms",
            2_000,
            "request.timeout.ms",
            1_000);
    DashboardFeed feed = DashboardFeed.start(settings, nobody, this::count);
    assertEquals("ecg", feed.snapshot().pipelines().get(0).name());
    assertTrue(ticks.await(30, TimeUnit.SECONDS), "the feed stopped to tick");
    assertTimeoutPreemptively(Duration.ofSeconds(4), feed::close);
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }
}
