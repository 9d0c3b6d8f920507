package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The page of the KV cache's demo, in a browser. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class CacheDashboardIT {
  @RegisterExtension
  static final ShownDemo DEMO = new ShownDemo("cache-dashboard", DemoPage::startCache);

  @Test
  @Order(1)
  void sessionsAndTheirPagesAreShown(Browser browser) {
    browser.await("blocks are counted", () -> browser.figure("records-in") > 0);
    browser.await("sessions are counted", () -> browser.figure("cache-sessions") > 3);
    browser.await("pages are measured", () -> browser.figure("compressed-bits") > 0);
    browser.await("tiers are drawn", () -> browser.drawnPixels("tiers-chart") > 500);
    browser.await("sessions have rows", () -> browser.texts("#session-rows tr").size() > 3);
    browser.await("layers have rows", () -> browser.texts("#layer-rows tr").size() == 4);
  }

  @Test
  @Order(2)
  void textsStandSideBySideWithTheLossThatPagesAdd(Browser browser) {
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
  void whatBelongsToDictionariesIsHidden(Browser browser) {
    String others = "[data-for=dictionary]";
    assertTrue(browser.texts(others).size() > 5, "the page has parts of others");
    assertEquals(List.of(), browser.shown(others));
  }

  @Test
  @Order(4)
  void theBrowserHasNothingToComplainAboutAndThePageFitsAPhone(Browser browser) {
    assertEquals(List.of(), browser.complaints());
    browser.assertFitsAPhone();
  }
}
