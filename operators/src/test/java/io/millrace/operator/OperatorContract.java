package io.millrace.operator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The laws that every operator keeps. Extend it once for each configuration worth its own run.
 *
 * <p>State files of the past lie in {@code /golden/FAMILY/vVERSION/NAME.SECTION.bin} among the
 * resources of the operator's own module, written once when a version is born and never edited.
 *
 * @param <I> input
 * @param <S> state
 * @param <O> output
 */
public abstract class OperatorContract<I, S, O> {
  private static final long SEED = 20_261_122L;
  private static final int FLIPS = 3_000;
  private static final int[] HOSTILE = {-1, Integer.MIN_VALUE, Integer.MAX_VALUE, 1 << 20, 65_535};
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** A new operator, settings and all. */
  protected abstract Operator<I, S, O> operator();

  /** The codec of its states. */
  protected abstract StateCodec<S> codec();

  /**
   * Valid inputs of one key in order, some hundreds, so that everything the state holds has moved.
   * The same for the same seed; fresh objects at each call.
   */
  protected abstract List<I> inputs(long seed);

  /** Inputs that must be refused after {@code newest} was accepted. */
  protected abstract List<I> refused(I newest);

  /** The key of the runs. */
  protected String key() {
    return "key";
  }

  /** The models known when input {@code index} comes. The same for the same index. */
  protected Models models(int index) {
    return Models.NONE;
  }

  /** Every byte of an input. */
  protected abstract byte[] inputBytes(I input);

  /** Every byte of an output. */
  protected abstract byte[] outputBytes(O output);

  /** Overwrites an input, as an engine that reuses records does. */
  protected abstract void overwrite(I input);

  /** Folder under {@code /golden}. */
  protected abstract String goldenFamily();

  /** Whether {@link #inputs} make deadlines fire. */
  protected boolean hasDeadlines() {
    return false;
  }

  @Test
  void sameInputsGiveTheSameStateBytesAndOutputs() {
    OperatorRun<I, S, O> run = plain();
    assertTrue(run.emitted.size() > 3, "only " + run.emitted.size() + " outputs to compare");
    assertArrayEquals(run.trace(), plain().trace());
  }

  @Test
  void otherInputsGiveOtherStateBytes() {
    OperatorRun<I, S, O> run = run(operator(), key(), inputs(SEED + 1), Integer.MAX_VALUE);
    assertNotEquals(hash(plain().trace()), hash(run.trace()));
  }

  @Test
  void stateSurvivesItsBytes() {
    OperatorRun<I, S, O> run = start(operator(), key());
    List<I> inputs = inputs(SEED);
    for (int i = 0; i < inputs.size(); i++) {
      run.accept(inputs.get(i), models(i));
      byte[][] sections = run.sections();
      S copy = codec().decode(sections);
      for (int section = 0; section < sections.length; section++) {
        assertArrayEquals(
            sections[section], codec().encode(copy, section), place(i) + ", section " + section);
      }
      assertTrue(codec().heapBytes(copy) > 0);
    }
  }

  @Test
  void restoringAfterEveryRecordChangesNothing() {
    assertSameRun(run(operator(), key(), inputs(SEED), 1), "every record");
  }

  @Test
  void restoringNowAndThenChangesNothing() {
    for (int every : new int[] {2, 3, 7, 16, 41}) {
      assertSameRun(run(operator(), key(), inputs(SEED), every), "every " + every);
    }
  }

  @Test
  void restoringIntoANewOperatorChangesNothing() {
    List<I> inputs = inputs(SEED);
    OperatorRun<I, S, O> run = start(operator(), key());
    for (int i = 0; i < inputs.size(); i++) {
      if (i % 50 == 49) {
        OperatorRun<I, S, O> next = start(operator(), "another key");
        next.state = codec().decode(run.sections());
        next.outputs.addAll(run.outputs);
        next.emitted.addAll(run.emitted);
        run = next;
      }
      run.accept(inputs.get(i), models(i));
    }
    run.fireDue(Long.MAX_VALUE, models(inputs.size()));
    assertSameRun(run, "operator replaced");
  }

  @Test
  void keysOfOneOperatorDoNotDisturbEachOther() {
    List<I> inputs = inputs(SEED);
    List<I> others = inputs(SEED + 1);
    Operator<I, S, O> operator = operator();
    OperatorRun<I, S, O> run = start(operator, key());
    OperatorRun<I, S, O> other = start(operator, key());
    for (int i = 0; i < inputs.size(); i++) {
      run.accept(inputs.get(i), models(i));
      if (i < others.size()) {
        other.accept(others.get(i), models(i));
      }
    }
    run.fireDue(Long.MAX_VALUE, models(inputs.size()));
    assertSameRun(run, "another key between");
  }

  @Test
  void refusedInputLeavesTheStateAsItIs() {
    OperatorRun<I, S, O> run = start(operator(), key());
    List<I> inputs = inputs(SEED);
    for (int i = 0; i < inputs.size(); i++) {
      run.accept(inputs.get(i), models(i));
      byte[] before = run.trace();
      Models models = models(i);
      for (I bad : refused(inputs.get(i))) {
        InvalidInputException refusal =
            assertThrows(
                InvalidInputException.class,
                // without the deadlines that its time may fire: those are no part of the refusal
                () ->
                    run.operator.accept(
                        run.state,
                        bad,
                        run.operator.eventTimeMillis(bad),
                        models,
                        output -> fail("output of a refused input")),
                place(i) + ": " + bad);
        assertNotNull(refusal.reason());
        assertTrue(refusal.getMessage().length() > 10, refusal.getMessage());
      }
      assertArrayEquals(before, run.trace(), place(i));
    }
    run.fireDue(Long.MAX_VALUE, models(inputs.size()));
    assertSameRun(run, "refusals between");
  }

  @Test
  void inputIsNeverModified() {
    List<I> inputs = inputs(SEED);
    List<byte[]> before = inputs.stream().map(this::inputBytes).toList();
    run(operator(), key(), inputs, Integer.MAX_VALUE);
    for (int i = 0; i < inputs.size(); i++) {
      assertArrayEquals(before.get(i), inputBytes(inputs.get(i)), place(i));
    }
  }

  @Test
  void inputMayBeOverwrittenAfterTheCall() {
    OperatorRun<I, S, O> run = start(operator(), key());
    List<I> inputs = inputs(SEED);
    for (int i = 0; i < inputs.size(); i++) {
      run.accept(inputs.get(i), models(i));
      overwrite(inputs.get(i));
    }
    run.fireDue(Long.MAX_VALUE, models(inputs.size()));
    assertSameRun(run, "inputs overwritten");
  }

  @Test
  void anEmittedValueNeverChangesLater() {
    OperatorRun<I, S, O> run = plain();
    for (int i = 0; i < run.outputs.size(); i++) {
      assertArrayEquals(run.emitted.get(i), outputBytes(run.outputs.get(i)), "output " + i);
    }
  }

  @Test
  void deadlinesMoveForward() {
    Operator<I, S, O> operator = operator();
    OperatorRun<I, S, O> run = start(operator, key());
    List<I> inputs = inputs(SEED);
    int fired = 0;
    for (int i = 0; i < inputs.size(); i++) {
      long time = operator.eventTimeMillis(inputs.get(i));
      fired += run.fireDue(time, models(i));
      run.accept(inputs.get(i), models(i));
      OptionalLong due = operator.nextDeadlineMillis(run.state);
      assertTrue(due.isEmpty() || due.getAsLong() > time, place(i) + ": " + due + " at " + time);
      assertEquals(due, operator.nextDeadlineMillis(codec().decode(run.sections())), place(i));
    }
    fired += run.fireDue(Long.MAX_VALUE, models(inputs.size()));
    assertTrue(operator.nextDeadlineMillis(run.state).isEmpty(), "a deadline is left");
    assertEquals(hasDeadlines(), fired > 0, fired + " deadlines fired");
  }

  @Test
  void aSectionWhoseBytesChangedHasAnotherRevision() {
    StateCodec<S> codec = codec();
    OperatorRun<I, S, O> run = start(operator(), key());
    List<I> inputs = inputs(SEED);
    byte[][] before = run.sections();
    long[] revisions = revisions(codec, run.state);
    boolean[] moved = new boolean[before.length];
    for (int i = 0; i < inputs.size(); i++) {
      run.accept(inputs.get(i), models(i));
      byte[][] after = run.sections();
      long[] now = revisions(codec, run.state);
      for (int section = 0; section < after.length; section++) {
        if (now[section] == revisions[section]) {
          assertArrayEquals(before[section], after[section], place(i) + ", section " + section);
        }
        moved[section] |= !Arrays.equals(before[section], after[section]);
      }
      before = after;
      revisions = now;
    }
    assertTrue(moved[0], "section 0 never moved");
  }

  @Test
  void warmUpLeavesNoTrace() {
    Operator<I, S, O> operator = operator();
    operator.warmUp();
    assertSameRun(run(operator, key(), inputs(SEED), Integer.MAX_VALUE), "after warm-up");
  }

  @Test
  void everyReleasedStateFileIsReadAndWrittenAgain() throws IOException, URISyntaxException {
    byte[] newest = start(operator(), key()).sections()[0];
    for (int version = 1; version <= newest[3]; version++) {
      String folder = "/golden/" + goldenFamily() + "/v" + version;
      URL found = getClass().getResource(folder);
      assertNotNull(found, folder + " is missing among the resources");
      List<Path> files;
      try (Stream<Path> listed = Files.list(Path.of(found.toURI()))) {
        files = listed.filter(file -> file.toString().endsWith(".0.bin")).sorted().toList();
      }
      assertTrue(!files.isEmpty(), folder + " has no *.0.bin");
      for (Path file : files) {
        byte[][] sections = sections(file);
        S state = codec().decode(sections);
        for (int section = 0; section < sections.length && version == newest[3]; section++) {
          assertArrayEquals(
              sections[section], codec().encode(state, section), file + ", section " + section);
        }
      }
    }
  }

  @Test
  void truncatedBytesAreRefused() {
    byte[][] sections = plain().sections();
    for (int section = 0; section < sections.length; section++) {
      byte[] whole = sections[section];
      for (int length = 0; length < whole.length; length++) {
        sections[section] = Arrays.copyOf(whole, length);
        assertRefused(sections, "section " + section + " cut to " + length);
      }
      sections[section] = Arrays.copyOf(whole, whole.length + 1);
      assertRefused(sections, "section " + section + " with a byte more");
      sections[section] = whole;
    }
    assertRefused(Arrays.copyOf(sections, sections.length - 1), "a section missing");
    assertRefused(new byte[0][], "no section");
  }

  @Test
  void anotherFamilyNewerVersionOrWrongSectionIsRefusedByNumber() {
    byte[][] sections = plain().sections();
    for (int section = 0; section < sections.length; section++) {
      for (int offset : new int[] {0, 1, 2, 3, 4, 6}) {
        byte[] whole = sections[section];
        sections[section] = whole.clone();
        sections[section][offset] = 99;
        String message = assertRefused(sections, "section " + section + ", header byte " + offset);
        assertTrue(message.matches(".*\\d.*"), message);
        sections[section] = whole;
      }
    }
  }

  /** Numbers may be damaged unseen, but what is accepted is what the bytes now say. */
  @Test
  void damagedBytesAreRefusedOrReadAsTheyStand() {
    byte[][] sections = plain().sections();
    Random random = new Random(SEED);
    int refused = 0;
    for (int flip = 0; flip < FLIPS; flip++) {
      int section = random.nextInt(sections.length);
      byte[] whole = sections[section];
      byte[] damaged = whole.clone();
      int flips = 1 + random.nextInt(3);
      for (int f = 0; f < flips; f++) {
        damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
      }
      sections[section] = damaged;
      refused += readsAsItStands(sections, "flip " + flip + " of seed " + SEED) ? 0 : 1;
      sections[section] = whole;
    }
    assertTrue(refused > 0, "no damage was noticed");
  }

  @Test
  void hostileSizesAreRefusedWithoutALargeAllocation() {
    byte[][] sections = plain().sections();
    long bytes = Arrays.stream(sections).mapToLong(section -> section.length).sum();
    long most = 32 * bytes + (2 << 20);
    for (int section = 0; section < sections.length; section++) {
      byte[] whole = sections[section];
      int last = Math.min(whole.length - Integer.BYTES, 512);
      for (int offset = 0; offset <= last; offset++) {
        for (int hostile : HOSTILE) {
          sections[section] = whole.clone();
          ByteBuffer.wrap(sections[section]).order(ByteOrder.LITTLE_ENDIAN).putInt(offset, hostile);
          String place = "section " + section + ", " + hostile + " at " + offset;
          long before = THREADS.getCurrentThreadAllocatedBytes();
          readsAsItStands(sections, place);
          long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
          assertTrue(allocated <= most, place + ": allocated " + allocated + " for " + bytes);
        }
      }
      sections[section] = whole;
    }
  }

  private byte[][] sections(Path first) throws IOException {
    String name = first.getFileName().toString().replace(".0.bin", "");
    byte[][] sections = new byte[codec().sections()][];
    for (int section = 0; section < sections.length; section++) {
      sections[section] = Files.readAllBytes(first.resolveSibling(name + "." + section + ".bin"));
    }
    return sections;
  }

  private String assertRefused(byte[][] sections, String place) {
    return assertThrows(IllegalArgumentException.class, () -> codec().decode(sections), place)
        .getMessage();
  }

  /** False when refused; fails when accepted as something else than the bytes say. */
  private boolean readsAsItStands(byte[][] sections, String place) {
    S state;
    try {
      state = codec().decode(sections);
    } catch (IllegalArgumentException refusal) {
      return false;
    } catch (RuntimeException | OutOfMemoryError wrong) {
      throw new AssertionError(place + ": " + wrong, wrong);
    }
    for (int section = 0; section < sections.length; section++) {
      assertArrayEquals(sections[section], codec().encode(state, section), place);
    }
    return true;
  }

  private OperatorRun<I, S, O> plain() {
    return run(operator(), key(), inputs(SEED), Integer.MAX_VALUE);
  }

  private OperatorRun<I, S, O> start(Operator<I, S, O> operator, String key) {
    return new OperatorRun<>(operator, codec(), this::outputBytes, key);
  }

  private OperatorRun<I, S, O> run(
      Operator<I, S, O> operator, String key, List<I> inputs, int restoreEvery) {
    OperatorRun<I, S, O> run = start(operator, key);
    for (int i = 0; i < inputs.size(); i++) {
      run.accept(inputs.get(i), models(i));
      if ((i + 1) % restoreEvery == 0) {
        run.restore();
      }
    }
    run.fireDue(Long.MAX_VALUE, models(inputs.size()));
    return run;
  }

  private void assertSameRun(OperatorRun<I, S, O> run, String place) {
    OperatorRun<I, S, O> plain = plain();
    assertEquals(plain.emitted.size(), run.emitted.size(), place + ": outputs");
    for (int i = 0; i < run.emitted.size(); i++) {
      assertArrayEquals(plain.emitted.get(i), run.emitted.get(i), place + ": output " + i);
    }
    byte[][] expected = plain.sections();
    byte[][] got = run.sections();
    for (int section = 0; section < got.length; section++) {
      assertArrayEquals(expected[section], got[section], place + ": section " + section);
    }
  }

  private static <S> long[] revisions(StateCodec<S> codec, S state) {
    long[] revisions = new long[codec.sections()];
    for (int section = 0; section < revisions.length; section++) {
      revisions[section] = codec.revision(state, section);
    }
    return revisions;
  }

  private static int hash(byte[] bytes) {
    return Arrays.hashCode(bytes);
  }

  private static String place(int index) {
    return "input " + index + " of seed " + SEED;
  }
}
