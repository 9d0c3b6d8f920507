package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * A real browser looks at the page of a running demo. With {@code -Dmillrace.dashboard.url=URL} it
 * looks at that page instead. Skipped where there is no Chromium.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class DashboardIT {
  private Optional<DemoPage> demo = Optional.empty();
  private Browser browser;

  @BeforeAll
  void openThePage(@TempDir Path directory) {
    Browser.assumeInstalled();
    String given = System.getProperty("millrace.dashboard.url", "");
    if (given.isEmpty()) {
      demo = Optional.of(DemoPage.start(directory));
    }
    browser = Browser.open(demo.map(DemoPage::url).orElse(given), directory);
  }

  @AfterAll
  void closeAll() {
    if (browser != null) {
      browser.close();
    }
    demo.ifPresent(DemoPage::close);
  }

  @Test
  @Order(1)
  void numbersMoveWhileThePipelineRuns() {
    browser.await("records are counted", () -> browser.figure("records-in") > 0);
    double before = browser.figure("records-in");
    browser.await("more records are counted", () -> browser.figure("records-in") > before);
    browser.await("records come at a rate", () -> browser.figure("records-per-second") > 0);
    browser.await("codes are measured", () -> browser.figure("compression-ratio") > 0);
    assertEquals("live", browser.text("connection"));
  }

  @Test
  @Order(2)
  void dictionariesAreLearnedAndTheirAtomsDrawn() {
    browser.await(
        "a version beyond the first is there", () -> browser.figure("model-versions") > 1);
    browser.await("atoms are there", () -> browser.attribute("#atoms-chart", "data-atoms") != null);
    browser.await("atoms are drawn", () -> browser.drawnPixels("atoms-chart") > 2_000);
    browser.await("versions are drawn", () -> browser.drawnPixels("versions-chart") > 500);
  }

  @Test
  @Order(3)
  void theSignalAndItsReconstructionAreDrawn() {
    browser.await("a sensor can be chosen", () -> !browser.texts("#sensor option").isEmpty());
    browser.await("the signal is drawn", () -> browser.drawnPixels("signal-chart") > 2_000);
    String newest =
        "return fetch('/api/snapshot').then((answer) => answer.json()).then((snapshot) =>"
            + " snapshot.pipelines[0].sensors.some((sensor) =>"
            + " sensor.reconstruction[0].some((value) => value !== null)));";
    browser.await("windows are restored", () -> Boolean.TRUE.equals(browser.run(newest)));
  }

  @Test
  @Order(4)
  void eachPipelineHasItsTab() {
    List<String> tabs = browser.texts("#pipelines button");
    assertTrue(tabs.size() > 1, "expected a tab per pipeline, got " + tabs);
    String before = browser.text("topics");
    browser.click("#pipelines button:nth-child(2)");
    browser.await("the other pipeline is shown", () -> !browser.text("topics").equals(before));
    assertEquals("true", browser.attribute("#pipelines button:nth-child(2)", "aria-selected"));
    assertNotEquals("true", browser.attribute("#pipelines button:nth-child(1)", "aria-selected"));
    browser.await("its signal is drawn", () -> browser.drawnPixels("signal-chart") > 2_000);
  }

  @Test
  @Order(5)
  void namesTheEngineAndShowsNoCheckpointsWhereThereAreNone() {
    assumeTrue(demo.isPresent(), "the page that was given may be of another engine");
    assertEquals("kafka-streams", browser.text("engine"));
    assertEquals("0", browser.text("restarts"));
    assertEquals(2, browser.texts(".tile.checkpoint").size());
    assertEquals(List.of(), browser.shown(".tile.checkpoint"));
  }

  @Test
  @Order(6)
  void theBrowserHasNothingToComplainAboutAndAsksNobodyElse() {
    assertEquals(List.of(), browser.complaints());
    Object foreign =
        browser.run(
            "return performance.getEntriesByType('resource').map((entry) => entry.name)"
                + ".filter((name) => !name.startsWith(location.origin + '/'));");
    assertEquals(List.of(), foreign);
  }

  @Test
  @Order(7)
  void fitsANarrowScreen() {
    browser.assertFitsAPhone();
  }

  @Test
  @Order(8)
  void saysThatItReconnectsWhenTheProcessIsGone() {
    assumeTrue(demo.isPresent(), "the page that was given is not ours to stop");
    demo.ifPresent(DemoPage::close);
    browser.await(
        "the lost connection is shown", () -> browser.text("connection").equals("reconnecting"));
  }
}
