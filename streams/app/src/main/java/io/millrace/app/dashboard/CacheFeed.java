package io.millrace.app.dashboard;

import io.millrace.app.dashboard.CacheView.LayerView;
import io.millrace.app.dashboard.CacheView.SessionView;
import io.millrace.app.dashboard.CacheView.TierView;
import io.millrace.schema.BasisVersion;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValueBlock;
import io.millrace.schema.KeyValuePage;
import io.millrace.schema.PageTier;
import io.millrace.schema.SessionEnd;
import io.millrace.schema.TensorKind;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** What the page knows of one KV cache pipeline. Bounded; not thread-safe. */
final class CacheFeed {
  private static final int MAX_PAGES = 20_000;
  private static final int MAX_SESSIONS = 200;
  private static final int SHOWN_SESSIONS = 12;

  /** What is kept of a page. */
  private record Mark(
      String session,
      int layer,
      boolean keys,
      PageTier tier,
      String codec,
      long end,
      long values,
      long bytes,
      float error) {}

  /** What is kept of a session. */
  private static final class Session {
    private long tokens;
    private boolean ended;
  }

  private final RecordDecoder<KeyValueBlock> blocks = new RecordDecoder<>(KeyValueBlock.class);
  private final RecordDecoder<SessionEnd> ends = new RecordDecoder<>(SessionEnd.class);
  private final RecordDecoder<KeyValuePage> pages = new RecordDecoder<>(KeyValuePage.class);
  private final RecordDecoder<BasisVersion> bases = new RecordDecoder<>(BasisVersion.class);
  private final Map<String, Mark> marks = bounded(MAX_PAGES, false);
  private final Map<String, Session> sessions = bounded(MAX_SESSIONS, true);
  private final Set<String> summaries = new HashSet<>();
  private final Map<String, Long> versions = new TreeMap<>();
  private long sessionsSeen;
  private long basisVersions;

  /** A block, an end, or something else. */
  void input(byte[] value) {
    blocks
        .decode(value)
        .ifPresentOrElse(
            block -> {
              Session session = session(block.getGroup());
              session.tokens = Math.max(session.tokens, block.getFirstToken() + block.getTokens());
            },
            () -> ends.decode(value).ifPresent(end -> session(end.getGroup()).ended = true));
  }

  /** A page, a summary, or the removal of one. */
  void page(String key, byte[] value) {
    if (value == null) {
      marks.remove(key);
      summaries.remove(key);
      return;
    }
    if (key.contains("/S/")) {
      if (summaries.size() < MAX_PAGES) {
        summaries.add(key);
      }
      return;
    }
    pages.decode(value).ifPresent(page -> mark(key, page));
  }

  private void mark(String key, KeyValuePage page) {
    HeadGroup group = page.getGroup();
    Session session = session(group);
    long end = page.getFirstToken() + page.getTokens();
    session.tokens = Math.max(session.tokens, end);
    marks.put(
        key,
        new Mark(
            name(group),
            group.getLayer(),
            page.getKind() == TensorKind.KEYS,
            page.getTier(),
            PrintableText.of(page.getCodec(), 40),
            end,
            (long) page.getTokens() * group.getHeads() * group.getHeadDimension(),
            page.getFrame().remaining(),
            page.getRelativeError()));
  }

  /** A slice of a basis, or another model. */
  void basis(byte[] value) {
    bases
        .decode(value)
        .filter(slice -> slice.getFirstComponent() == 0)
        .ifPresent(
            slice -> {
              basisVersions++;
              if (versions.size() < MAX_SESSIONS) {
                versions.merge(slice.getBasis(), slice.getVersion(), Math::max);
              }
            });
  }

  private Session session(HeadGroup group) {
    return sessions.computeIfAbsent(
        name(group),
        name -> {
          sessionsSeen++;
          return new Session();
        });
  }

  private static String name(HeadGroup group) {
    return PrintableText.of(group.getTenant(), 40) + "/" + PrintableText.of(group.getSession(), 60);
  }

  /** All there is to see. */
  CacheView view(Optional<ContinuationView> continuation) {
    return new CacheView(
        bits(marks.values().stream().toList()),
        bits(marks.values().stream().filter(mark -> mark.tier() != PageTier.EXACT).toList()),
        List.of(tier(PageTier.EXACT), tier(PageTier.FINE), tier(PageTier.COARSE)),
        summaries.size(),
        layers(),
        sessionViews(),
        sessionsSeen,
        basisVersions,
        versions.size(),
        continuation);
  }

  private TierView tier(PageTier tier) {
    List<Mark> all = marks.values().stream().filter(mark -> mark.tier() == tier).toList();
    Set<String> codecs = new TreeSet<>();
    all.forEach(mark -> codecs.add(mark.codec()));
    return new TierView(
        tier.name(),
        all.size(),
        all.stream().mapToLong(Mark::bytes).sum(),
        bits(all.stream().filter(Mark::keys).toList()),
        bits(all.stream().filter(mark -> !mark.keys()).toList()),
        List.copyOf(codecs));
  }

  private static double bits(List<Mark> marks) {
    double values = marks.stream().mapToLong(Mark::values).sum();
    return values == 0 ? Double.NaN : 8.0 * marks.stream().mapToLong(Mark::bytes).sum() / values;
  }

  private List<LayerView> layers() {
    Set<Integer> numbers = new TreeSet<>();
    marks.values().forEach(mark -> numbers.add(mark.layer()));
    return numbers.stream()
        .limit(128)
        .map(
            layer ->
                new LayerView(
                    layer,
                    error(layer, true, PageTier.FINE),
                    error(layer, true, PageTier.COARSE),
                    error(layer, false, PageTier.FINE),
                    error(layer, false, PageTier.COARSE)))
        .toList();
  }

  private double error(int layer, boolean keys, PageTier tier) {
    return Math.sqrt(
        marks.values().stream()
            .filter(mark -> mark.layer() == layer && mark.keys() == keys && mark.tier() == tier)
            .mapToDouble(mark -> (double) mark.error() * mark.error())
            .average()
            .orElse(Double.NaN));
  }

  private List<SessionView> sessionViews() {
    Map<String, List<Mark>> bySession = new HashMap<>();
    marks
        .values()
        .forEach(
            mark -> bySession.computeIfAbsent(mark.session(), name -> new ArrayList<>()).add(mark));
    List<String> names = new ArrayList<>(sessions.keySet());
    Collections.reverse(names);
    return names.stream()
        // of others the pages have gone, too
        .filter(name -> !sessions.get(name).ended || bySession.containsKey(name))
        .sorted(Comparator.comparing(name -> sessions.get(name).ended))
        .limit(SHOWN_SESSIONS)
        .map(name -> view(name, sessions.get(name), bySession.getOrDefault(name, List.of())))
        .toList();
  }

  private static SessionView view(String name, Session session, List<Mark> pages) {
    long covered = pages.stream().mapToLong(Mark::end).max().orElse(0);
    return new SessionView(
        name,
        session.tokens,
        session.ended ? 0 : Math.max(0, session.tokens - covered),
        count(pages, PageTier.EXACT),
        count(pages, PageTier.FINE),
        count(pages, PageTier.COARSE),
        pages.stream().mapToLong(Mark::bytes).sum(),
        session.ended);
  }

  private static int count(List<Mark> pages, PageTier tier) {
    return (int) pages.stream().filter(mark -> mark.tier() == tier).count();
  }

  private static <V> Map<String, V> bounded(int most, boolean byUse) {
    return new LinkedHashMap<>(16, 0.75f, byUse) {
      private static final long serialVersionUID = 1;

      @Override
      protected boolean removeEldestEntry(Map.Entry<String, V> eldest) {
        return size() > most;
      }
    };
  }
}
