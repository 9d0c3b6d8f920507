package io.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.runtime.Following;
import io.millrace.runtime.TopicRecord;
import io.millrace.runtime.Trace;
import io.millrace.schema.DictionaryVersion;
import io.millrace.schema.SingleObject;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

final class BroadcastModelsTest {
  private final SingleObject<DictionaryVersion> framing = SingleObject.of(DictionaryVersion.class);
  private final byte[] any = anyVersion();

  @Test
  void keepsTheSlicesOfTheVersionsThatTheShelfKeepsAndNoOthers() {
    BroadcastModels models = new BroadcastModels(Following.dictionary("models", "shapes"));
    int published = Following.DICTIONARY_VERSIONS + 10;
    for (int version = 0; version < published; version++) {
      models.take(version("shapes", version));
      models.take(version("others", version));
    }
    List<byte[]> slices = models.slices();
    assertEquals(Following.DICTIONARY_VERSIONS, slices.size());
    assertEquals(10, framing.decode(slices.get(0)).getVersion());
    assertEquals(published - 1, framing.decode(slices.get(slices.size() - 1)).getVersion());
    assertFalse(models.version("shapes", 9).isPresent());
    assertEquals(published - 1, models.latest("shapes").orElseThrow().version());
  }

  @Test
  void isTheSameAgainAfterItsSlicesAreReadBack() {
    BroadcastModels models = new BroadcastModels(Following.dictionary("models", "shapes"));
    for (long version : new long[] {5, 3, 4, 3}) {
      models.take(version("shapes", version));
    }
    BroadcastModels restored = new BroadcastModels(Following.dictionary("models", "shapes"));
    models.slices().forEach(restored::take);
    assertEquals(3, restored.slices().size());
    for (int slice = 0; slice < 3; slice++) {
      assertArrayEquals(models.slices().get(slice), restored.slices().get(slice));
    }
    assertEquals(5, restored.latest("shapes").orElseThrow().version());
    assertTrue(restored.version("shapes", 3).isPresent());
  }

  @Test
  void passesOverWhatIsNoSliceOfAModel() {
    BroadcastModels models = new BroadcastModels(Following.dictionary("models", "shapes"));
    models.take(new TopicRecord("models", 0, 0, 0, null, null));
    models.take(new TopicRecord("models", 0, 1, 0, null, new byte[] {1, 2, 3}));
    byte[] whole = version("shapes", 1);
    models.take(new TopicRecord("models", 0, 2, 0, null, Arrays.copyOf(whole, 40)));
    models.take(new TopicRecord("models", 0, 3, 0, null, whole));
    assertEquals(1, models.slices().size());
    assertEquals(1, models.latest("shapes").orElseThrow().version());
  }

  /** A version of the trace's dictionary under another number. */
  private byte[] version(String dictionary, long number) {
    DictionaryVersion version = framing.decode(any);
    version.setDictionary(dictionary);
    version.setVersion(number);
    return framing.encode(version);
  }

  private static byte[] anyVersion() {
    Trace trace = Trace.load(Trace.SHARED);
    return trace.events().stream()
        .map(Trace.Event::record)
        .filter(trace::isModel)
        .findFirst()
        .orElseThrow()
        .value();
  }
}
