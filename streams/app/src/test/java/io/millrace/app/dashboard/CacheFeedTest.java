package io.millrace.app.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.kvcache.HeadGroupKey;
import io.millrace.schema.ElementFormat;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.KeyValuePage;
import io.millrace.schema.PageTier;
import io.millrace.schema.RotaryPairing;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.RotaryState;
import io.millrace.schema.SessionEnd;
import io.millrace.schema.SingleObject;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CacheFeedTest {
  private static final RotaryPosition NONE =
      new RotaryPosition(RotaryState.NONE, RotaryPairing.NEIGHBOURS, 1e4, 0, List.of());

  private final CacheFeed feed = new CacheFeed();

  @Test
  void countsBitsByTierAndWhatIsStillInTheWindow() {
    feed.input(block("a", 100));
    page("a", TensorKind.KEYS, 0, PageTier.EXACT, 4, 128);
    page("a", TensorKind.KEYS, 4, PageTier.FINE, 32, 128);
    page("a", TensorKind.VALUES, 4, PageTier.FINE, 32, 64);

    CacheView view = feed.view(Optional.empty());

    // 32 tokens of 2 heads of 8 channels are 512 values
    assertEquals(2.0, view.tiers().get(1).keyBits());
    assertEquals(1.0, view.tiers().get(1).valueBits());
    assertEquals(16.0, view.tiers().get(0).keyBits());
    assertEquals(1.5, view.compressedBitsPerValue());
    CacheView.SessionView session = view.sessions().get(0);
    assertEquals("t/a", session.name());
    assertEquals(100, session.tokens());
    assertEquals(64, session.windowTokens());
    assertEquals(List.of(1, 2, 0), counts(session));
    assertEquals(0.25, view.layers().get(0).keysFine(), 1e-6);
    assertTrue(Double.isNaN(view.layers().get(0).keysCoarse()));
  }

  @Test
  void aLaterPageSupersedesAndARemovedOneIsGone() {
    page("a", TensorKind.KEYS, 0, PageTier.FINE, 32, 128);
    page("a", TensorKind.KEYS, 0, PageTier.COARSE, 32, 64);
    CacheView.SessionView session = feed.view(Optional.empty()).sessions().get(0);
    assertEquals(List.of(0, 0, 1), counts(session));

    feed.page(key("a", TensorKind.KEYS, 0), null);
    session = feed.view(Optional.empty()).sessions().get(0);
    assertEquals(List.of(0, 0, 0), counts(session));

    feed.input(SingleObject.of(SessionEnd.class).encode(new SessionEnd(group("a"), 0L)));
    assertEquals(List.of(), feed.view(Optional.empty()).sessions());
    assertEquals(1, feed.view(Optional.empty()).sessionsSeen());
  }

  @Test
  void whatCannotBeReadIsPassedOver() {
    feed.input(new byte[] {1, 2, 3});
    feed.page("x", new byte[] {4});
    feed.page("x/S/0", new byte[] {4});
    feed.basis(null);
    CacheView view = feed.view(Optional.empty());
    assertEquals(0, view.sessionsSeen());
    assertEquals(1, view.summaries());
  }

  private void page(
      String session, TensorKind kind, long first, PageTier tier, int tokens, int bytes) {
    ByteBuffer hash = ByteBuffer.allocate(32);
    KeyValuePage page =
        new KeyValuePage(
            group(session),
            kind,
            NONE,
            ElementFormat.FLOAT16,
            first,
            tokens,
            tier,
            "kivi-2",
            "",
            -1L,
            0.25f,
            2f,
            0L,
            hash,
            hash.duplicate(),
            hash.duplicate(),
            0L,
            ByteBuffer.allocate(4),
            ByteBuffer.allocate(bytes));
    feed.page(key(session, kind, first), SingleObject.of(KeyValuePage.class).encode(page));
  }

  private static byte[] block(String session, int tokens) {
    return SingleObject.of(KeyValueBlock.class)
        .encode(
            new KeyValueBlock(
                group(session),
                TensorKind.KEYS,
                NONE,
                ElementFormat.FLOAT16,
                0L,
                tokens,
                0L,
                ByteBuffer.allocate(tokens * 32)));
  }

  private static List<Integer> counts(CacheView.SessionView session) {
    return List.of(session.exactPages(), session.finePages(), session.coarsePages());
  }

  private static String key(String session, TensorKind kind, long first) {
    return HeadGroupKey.page(HeadGroupKey.of(group(session)), kind, first);
  }

  private static HeadGroup group(String session) {
    return new HeadGroup("t", "m", "w", session, 0, 0, 2, 8);
  }
}
