package io.millrace.operator.kvcache;

import io.millrace.operator.InvalidInputException;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValuePage;
import io.millrace.schema.KeyValueSummary;
import io.millrace.schema.RotaryPosition;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UnreadableRecordException;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The pages and summaries of all sessions as the newest records of their topics have them, tenant
 * by tenant. Every record is verified when it comes: its key against what it says of itself, that
 * against the frame, the frame's checksum. One that fails is not held; it is remembered with its
 * key until a good one takes its place.
 *
 * <p>Equal prefixes of one tenant are held once: frames are shared where tenant, chain hash, rotary
 * state, codec and model version are equal, and the bytes too. Nothing is shared between tenants,
 * whose chains begin with unlike seeds; the tenant is in the table's key besides.
 *
 * <p>Holds every frame once and about 1 KiB a record. One thread.
 */
public final class PageTable {
  /** What makes frames the same. */
  private record Identity(
      String tenant,
      ByteBuffer chainHash,
      RotaryPosition rotary,
      String codec,
      String basis,
      long basisVersion) {}

  /** What one tenant has. */
  private static final class Tenant {
    final TreeMap<String, HeadGroupPages> groups = new TreeMap<>();
    final TreeMap<String, String> damaged = new TreeMap<>();
  }

  private final SingleObject<KeyValuePage> pages = SingleObject.of(KeyValuePage.class);
  private final SingleObject<KeyValueSummary> summaries = SingleObject.of(KeyValueSummary.class);
  private final Map<String, Tenant> tenants = new HashMap<>();
  private final Map<Identity, SharedFrame> shared = new HashMap<>();
  private long pageCount;
  private long frameCount;
  private long frameBytes;
  private long newestMicros;

  /**
   * Takes a record of the pages or summaries topic. Whatever its bytes are, this does not fail.
   *
   * @param key of the record
   * @param value in single-object framing; null or empty: the key is no more
   */
  public void accept(String key, byte[] value) {
    RecordKey parsed;
    try {
      parsed = RecordKey.parse(key);
    } catch (IllegalArgumentException e) {
      int slash = key.indexOf('/');
      Tenant tenant =
          tenants.computeIfAbsent(slash < 0 ? "" : key.substring(0, slash), t -> new Tenant());
      if (value == null || value.length == 0) {
        tenant.damaged.remove(key);
      } else {
        tenant.damaged.put(key, e.getMessage());
      }
      return;
    }
    Tenant tenant = tenants.computeIfAbsent(parsed.tenant(), t -> new Tenant());
    tenant.damaged.remove(key);
    remove(tenant, parsed);
    if (value == null || value.length == 0) {
      return;
    }
    try {
      if (parsed.head() >= 0) {
        KeyValueSummary summary = summaries.decode(value);
        RecordCheck.summary(key, summary);
        requireShape(tenant, parsed, summary.getGroup());
        group(tenant, parsed).put(parsed.head(), summary);
        newestMicros = Math.max(newestMicros, summary.getTimeMicros());
      } else {
        put(tenant, parsed, key, pages.decode(value));
      }
    } catch (UnreadableRecordException | InvalidInputException | IllegalArgumentException e) {
      tenant.damaged.put(key, e.getMessage());
    }
  }

  /** Head groups of a tenant by rising key. */
  public Collection<HeadGroupPages> groups(String tenant) {
    Tenant held = tenants.get(tenant);
    return held == null ? List.of() : Collections.unmodifiableCollection(held.groups.values());
  }

  /**
   * One head group.
   *
   * @param tenant whose; a group of another tenant is not found
   * @param key {@link HeadGroupKey#of}
   */
  public Optional<HeadGroupPages> group(String tenant, String key) {
    Tenant held = tenants.get(tenant);
    return held == null ? Optional.empty() : Optional.ofNullable(held.groups.get(key));
  }

  /** Records of a tenant that are not held, by key, with what is wrong. */
  public Map<String, String> damaged(String tenant) {
    Tenant held = tenants.get(tenant);
    return held == null ? Map.of() : Collections.unmodifiableMap(held.damaged);
  }

  /** All tenants: for whoever may see all. */
  public Collection<String> tenants() {
    return Collections.unmodifiableCollection(new TreeMap<>(tenants).keySet());
  }

  /** Page records held. */
  public long pages() {
    return pageCount;
  }

  /** Frames held: fewer than pages where prefixes are equal. */
  public long frames() {
    return frameCount;
  }

  /** Bytes of all frames held. */
  public long frameBytes() {
    return frameBytes;
  }

  /** Newest event time of all records ever taken, microseconds. */
  public long newestMicros() {
    return newestMicros;
  }

  private static HeadGroupPages group(Tenant tenant, RecordKey key) {
    return tenant.groups.computeIfAbsent(key.group(), HeadGroupPages::new);
  }

  private void remove(Tenant tenant, RecordKey key) {
    HeadGroupPages group = tenant.groups.get(key.group());
    if (group == null) {
      return;
    }
    if (key.head() >= 0) {
      group.removeSummary(key.head());
    } else {
      HeldPage page = group.of(key.kind()).remove(key.firstToken());
      if (page != null) {
        pageCount--;
        if (page.shared().release()) {
          frameCount--;
          frameBytes -= page.shared().bytes();
          shared.remove(identity(page.envelope()), page.shared());
        }
      }
    }
    if (group.isEmpty()) {
      tenant.groups.remove(key.group());
    }
  }

  private void put(Tenant tenant, RecordKey parsed, String key, KeyValuePage page) {
    requireShape(tenant, parsed, page.getGroup());
    PageFrame frame = RecordCheck.page(key, page);
    page.setFrame(ByteBuffer.allocate(0));
    SharedFrame held = share(page, frame);
    held.hold();
    pageCount++;
    newestMicros = Math.max(newestMicros, page.getTimeMicros());
    group(tenant, parsed).put(new HeldPage(key, page, held));
  }

  private SharedFrame share(KeyValuePage envelope, PageFrame frame) {
    SharedFrame known = shared.get(identity(envelope));
    // equal names are not enough: bytes that differ are another page, whoever made them
    if (known != null && known.frame().equals(frame)) {
      return known;
    }
    SharedFrame own = new SharedFrame(frame);
    frameCount++;
    frameBytes += own.bytes();
    if (known == null) {
      shared.put(identity(envelope), own);
    }
    return own;
  }

  private static Identity identity(KeyValuePage page) {
    return new Identity(
        page.getGroup().getTenant(),
        page.getChainHash(),
        page.getRotary(),
        page.getCodec(),
        page.getBasis(),
        page.getBasisVersion());
  }

  /** All records of a head group have its heads and their dimension. */
  private static void requireShape(Tenant tenant, RecordKey key, HeadGroup group) {
    HeadGroupPages held = tenant.groups.get(key.group());
    if (held != null && !held.group().equals(group)) {
      throw new IllegalArgumentException(
          "record has "
              + group.getHeads()
              + " heads of "
              + group.getHeadDimension()
              + " channels, its head group "
              + held.group().getHeads()
              + " of "
              + held.group().getHeadDimension());
    }
  }
}
