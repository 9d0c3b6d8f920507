package io.millrace.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.schema.KeyValuePage;
import io.millrace.schema.PageTier;
import io.millrace.schema.SingleObject;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** What holds for all pages that a topic ever had. */
final class PageChains {
  private PageChains() {}

  /**
   * For each head group and kind: no token missing, none twice, no tier of a span twice, every link
   * fits; and no link of one tenant is also another's.
   *
   * @param pages committed records, tombstones and summaries among them
   */
  static void assertWhole(List<ConsumerRecord<byte[], byte[]>> pages, String context) {
    SingleObject<KeyValuePage> format = SingleObject.of(KeyValuePage.class);
    Map<String, TreeMap<Long, List<KeyValuePage>>> chains = new TreeMap<>();
    Map<ByteBuffer, String> owners = new TreeMap<>();
    for (ConsumerRecord<byte[], byte[]> record : pages) {
      boolean isPage = !new String(record.key(), UTF_8).contains("/S/");
      if (record.value() == null || !isPage) {
        continue;
      }
      KeyValuePage page = format.decode(record.value());
      chains
          .computeIfAbsent(
              KeyValueTrace.key(page.getGroup()) + "/" + page.getKind(), key -> new TreeMap<>())
          .computeIfAbsent(page.getSequence(), sequence -> new ArrayList<>())
          .add(page);
      String tenant = page.getGroup().getTenant();
      String owner = owners.putIfAbsent(page.getChainHash(), tenant);
      assertTrue(owner == null || owner.equals(tenant), context + ": a link of " + owner);
    }
    assertTrue(!chains.isEmpty(), context + ": no pages");
    chains.forEach((key, spans) -> assertWhole(spans, context + ": " + key));
  }

  private static void assertWhole(TreeMap<Long, List<KeyValuePage>> spans, String context) {
    long sequence = 0;
    long token = 0;
    ByteBuffer previous = spans.firstEntry().getValue().get(0).getPreviousHash();
    for (List<KeyValuePage> tiers : spans.values()) {
      Set<PageTier> seen = new HashSet<>();
      for (KeyValuePage page : tiers) {
        String place = context + ", sequence " + page.getSequence();
        assertEquals(sequence, page.getSequence(), place);
        assertEquals(token, page.getFirstToken(), place);
        assertEquals(previous, page.getPreviousHash(), place);
        assertEquals(tiers.get(0).getChainHash(), page.getChainHash(), place);
        assertTrue(seen.add(page.getTier()), place + ": twice in tier " + page.getTier());
      }
      KeyValuePage first = tiers.get(0);
      sequence++;
      token += first.getTokens();
      previous = first.getChainHash();
    }
    assertEquals(KeyValueTrace.TOKENS, token, context + ": tokens");
  }
}
