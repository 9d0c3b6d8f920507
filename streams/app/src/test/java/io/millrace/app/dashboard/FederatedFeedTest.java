package io.millrace.app.dashboard;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.app.dashboard.FederatedView.ClientView;
import io.millrace.schema.RoundPhase;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class FederatedFeedTest {
  private final FederatedFeed feed = new FederatedFeed();

  @Test
  void theRoundStandsWhereItsNewestStatusSays() {
    feed.round(FederatedRecords.status(3, RoundPhase.OPEN, 2, 5, 8));
    feed.round(FederatedRecords.status(3, RoundPhase.DECIDING, 8, 5, 8));

    FederatedView.RoundView round = view().round();

    assertEquals(3, round.number());
    assertEquals("DECIDING", round.phase());
    assertEquals(List.of(8, 5, 8), List.of(round.complete(), round.minimum(), round.target()));
    assertEquals(9_000, round.deadline());
    assertEquals(2_000, round.time());
  }

  @Test
  void updatesAreCountedByWhatBecameOfThem() {
    feed.round(FederatedRecords.outcome("a", "INCLUDED", 0, ""));
    feed.round(FederatedRecords.outcome("a", "INCLUDED", 2, ""));
    feed.round(FederatedRecords.outcome("a", "INCLUDED", 40, ""));
    feed.round(FederatedRecords.outcome("b", "CARRIED", 1, ""));
    feed.round(FederatedRecords.outcome("c", "NORM", 0, "length 90, expected at most 9"));
    feed.round(FederatedRecords.outcome("c", "NORM", 0, "length 91, expected at most 9"));

    FederatedView view = view();

    assertEquals(3, view.included());
    assertEquals(1, view.carried());
    assertEquals(Map.of("NORM", 2L), view.refused());
    assertArrayEquals(new long[] {1, 0, 1, 0, 0, 0, 0, 0, 1}, view.staleness());
    assertEquals("length 91, expected at most 9", view.rejections().get(0).message());
    ClientView last = view.clients().get(2);
    assertEquals("c", last.client());
    assertEquals("NORM", last.outcome());
    assertEquals(2, last.refused());
  }

  @Test
  void bytesAreComparedWithFloatsOnceTheModelsLengthIsKnown() {
    feed.task(FederatedRecords.offer("qsgd-16"));
    feed.update(FederatedRecords.update(0, 3, 30));
    feed.update(FederatedRecords.update(1, 3, 50));
    for (int again = 0; again < 100; again++) {
      // the last chunk is shorter, and often sent again it must not stand for the others
      feed.update(FederatedRecords.update(2, 3, 7));
    }
    assertTrue(Double.isNaN(view().plainBytes()));
    assertTrue(Double.isNaN(view().updateBytes()));
    assertFalse(feed.knowsLengths());

    feed.chunk(FederatedRecords.chunk(0, 3, 64));
    feed.chunk(FederatedRecords.chunk(2, 3, 10));

    assertTrue(feed.knowsLengths());
    assertEquals(4.0 * (64 + 64 + 10), view().plainBytes());
    assertEquals(2 * 40.0 + 7, view().updateBytes());
    assertEquals("qsgd-16", view().codec());
  }

  @Test
  void anotherCodecIsMeasuredAnew() {
    feed.chunk(FederatedRecords.chunk(0, 1, 50));
    feed.task(FederatedRecords.offer("qsgd-16"));
    for (int i = 0; i < 2_048; i++) {
      feed.update(FederatedRecords.update(0, 1, 30));
    }
    assertTrue(feed.knowsSizes());

    feed.task(FederatedRecords.offer("sign"));
    assertFalse(feed.knowsSizes());
    feed.update(FederatedRecords.update(0, 1, 7));

    assertEquals(7, view().updateBytes());
    assertEquals(200, view().plainBytes());
  }

  @Test
  void lineageIsNewestFirstAndWeightsAreTheNewestVersions() {
    feed.version(FederatedRecords.version(0, -1, List.of(), 0, 0));
    feed.version(FederatedRecords.version(1, 0, List.of("a", "b"), 1, 0.5));
    feed.version(FederatedRecords.version(2, 1, List.of("b", "c"), 0, 0.7));
    feed.version(FederatedRecords.pointer(2));
    feed.round(FederatedRecords.outcome("a", "INCLUDED", 0, ""));
    feed.round(FederatedRecords.outcome("b", "INCLUDED", 0, ""));

    FederatedView view = view();

    assertEquals(2, view.newest());
    assertEquals(2, view.pointer());
    assertEquals("fedavg/nnm+trimmed-mean/sgd", view.rule());
    assertEquals(0.7, view.epsilon());
    assertEquals(2L, view.lineage().get(0).version());
    assertEquals(List.of("a", "b"), view.lineage().get(1).clients());
    assertEquals(1, view.lineage().get(1).rejected());
    assertEquals(32, view.lineage().get(0).lineage().length());
    assertEquals(0, view.clients().get(0).weight());
    assertEquals(2, view.clients().get(1).weight());
    assertEquals(1.0, view.versions().get(1).loss());
    assertEquals(0.8, view.versions().get(1).seconds(), 1e-9);
    assertTrue(Double.isNaN(view.versions().get(0).seconds()));
  }

  @Test
  void accountsAreTheirClients() {
    feed.account(FederatedRecords.account("a", 1.5, false));
    feed.account(FederatedRecords.account("b", 3.0, true));

    assertEquals(1, view().exhausted());
    assertEquals(1.5, view().clients().get(0).epsilon());
  }

  @Test
  void whatCannotBeReadIsPassedOver() {
    feed.round(new byte[] {1, 2, 3});
    feed.version(null);
    feed.account(new byte[0]);
    feed.task(new byte[] {9});
    feed.chunk(null);

    assertEquals("", view().model());
    assertEquals(-1, view().newest());
  }

  private FederatedView view() {
    return feed.view(Optional.empty());
  }
}
