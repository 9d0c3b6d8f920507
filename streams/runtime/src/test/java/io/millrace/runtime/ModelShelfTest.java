package io.millrace.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.Models.Model;
import io.millrace.operator.dictionary.DictionaryModel;
import io.millrace.operator.kvcache.HeadBudgetModel;
import io.millrace.operator.kvcache.TransformBasis;
import io.millrace.schema.BasisVersion;
import io.millrace.schema.HeadBudget;
import io.millrace.schema.SingleObject;
import io.millrace.schema.UnreadableRecordException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** On what the recorded learning stage published: bases, budgets and dictionaries on one topic. */
final class ModelShelfTest {
  private static final int CHANNELS = 16;
  private static final String BASIS = "acme/decoder/0123456789abcdef/0/K/0";

  private final SingleObject<BasisVersion> bases = SingleObject.of(BasisVersion.class);
  private final SingleObject<HeadBudget> budgets = SingleObject.of(HeadBudget.class);

  @Test
  void putsModelsOfEveryTypeOfATopicTogether() {
    ModelShelf shelf = new ModelShelf(new Following("p.bases", Set.of(), 4));
    published().forEach(value -> shelf.take(shelf.read(value)));
    assertTrue(shelf.latest(BASIS).orElseThrow() instanceof TransformBasis);
    assertTrue(shelf.latest(BASIS + "/budget").orElseThrow() instanceof HeadBudgetModel);
    assertTrue(shelf.latest(BASIS + "/dictionary").orElseThrow() instanceof DictionaryModel);
    assertEquals(1, shelf.version(BASIS, 1).orElseThrow().version());
    assertTrue(shelf.isAhead(BASIS, 1_000_000));
    assertTrue(shelf.isAhead("another", 1), "all are followed");
  }

  @Test
  void keepsTheNewestVersionsOfEachId() {
    ModelShelf shelf = new ModelShelf(new Following("p.bases", Set.of(), 3));
    for (long version = 1; version <= 10; version++) {
      shelf.take(shelf.read(basis(version)));
    }
    assertTrue(shelf.version(BASIS, 7).isEmpty());
    assertFalse(shelf.holds(BASIS, 7));
    for (long version = 8; version <= 10; version++) {
      assertEquals(version, shelf.version(BASIS, version).orElseThrow().version());
    }
  }

  @Test
  void givesTheSameObjectWhileItIsUsed() {
    ModelShelf shelf = new ModelShelf(new Following("p.bases", Set.of(), 3));
    shelf.take(shelf.read(basis(1)));
    Model first = shelf.latest(BASIS).orElseThrow();
    shelf.take(shelf.read(basis(2)));
    assertSame(first, shelf.version(BASIS, 1).orElseThrow());
    assertSame(shelf.latest(BASIS).orElseThrow(), shelf.latest(BASIS).orElseThrow());
  }

  @Test
  void passesOverIdsThatAreNotFollowed() {
    ModelShelf shelf = new ModelShelf(new Following("p.bases", Set.of(BASIS + "/budget"), 3));
    published().forEach(value -> shelf.take(shelf.read(value)));
    assertTrue(shelf.latest(BASIS).isEmpty());
    assertTrue(shelf.latest(BASIS + "/budget").isPresent());
    assertFalse(shelf.isAhead(BASIS, 1_000_000));
  }

  @Test
  void refusesWhatIsNoModelOrDoesNotFit() {
    ModelShelf shelf = new ModelShelf(new Following("p.bases", Set.of(), 3));
    byte[] whole = basis(1);
    for (byte[] bad : new byte[][] {null, {}, {1, 2, 3}, Arrays.copyOf(whole, whole.length - 1)}) {
      assertThrows(UnreadableRecordException.class, () -> shelf.read(bad));
    }
    Trace trace = Trace.load(Trace.WINDOW);
    byte[] block = trace.events().get(0).record().value();
    assertThrows(UnreadableRecordException.class, () -> shelf.read(block));
    BasisVersion open = bases.decode(whole);
    open.getDeviations().limit(open.getDeviations().limit() - Float.BYTES);
    open.getComponents().limit(open.getComponents().limit() - 2 * CHANNELS);
    shelf.take(shelf.read(bases.encode(open)));
    BasisVersion other = bases.decode(bases.encode(open));
    other.setHeads(other.getHeads() * 2);
    assertThrows(IllegalArgumentException.class, () -> shelf.take(shelf.read(bases.encode(other))));
    HeadBudget posing = anyBudget();
    posing.setBits(List.of(Float.NaN));
    assertThrows(
        IllegalArgumentException.class, () -> shelf.take(shelf.read(budgets.encode(posing))));
    assertTrue(shelf.latest(BASIS).isEmpty());
  }

  /** The first slice of a basis under another number; it is whole in one slice. */
  private byte[] basis(long version) {
    for (byte[] value : published()) {
      if (SingleObject.recordName(value).equals("BasisVersion")) {
        BasisVersion slice = bases.decode(value);
        if (slice.getBasis().equals(BASIS)) {
          slice.setVersion(version);
          return bases.encode(slice);
        }
      }
    }
    throw new IllegalStateException("no basis in the trace");
  }

  private HeadBudget anyBudget() {
    return published().stream()
        .filter(value -> SingleObject.recordName(value).equals("HeadBudget"))
        .map(budgets::decode)
        .findFirst()
        .orElseThrow();
  }

  private static List<byte[]> published() {
    List<byte[]> values = new ArrayList<>();
    Trace trace = Trace.load(Trace.LEARNING);
    for (Trace.Event event : trace.events()) {
      for (TopicRecord output : event.outputs()) {
        if (output.topic().equals("p.bases")) {
          values.add(output.value());
        }
      }
    }
    return values;
  }
}
