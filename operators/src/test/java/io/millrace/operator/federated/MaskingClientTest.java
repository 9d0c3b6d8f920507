package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.schema.MaskCohort;
import io.millrace.schema.MaskMember;
import io.millrace.schema.MaskReveal;
import io.millrace.schema.MaskShares;
import io.millrace.schema.MaskSurvivors;
import io.millrace.schema.RevealedShare;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a client of secure aggregation sends, and refuses to. */
class MaskingClientTest {
  private static final long SEED = 20_261_122L;

  /** The server asks for both secrets of a client: of each holder it gets one at most. */
  @Test
  void noHolderRevealsTheOwnSeedAndTheKeyOfOneClient() {
    MaskedRun run = new MaskedRun(8, 0, 5, false, SEED).sent(List.of());
    List<Integer> all = run.survivors.getSurvivors();
    List<Integer> withoutFirst = all.subList(1, 8);
    Map<String, Integer> seedShares = new HashMap<>();
    Map<String, Integer> keyShares = new HashMap<>();
    List<String> names = List.copyOf(run.clients.keySet());
    for (int i = 1; i < 8; i++) {
      MaskingClient client = run.clients.get(names.get(i));
      boolean first = i <= 3;
      MaskSurvivors named = survivors(first ? all : withoutFirst);
      MaskSurvivors other = survivors(first ? withoutFirst : all);
      MaskReveal reveal = client.reveal(named);
      assertEquals(reveal, client.reveal(named));
      assertThrows(IllegalArgumentException.class, () -> client.reveal(other));
      for (RevealedShare share : reveal.getShares()) {
        (share.getOwnSeed() ? seedShares : keyShares).merge(share.getClient(), 1, Integer::sum);
      }
      assertEquals(
          reveal.getShares().size(),
          reveal.getShares().stream().map(RevealedShare::getClient).distinct().count());
    }
    String victim = names.get(0);
    int threshold = run.cohort.getThreshold();
    assertEquals(3, seedShares.get(victim));
    assertEquals(4, keyShares.get(victim));
    assertTrue(seedShares.get(victim) < threshold && keyShares.get(victim) < threshold);
    assertTrue(2 * threshold > 8);
  }

  private static MaskSurvivors survivors(List<Integer> places) {
    return new MaskSurvivors(MaskedRun.MODEL, MaskedRun.ROUND, places);
  }

  @Test
  void clientAnswersNoSurvivorsThatAreNotSafe() {
    MaskedRun run = new MaskedRun(8, 0, 5, false, SEED).dealt();
    String name = run.clients.firstKey();
    MaskingClient client = run.clients.get(name);
    List<Integer> all = List.of(0, 1, 2, 3, 4, 5, 6, 7);
    run.send(name);
    for (List<Integer> bad :
        List.of(
            List.of(0, 1, 2, 3),
            List.of(1, 2, 3, 4, 5, 6, 7),
            List.of(0, 1, 2, 3, 4, 5, 6, 8),
            List.of(0, 1, 2, 2, 3, 4, 5, 6),
            List.of(-1, 0, 1, 2, 3, 4, 5),
            List.<Integer>of())) {
      assertThrows(IllegalArgumentException.class, () -> client.reveal(survivors(bad)), "" + bad);
    }
    MaskSurvivors otherRound = survivors(all);
    otherRound.setRound(6L);
    assertThrows(IllegalArgumentException.class, () -> client.reveal(otherRound));
    assertEquals(8, client.reveal(survivors(all)).getShares().size());
    MaskingClient silent = run.clients.get(run.clients.lastKey());
    silent.receive(run.deliveries.get(run.clients.lastKey()));
    assertThrows(IllegalArgumentException.class, () -> silent.reveal(survivors(all)));
  }

  @Test
  void clientMasksAChunkOnceOnly() {
    MaskedRun run = new MaskedRun(3, 0, 2, false, SEED).dealt();
    String name = run.clients.firstKey();
    MaskingClient client = run.clients.get(name);
    float[] values = run.updates.get(name).get(0);
    assertThrows(IllegalStateException.class, () -> client.mask(0, values, 1));
    client.receive(run.deliveries.get(name));
    byte[] payload = client.mask(0, values, 1);
    assertArrayEquals(payload, client.mask(0, values, 1));
    assertThrows(IllegalArgumentException.class, () -> client.mask(0, values, 2));
    float[] wild = values.clone();
    for (float value : new float[] {Math.nextUp(MaskedRun.LARGEST), Float.NaN, -1e30f}) {
      wild[3] = value;
      assertThrows(IllegalArgumentException.class, () -> client.mask(1, wild, 1), "" + value);
    }
    assertThrows(IllegalArgumentException.class, () -> client.mask(2, values, 4));
    assertThrows(IllegalArgumentException.class, () -> client.mask(2, values, 0));
    assertArrayEquals(payload, client.mask(0, values, 1));
  }

  /** Its secret and the records that it took are all a client needs to go on. */
  @Test
  void clientMadeAnewOfItsSecretAndRecordsIsWhatItWas() {
    MaskedRun run = new MaskedRun(5, 0, 3, false, SEED).sent(List.of(MaskedRun.name(4)));
    String name = MaskedRun.name(2);
    MaskingClient before = run.clients.get(name);
    MaskingClient after = new MaskingClient(MaskedRun.task(name, 2), 2, MaskedRun.secret(SEED + 2));
    assertEquals(before.keys(), after.keys());
    assertEquals(before.join(run.cohort, member -> true), after.join(run.cohort, member -> true));
    assertEquals(List.of(), after.receive(run.deliveries.get(name)));
    List<float[]> update = run.updates.get(name);
    MaskingClient unsent =
        new MaskingClient(MaskedRun.task(name, 2), 2, MaskedRun.secret(SEED + 2));
    unsent.join(run.cohort, member -> true);
    unsent.receive(run.deliveries.get(name));
    byte[] masked = unsent.mask(1, update.get(1), run.weights.get(name));
    assertArrayEquals(run.payloads.get(name).get(1), masked);
    assertThrows(IllegalArgumentException.class, () -> after.reveal(run.survivors));
    after.made();
    assertThrows(IllegalStateException.class, () -> after.mask(0, update.get(0), 1));
    assertEquals(before.reveal(run.survivors), after.reveal(run.survivors));
  }

  @Test
  void clientJoinsNoCohortThatIsNotSafe() {
    MaskedRun run = new MaskedRun(6, 0, 2, false, SEED);
    List.copyOf(run.clients.keySet()).forEach(run::keys);
    String name = run.clients.firstKey();
    MaskingClient client = run.clients.get(name);
    List<MaskMember> members = run.cohort.getMembers();
    List<MaskMember> swapped = new ArrayList<>(members);
    Collections.swap(swapped, 1, 2);
    MaskMember last = members.get(5);
    MaskMember doubled =
        new MaskMember(
            last.getClient(),
            last.getSequence(),
            members.get(4).getSealingKey(),
            last.getMaskingKey(),
            last.getSignature());
    List<MaskMember> foreign = new ArrayList<>(members);
    foreign.set(0, new MaskMember(name, 0L, last.getMaskingKey(), last.getSealingKey(), empty()));
    List<MaskMember> twice = new ArrayList<>(members);
    twice.set(5, doubled);
    for (MaskCohort bad :
        List.of(
            cohort(run.cohort, members, 3, 0),
            cohort(run.cohort, members, 7, 0),
            cohort(run.cohort, members, 4, 3),
            cohort(run.cohort, members.subList(1, 6), 4, 0),
            cohort(run.cohort, members.subList(0, 1), 1, 0),
            cohort(run.cohort, swapped, 4, 0),
            cohort(run.cohort, foreign.subList(0, 5), 4, 0),
            cohort(run.cohort, twice, 4, 0))) {
      assertThrows(IllegalArgumentException.class, () -> client.join(bad, member -> true));
    }
    MaskCohort heavy = cohort(run.cohort, members, 4, 0);
    heavy.setTotalWeight(17L);
    assertThrows(IllegalArgumentException.class, () -> client.join(heavy, member -> true));
    heavy.setTotalWeight(1L << 31);
    assertThrows(IllegalArgumentException.class, () -> client.join(heavy, member -> true));
    IllegalArgumentException unsigned =
        assertThrows(
            IllegalArgumentException.class,
            () -> client.join(run.cohort, member -> !member.equals(last)));
    assertTrue(unsigned.getMessage().contains(last.getClient()), unsigned.getMessage());
    MaskingClient careful = new MaskingClient(MaskedRun.task(name, 0), 7, MaskedRun.secret(SEED));
    assertThrows(IllegalArgumentException.class, () -> careful.join(run.cohort, member -> true));
    MaskShares shares = client.join(run.cohort, member -> true);
    assertEquals(shares, client.join(run.cohort, member -> true));
    assertThrows(
        IllegalArgumentException.class,
        () -> client.join(cohort(run.cohort, members, 5, 0), member -> true));
  }

  private static MaskCohort cohort(
      MaskCohort like, List<MaskMember> members, int threshold, int neighbours) {
    return new MaskCohort(
        like.getModel(),
        like.getRound(),
        members,
        threshold,
        neighbours,
        like.getSeed(),
        like.getLargest(),
        like.getTotalWeight(),
        like.getLargestWeight());
  }

  private static ByteBuffer empty() {
    return ByteBuffer.allocate(0);
  }

  @Test
  void membersOfDifferentCohortsUnmaskNothing() {
    MaskedRun run = new MaskedRun(4, 0, 2, false, SEED).sent(List.of());
    MaskedRun other = new MaskedRun(4, 0, 2, false, SEED);
    List.copyOf(other.clients.keySet()).forEach(other::keys);
    MaskingClient deceived = other.clients.firstEntry().getValue();
    MaskCohort shown = cohort(other.cohort, other.cohort.getMembers(), 4, 0);
    deceived.join(shown, member -> true);
    String name = run.clients.firstKey();
    assertEquals(3, deceived.receive(run.deliveries.get(name)).size());
    run.payloads.put(name, List.of(deceived.mask(0, run.updates.get(name).get(0), 1)));
    run.clients.keySet().forEach(run::reveal);
    assertFalse(Arrays.equals(run.plain(0), run.sum(0, false)));
  }
}
