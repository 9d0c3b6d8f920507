package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** The page of the KV cache's demo, in a browser. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class CacheDashboardIT {
  private DemoPage demo;
  private Browser browser;

  @BeforeAll
  void openThePage(@TempDir Path directory) {
    Browser.assumeInstalled();
    demo = DemoPage.startCache(directory);
    browser = Browser.open(demo.url(), directory);
  }

  @AfterAll
  void closeAll() {
    if (browser != null) {
      browser.close();
    }
    if (demo != null) {
      demo.close();
    }
  }

  @Test
  @Order(1)
  void sessionsAndTheirPagesAreShown() {
    browser.await("blocks are counted", () -> browser.figure("records-in") > 0);
    browser.await("sessions are counted", () -> browser.figure("cache-sessions") > 3);
    browser.await("pages are measured", () -> browser.figure("compressed-bits") > 0);
    browser.await("tiers are drawn", () -> browser.drawnPixels("tiers-chart") > 500);
    browser.await("sessions have rows", () -> browser.texts("#session-rows tr").size() > 3);
    browser.await("layers have rows", () -> browser.texts("#layer-rows tr").size() == 4);
  }

  @Test
  @Order(2)
  void textsStandSideBySideWithTheLossThatPagesAdd() {
    browser.await("a session is continued", () -> browser.figure("continued") > 0);
    browser.await("texts are shown", () -> !browser.texts("#continued-texts .pair").isEmpty());
    String first = browser.texts("#continued-texts .pair").get(0);
    assertTrue(first.contains("Exact cache"), first);
    assertTrue(first.contains("Pages alone"), first);
    assertTrue(browser.figure("compared-tokens") > 100);
    browser.await("heads are drawn", () -> browser.drawnPixels("heads-chart") > 2_000);
    browser.await("the loss is drawn", () -> browser.drawnPixels("added-chart") > 100);
  }

  @Test
  @Order(3)
  void whatBelongsToDictionariesIsHidden() {
    String others = "[data-for=dictionary]";
    assertTrue(browser.texts(others).size() > 5, "the page has parts of others");
    assertEquals(List.of(), browser.shown(others));
  }

  @Test
  @Order(4)
  void theBrowserHasNothingToComplainAboutAndThePageFitsAPhone() {
    assertEquals(List.of(), browser.complaints());
    browser.assertFitsAPhone();
  }
}
