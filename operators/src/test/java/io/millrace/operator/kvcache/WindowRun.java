package io.millrace.operator.kvcache;

import io.millrace.operator.Models;
import io.millrace.schema.HeadGroup;
import io.millrace.schema.KeyValuePage;
import io.millrace.schema.KeyValueSample;
import io.millrace.schema.KeyValueSummary;
import io.millrace.schema.PageTier;
import io.millrace.schema.TensorKind;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;

/** One head group through the operator, and its pages topic after compaction. */
final class WindowRun {
  private final KeyValueSettings settings;
  final KeyValueWindow operator;
  final HeadGroup group;
  final TensorLayout keys;
  final TensorLayout values;
  final Models models;
  KeyValueState state;
  final List<CacheOutput> outputs = new ArrayList<>();
  final Map<String, CacheOutput> topic = new TreeMap<>();

  WindowRun(KeyValueSettings settings, HeadGroup group, TensorLayout keys, Models models) {
    this.settings = settings;
    this.operator = new KeyValueWindow(settings);
    this.group = group;
    this.keys = keys;
    this.values = CacheRecords.layout(keys.elementFormat(), CacheRecords.none());
    this.models = models;
    this.state = operator.createState(HeadGroupKey.of(group));
  }

  KeyValueSettings settings() {
    return settings;
  }

  /** As an engine does it. */
  void accept(CacheInput input) {
    long now = operator.eventTimeMillis(input);
    fireDue(now);
    operator.accept(state, input, now, models, this::take);
  }

  void fireDue(long nowMillis) {
    OptionalLong due = operator.nextDeadlineMillis(state);
    while (due.isPresent() && due.getAsLong() <= nowMillis) {
      operator.onDeadline(state, due.getAsLong(), models, this::take);
      due = operator.nextDeadlineMillis(state);
    }
  }

  /** The next tokens of a kind. */
  void send(TensorKind kind, int tokens, long micros) {
    PagedTensor tensor = state.tensorOrNull(kind);
    accept(block(kind, tensor == null ? 0 : tensor.window.next(), tokens, micros));
  }

  /** The next tokens of both kinds. */
  void send(int tokens, long micros) {
    send(TensorKind.KEYS, tokens, micros);
    send(TensorKind.VALUES, tokens, micros);
  }

  void end(long micros) {
    accept(new CacheInput.End(CacheRecords.end(group, micros)));
  }

  CacheInput block(TensorKind kind, long first, int tokens, long micros) {
    return new CacheInput.Block(
        CacheRecords.block(
            group, kind, kind == TensorKind.KEYS ? keys : values, first, tokens, micros));
  }

  void restore() {
    KeyValueStateCodec codec = new KeyValueStateCodec();
    state = codec.decode(sections());
  }

  byte[][] sections() {
    KeyValueStateCodec codec = new KeyValueStateCodec();
    byte[][] sections = new byte[codec.sections()][];
    for (int section = 0; section < sections.length; section++) {
      sections[section] = codec.encode(state, section);
    }
    return sections;
  }

  /** All pages that left, in order. */
  List<KeyValuePage> pages() {
    return pages(outputs);
  }

  List<KeyValuePage> pages(TensorKind kind) {
    return pages().stream().filter(page -> page.getKind() == kind).toList();
  }

  List<KeyValuePage> pages(PageTier tier) {
    return pages().stream().filter(page -> page.getTier() == tier).toList();
  }

  /** Pages that are on the topic after compaction. */
  List<KeyValuePage> kept() {
    return pages(topic.values().stream().toList());
  }

  List<KeyValueSample> samples() {
    return outputs.stream()
        .filter(CacheOutput.Sample.class::isInstance)
        .map(output -> ((CacheOutput.Sample) output).sample())
        .toList();
  }

  /** Summaries that are on the topic after compaction. */
  List<KeyValueSummary> summaries() {
    return topic.values().stream()
        .filter(CacheOutput.Summary.class::isInstance)
        .map(output -> ((CacheOutput.Summary) output).summary())
        .toList();
  }

  /** The vectors of a page, as its rotary state says. */
  float[] restored(KeyValuePage page) {
    PageFrame frame = PageFrame.decode(page.getFrame());
    float[] values = new float[frame.shape().values()];
    Optional<Models.Model> model = models.version(page.getBasis(), page.getBasisVersion());
    PageCodecs.reading(frame.codec(), frame.parameters(), model)
        .open(frame.shape(), frame.kind(), frame.payload())
        .restore(values);
    return values;
  }

  /** The vectors of a page's tokens, as they came. */
  float[] exact(KeyValuePage page) {
    TokenFormat format = TokenFormat.valueOf(page.getFormat().name());
    float[] values = new float[page.getTokens() * group.getHeads() * group.getHeadDimension()];
    ByteBuffer elements =
        CacheRecords.elements(
            group, page.getKind(), format, page.getFirstToken(), page.getTokens());
    format.get(elements, values, values.length);
    return values;
  }

  private static List<KeyValuePage> pages(List<CacheOutput> outputs) {
    return outputs.stream()
        .filter(CacheOutput.Page.class::isInstance)
        .map(output -> ((CacheOutput.Page) output).page())
        .toList();
  }

  private void take(CacheOutput output) {
    outputs.add(output);
    if (output instanceof CacheOutput.Removed removed) {
      topic.remove(removed.key());
    } else if (!(output instanceof CacheOutput.Sample)) {
      topic.put(output.key(state.key), output);
    }
  }
}
