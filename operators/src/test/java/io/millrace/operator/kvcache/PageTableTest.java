package io.millrace.operator.kvcache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.schema.KeyValuePage;
import io.millrace.schema.RotaryState;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Equal prefixes of one tenant are held once; nothing is shared across tenants. */
class PageTableTest {
  private static final PageCodec FP16 = new Exact(TokenFormat.FLOAT16);
  private final PageTable table = new PageTable();

  @Test
  void equalPrefixesOfOneTenantAreHeldOnce() {
    PlantedPages first = planted("acme", "s1", 1);
    PlantedPages second = planted("acme", "s2", 1);
    first.into(table, first.pages(32, FP16));
    second.into(table, second.pages(32, FP16));
    assertEquals(12, table.pages());
    assertEquals(6, table.frames());
    assertEquals(2, page(first, 64).references());
    assertSame(page(first, 64).shared(), page(second, 64).shared());
  }

  @Test
  void whatFollowsAfterAPrefixPartsIsHeldApart() {
    PlantedPages first = planted("acme", "s1", 1);
    PlantedPages second = planted("acme", "s2", 1);
    // the same last tokens behind another page: equal content, another chain
    second.keys[40 * PlantedPages.CHANNELS] += 1;
    first.into(table, first.pages(32, FP16));
    second.into(table, second.pages(32, FP16));
    assertSame(page(first, 0).shared(), page(second, 0).shared());
    assertNotSame(page(first, 32).shared(), page(second, 32).shared());
    assertEquals(
        page(first, 64).envelope().getContentHash(), page(second, 64).envelope().getContentHash());
    assertNotSame(page(first, 64).shared(), page(second, 64).shared());
  }

  @Test
  void tenantsNeverShare() {
    PlantedPages first = planted("acme", "s1", 1);
    PlantedPages second = planted("rival", "s1", 1);
    first.into(table, first.pages(32, FP16));
    second.into(table, second.pages(32, FP16));
    assertEquals(12, table.frames());
    // not even where one forges the other's chain hash
    String key = HeadGroupKey.page(second.key(), TensorKind.KEYS, 0);
    KeyValuePage forged = second.pages(32, FP16).get(key);
    forged.setChainHash(page(first, 0).envelope().getChainHash());
    table.accept(key, second.encode(forged));
    assertEquals(12, table.frames());
    assertEquals(1, page(first, 0).references());
    assertTrue(table.group("rival", first.key()).isEmpty());
    assertTrue(table.group("acme", second.key()).isEmpty());
  }

  @Test
  void anotherCodecOrForgedBytesAreNotShared() {
    PlantedPages first = planted("acme", "s1", 1);
    PlantedPages second = planted("acme", "s2", 1);
    first.into(table, first.pages(32, FP16));
    second.into(table, second.pages(32, new Kivi(4, 32)));
    assertEquals(12, table.frames());
    // a page that says it is the other's, with other bytes
    String key = HeadGroupKey.page(second.key(), TensorKind.KEYS, 0);
    KeyValuePage forged = planted("acme", "s2", 2).pages(32, FP16).get(key);
    forged.setChainHash(page(first, 0).envelope().getChainHash());
    table.accept(key, second.encode(forged));
    assertNotSame(page(first, 0).shared(), page(second, 0).shared());
  }

  @Test
  void tombstonesReleaseAndTheLastOneFrees() {
    PlantedPages first = planted("acme", "s1", 1);
    PlantedPages second = planted("acme", "s2", 1);
    Map<String, KeyValuePage> pages = first.pages(32, FP16);
    first.into(table, pages);
    second.into(table, second.pages(32, FP16));
    // superseding by itself keeps the count
    first.into(table, pages);
    assertEquals(12, table.pages());
    assertEquals(2, page(first, 0).references());
    pages.keySet().forEach(key -> table.accept(key, null));
    assertEquals(6, table.pages());
    assertEquals(6, table.frames());
    assertEquals(1, page(second, 0).references());
    assertTrue(table.group("acme", first.key()).isEmpty());
    second.pages(32, FP16).keySet().forEach(key -> table.accept(key, new byte[0]));
    assertEquals(0, table.frames());
    assertEquals(0, table.frameBytes());
    assertEquals(0, table.pages());
  }

  @Test
  void aDamagedRecordIsNotHeldAndIsToldUntilAGoodOneComes() {
    PlantedPages planted = planted("acme", "s1", 1);
    Map<String, KeyValuePage> pages = planted.pages(32, FP16);
    planted.into(table, pages);
    String key = HeadGroupKey.page(planted.key(), TensorKind.KEYS, 32);
    byte[] good = planted.encode(pages.get(key));
    byte[] bad = good.clone();
    bad[bad.length - 5] ^= 1;
    table.accept(key, bad);
    assertTrue(table.damaged("acme").get(key).contains("checksum"), table.damaged("acme") + "");
    assertEquals(5, table.pages());
    table.accept(key, good);
    assertTrue(table.damaged("acme").isEmpty());
    assertEquals(6, table.pages());
    // a good page under another's key
    table.accept(HeadGroupKey.page(planted.key(), TensorKind.KEYS, 64), good);
    assertEquals(1, table.damaged("acme").size());
    // keys of no form at all
    table.accept("", good);
    table.accept("acme/x", good);
    table.accept("acme" + "/x".repeat(400), good);
    table.accept("acme/model/0123abcd/s1/3/4/K/9999999999999999999", good);
    assertEquals(5, table.pages());
  }

  @Test
  void aGroupKeepsItsShape() {
    PlantedPages planted = planted("acme", "s1", 1);
    Map<String, KeyValuePage> pages = planted.pages(32, FP16);
    planted.into(table, pages);
    String key = HeadGroupKey.page(planted.key(), TensorKind.KEYS, 32);
    KeyValuePage page = pages.get(key);
    page.getGroup().setHeads(4);
    page.getGroup().setHeadDimension(8);
    PageFrame frame = PageFrame.decode(page.getFrame());
    page.setFrame(
        ByteBuffer.wrap(
            new PageFrame(
                    frame.codec(),
                    frame.parameters(),
                    new PageShape(32, 4, 8),
                    frame.kind(),
                    false,
                    32,
                    frame.payload(),
                    frame.labels())
                .encode()));
    table.accept(key, planted.encode(page));
    assertTrue(table.damaged("acme").get(key).contains("4 heads of 8"), table.damaged("acme") + "");
  }

  private static PlantedPages planted(String tenant, String session, long seed) {
    return new PlantedPages(tenant, session, 96, RotaryState.NONE, seed);
  }

  private HeldPage page(PlantedPages planted, long first) {
    return table
        .group(planted.group.getTenant(), planted.key())
        .orElseThrow()
        .page(TensorKind.KEYS, first)
        .orElseThrow();
  }
}
