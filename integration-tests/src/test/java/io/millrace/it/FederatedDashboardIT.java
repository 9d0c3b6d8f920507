package io.millrace.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The page of the federated demo, in a browser. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class FederatedDashboardIT {
  @RegisterExtension
  static final ShownDemo DEMO = new ShownDemo("federated-dashboard", DemoPage::startFederated);

  @Test
  @Order(1)
  void roundsAndVersionsAreShown(Browser browser) {
    browser.await("versions are made", () -> browser.figure("model-version") >= 3);
    browser.await("the accuracy is known", () -> browser.figure("accuracy") > 0.3);
    browser.await("the accuracy is drawn", () -> browser.drawnPixels("accuracy-chart") > 1_000);
    browser.await("updates are drawn", () -> browser.drawnPixels("updates-chart") > 500);
    browser.await("staleness is drawn", () -> browser.drawnPixels("staleness-chart") > 100);
    browser.await("bytes are compared", () -> browser.figure("bytes-saved") > 0.5);
    browser.await("the quorum is known", () -> browser.figure("round-target") == 4);
    browser.await("versions have rows", () -> browser.texts("#lineage-rows li").size() > 3);
    browser.await("records are counted", () -> browser.figure("records-in") > 0);
  }

  @Test
  @Order(2)
  void whoIsTurnedAwayIsNamedWithTheReason(Browser browser) {
    browser.await("an update is refused", () -> browser.figure("updates-refused") > 0);
    browser.await(
        "the one who flips signs has a row with the reason",
        () ->
            browser.texts("#rejection-rows tr").stream()
                .anyMatch(row -> row.contains("client-3") && row.contains("rule")));
    List<String> clients = browser.texts("#client-rows tr");
    assertEquals(4, clients.size());
    assertTrue(clients.get(3).contains("sign-flip"), clients.get(3));
  }

  @Test
  @Order(3)
  void whatBelongsToOthersIsHidden(Browser browser) {
    String others = "[data-for=dictionary], [data-for=cache], [data-for=plain]";
    assertTrue(browser.texts(others).size() > 10, "the page has parts of others");
    assertEquals(List.of(), browser.shown(others));
  }

  @Test
  @Order(4)
  void theBrowserHasNothingToComplainAboutAndThePageFitsAPhone(Browser browser) {
    assertEquals(List.of(), browser.complaints());
    browser.assertFitsAPhone();
  }
}
