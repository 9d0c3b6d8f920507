package io.millrace.app.cache;

import io.millrace.operator.kvcache.HeadGroupPages;
import io.millrace.operator.kvcache.HeldPage;
import io.millrace.operator.kvcache.PageTable;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValuePage;
import io.millrace.schema.KeyValueSummary;
import io.millrace.schema.TensorKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** The sessions of a tenant, in numbers. */
final class CacheListing {
  private CacheListing() {}

  /**
   * One session.
   *
   * @param headGroups over all layers
   * @param tokens that every head group has, both keys and values
   * @param agedTokens of them in summaries only, of the head group with most
   * @param pages records
   * @param tiers pages by tier
   * @param frameBytes of all pages, those shared with other sessions too
   * @param sharedPages pages whose bytes another session of the tenant has as well
   * @param bitsPerValue over all pages, frames and all
   * @param timeMicros newest event time
   * @param damaged records that could not be taken
   */
  record Session(
      String tenant,
      String model,
      String weights,
      String session,
      int layers,
      int headGroups,
      long tokens,
      long agedTokens,
      long pages,
      Map<String, Integer> tiers,
      long frameBytes,
      long sharedPages,
      double bitsPerValue,
      long timeMicros,
      int damaged) {}

  /** Sessions by rising model, weights and name. */
  static List<Session> of(PageTable table, String tenant) {
    TreeMap<String, List<HeadGroupPages>> sessions = new TreeMap<>();
    for (HeadGroupPages group : table.groups(tenant)) {
      HeadGroup id = group.group();
      sessions
          .computeIfAbsent(
              id.getModel() + "/" + id.getWeights() + "/" + id.getSession(),
              name -> new ArrayList<>())
          .add(group);
    }
    List<Session> listing = new ArrayList<>();
    sessions.forEach((name, groups) -> listing.add(session(groups, damaged(table, tenant, name))));
    return listing;
  }

  private static int damaged(PageTable table, String tenant, String session) {
    String prefix = tenant + "/" + session + "/";
    return (int) table.damaged(tenant).keySet().stream().filter(k -> k.startsWith(prefix)).count();
  }

  private static Session session(List<HeadGroupPages> groups, int damaged) {
    HeadGroup id = groups.get(0).group();
    TreeSet<Integer> layers = new TreeSet<>();
    TreeMap<String, Integer> tiers = new TreeMap<>();
    long tokens = Long.MAX_VALUE;
    long aged = 0;
    long pages = 0;
    long bytes = 0;
    long values = 0;
    long shared = 0;
    long time = 0;
    for (HeadGroupPages group : groups) {
      layers.add(group.group().getLayer());
      tokens = Math.min(tokens, group.end());
      time = Math.max(time, group.timeMicros());
      for (KeyValueSummary summary : group.summaries()) {
        aged = Math.max(aged, summary.getTokens());
      }
      for (TensorKind kind : TensorKind.values()) {
        for (HeldPage held : group.pages(kind)) {
          KeyValuePage page = held.envelope();
          pages++;
          bytes += held.frameBytes();
          values += held.frame().shape().values();
          shared += held.references() > 1 ? 1 : 0;
          tiers.merge(page.getTier().toString(), 1, Integer::sum);
        }
      }
    }
    return new Session(
        id.getTenant(),
        id.getModel(),
        id.getWeights(),
        id.getSession(),
        layers.size(),
        groups.size(),
        tokens,
        aged,
        pages,
        tiers,
        bytes,
        shared,
        values == 0 ? 0 : 8.0 * bytes / values,
        time,
        damaged);
  }
}
