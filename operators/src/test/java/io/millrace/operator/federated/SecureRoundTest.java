package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.InvalidInputException;
import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.federated.SecureRound.Phase;
import io.millrace.schema.MaskKeys;
import io.millrace.schema.MaskReveal;
import io.millrace.schema.MaskShares;
import io.millrace.schema.RevealedShare;
import io.millrace.schema.SealedShare;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SecureRoundTest {
  private static final long SEED = 20_261_122L;

  /** T11: two of eight are gone after they sent; the server crashes between any two records. */
  @Test
  void sumIsExactWhenTwoOfEightVanishAfterSending() {
    MaskedRun run = new MaskedRun(8, 0, 5, true, SEED).sent(List.of());
    assertEquals(8, run.round.survivors().size());
    List<String> names = List.copyOf(run.clients.keySet());
    for (int i = 2; i < 8; i++) {
      run.reveal(names.get(i));
    }
    assertExact(run);
  }

  /** T11 with updates that never become whole: they are in no chunk's sum. */
  @ParameterizedTest
  @CsvSource({"8, 0, 2", "8, 0, 3", "12, 6, 2", "25, 8, 3", "40, 12, 6"})
  void sumOfTheSurvivorsIsExactWhenOthersDropOut(int n, int neighbours, int dropped) {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      names.add(MaskedRun.name(i));
    }
    Collections.shuffle(names, new Random(SEED + n));
    List<String> gone = names.subList(0, dropped);
    MaskedRun run = new MaskedRun(n, neighbours, n - dropped, true, SEED + n).sent(gone);
    assertEquals(n - dropped, run.round.survivors().size(), run.round.failure());
    for (String name : run.round.survivors()) {
      assertFalse(gone.contains(name));
      run.reveal(name);
    }
    assertExact(run);
  }

  private static void assertExact(MaskedRun run) {
    assertEquals(Phase.OPEN, run.round.phase(), run.round.failure());
    for (int chunk = 0; chunk < MaskedRun.CHUNKS; chunk++) {
      int[] plain = run.plain(chunk);
      assertArrayEquals(plain, run.sum(chunk, false));
      assertArrayEquals(plain, run.sum(chunk, true));
      double[] mean = new double[plain.length];
      MaskedSum sum = run.masked(chunk, false);
      sum.unmask(run.round.reveals());
      sum.addTo(mean, 0.25, new double[0]);
      assertEquals(plain[7] * run.scale().unit() / 4, mean[7], 0);
    }
  }

  @Test
  void whatTheServerSeesOfAnUpdateIsNoise() {
    MaskedRun run = new MaskedRun(4, 0, 2, false, SEED).dealt();
    String name = run.clients.firstKey();
    run.updates.get(name).forEach(chunk -> Arrays.fill(chunk, 0));
    run.send(name);
    byte[] bytes = run.payloads.get(name).get(0);
    int[] counts = new int[256];
    for (byte b : bytes) {
      counts[b & 255]++;
    }
    double expected = bytes.length / 256.0;
    double chiSquared =
        Arrays.stream(counts).mapToDouble(c -> (c - expected) * (c - expected) / expected).sum();
    // 255 degrees of freedom: mean 255, deviation 22.6
    assertTrue(chiSquared < 255 + 6 * 22.6, "chi squared " + chiSquared);
  }

  @Test
  void sumStaysMaskedWithoutTheReveals() {
    MaskedRun run = new MaskedRun(4, 0, 2, false, SEED).sent(List.of());
    run.clients.keySet().forEach(run::reveal);
    MaskedSum sum = run.masked(0, false);
    assertThrows(IllegalStateException.class, () -> sum.units(0));
    List<ByteBuffer> fewer = run.round.reveals().subList(1, 4);
    assertThrows(IllegalArgumentException.class, () -> sum.unmask(fewer));
    List<ByteBuffer> other = new ArrayList<>(run.round.reveals());
    ByteBuffer seed = other.get(0).duplicate();
    byte[] damaged = CanonicalBytes.array(seed);
    damaged[5] ^= 1;
    other.set(0, ByteBuffer.wrap(damaged));
    sum.unmask(other);
    assertNotEquals(run.plain(0)[3], sum.units(3));
    assertThrows(IllegalStateException.class, () -> sum.unmask(other));
    damaged[0] = 4;
    MaskedSum fresh = run.masked(0, false);
    assertThrows(IllegalArgumentException.class, () -> fresh.unmask(other));
    assertThrows(IllegalArgumentException.class, () -> fresh.add(new byte[7]));
  }

  /** Noise finer than the sum's unit would tell of the sum what lies below it. */
  @Test
  void noiseIsRoundedToTheGridOfTheSum() {
    MaskedScale coarse = MaskedScale.finest(1e6f, 8);
    MaskedSum sum = new MaskedSum(0, 4, coarse);
    sum.unmask(List.of());
    double unit = coarse.unit();
    assertTrue(unit > 1e-3);
    double[] out = {1, 0, 0, 0};
    sum.addTo(out, 0.5, new double[] {0.4 * unit, 0.6 * unit, -7.3 * unit, 0});
    assertArrayEquals(new double[] {1, 0.5 * unit, -3.5 * unit, 0}, out);
  }

  @Test
  void oneShareLessThanTheThresholdUnmasksNothing() {
    MaskedRun run = new MaskedRun(8, 0, 5, true, SEED).sent(List.of());
    int threshold = run.cohort.getThreshold();
    assertEquals(5, threshold);
    List<String> names = List.copyOf(run.clients.keySet());
    names.subList(0, threshold - 1).forEach(run::reveal);
    assertEquals(Phase.REVEALS, run.round.phase());
    assertThrows(IllegalStateException.class, run.round::reveals);
    SecureRound copy = MaskedRun.decode(run.bytes());
    copy.tick(copy.deadlineMicros(), run::take);
    assertEquals(Phase.FAILED, copy.phase());
    assertTrue(copy.failure().contains(names.get(0)), copy.failure());
    assertEquals(Long.MAX_VALUE, copy.deadlineMicros());
    run.reveal(names.get(7));
    assertExact(run);
  }

  @Test
  void keysAreRefusedByTheNameOfTheirSender() {
    MaskedRun run = new MaskedRun(4, 0, 2, false, SEED);
    List<String> names = List.copyOf(run.clients.keySet());
    run.keys(names.get(0));
    byte[] before = run.bytes();
    MaskKeys first = run.clients.get(names.get(0)).keys();
    MaskKeys second = run.clients.get(names.get(1)).keys();
    assertRefused(run, Reason.DUPLICATE, names.get(0), first);
    MaskKeys changed = run.clients.get(names.get(0)).keys();
    changed.setMaskingKey(second.getMaskingKey());
    assertRefused(run, Reason.INCONSISTENT, names.get(0), changed);
    second.setMaskingKey(first.getSealingKey());
    assertRefused(run, Reason.INCONSISTENT, names.get(1), second);
    second.setMaskingKey(second.getSealingKey());
    assertRefused(run, Reason.INCONSISTENT, names.get(1), second);
    byte[] one = new byte[32];
    one[0] = 1;
    for (byte[] weak : List.of(new byte[32], one, new byte[31], new byte[0], ones())) {
      second.setMaskingKey(ByteBuffer.wrap(weak));
      assertRefused(run, Reason.OUT_OF_RANGE, names.get(1), second);
    }
    second = run.clients.get(names.get(1)).keys();
    second.setTask(MaskedRun.task(names.get(1), 1));
    second.getTask().setRound(4L);
    assertRefused(run, Reason.ENDED, names.get(1), second);
    second.getTask().setRound(MaskedRun.ROUND);
    second.setSignature(ByteBuffer.allocate(65));
    assertRefused(run, Reason.TOO_LARGE, names.get(1), second);
    assertArrayEquals(before, run.bytes());
    run.pass();
    assertEquals(Phase.FAILED, run.round.phase());
  }

  private static ByteBuffer empty() {
    return ByteBuffer.allocate(0);
  }

  private static byte[] ones() {
    byte[] ones = new byte[32];
    Arrays.fill(ones, (byte) -1);
    return ones;
  }

  private static void assertRefused(MaskedRun run, Reason reason, String name, MaskKeys keys) {
    assertNamed(reason, name, () -> run.round.advertise(keys, run::take));
  }

  private static void assertNamed(Reason reason, String name, Runnable call) {
    InvalidInputException refusal = assertThrows(InvalidInputException.class, call::run);
    assertEquals(reason, refusal.reason(), refusal.getMessage());
    assertTrue(refusal.getMessage().contains(name), refusal.getMessage());
  }

  @Test
  void sharesOfWrongSizeOrderOrTimeAreRefused() {
    MaskedRun run = new MaskedRun(4, 0, 2, false, SEED);
    List<String> names = List.copyOf(run.clients.keySet());
    names.subList(0, 3).forEach(run::keys);
    String last = names.get(3);
    run.pass();
    assertEquals(3, run.cohort.getMembers().size());
    assertNamed(
        Reason.LATE, last, () -> run.round.advertise(run.clients.get(last).keys(), run::take));
    byte[] before = run.bytes();
    MaskShares shares = run.clients.get(names.get(0)).join(run.cohort, member -> true);
    MaskShares stranger = new MaskShares(MaskedRun.task(last, 3), empty(), List.of(), empty());
    assertNamed(Reason.INCONSISTENT, last, () -> run.round.deal(stranger, run::take));
    List<SealedShare> parts = shares.getShares();
    List<SealedShare> swapped = new ArrayList<>(parts);
    Collections.swap(swapped, 0, 1);
    SealedShare cut =
        new SealedShare(
            names.get(1),
            ByteBuffer.allocate(81),
            parts.get(1).getSeedDigest(),
            parts.get(1).getKeyDigest());
    for (List<SealedShare> bad :
        List.of(parts.subList(0, 2), swapped, List.of(parts.get(0), cut, parts.get(2)))) {
      MaskShares record = new MaskShares(shares.getTask(), shares.getSeedDigest(), bad, empty());
      assertNamed(Reason.MALFORMED, names.get(0), () -> run.round.deal(record, run::take));
    }
    assertArrayEquals(before, run.bytes());
    run.deal(names.get(0));
    assertNamed(Reason.DUPLICATE, names.get(0), () -> run.round.deal(shares, run::take));
    assertNamed(
        Reason.INCONSISTENT, names.get(0), () -> run.round.whole(names.get(0), 0, run::take));
    run.deal(names.get(1));
    run.pass();
    assertEquals(2, run.deliveries.size());
    assertEquals(List.of(0, 1), run.deliveries.get(names.get(1)).getDealers());
    MaskShares late = run.clients.get(names.get(2)).join(run.cohort, member -> true);
    assertNamed(Reason.LATE, names.get(2), () -> run.round.deal(late, run::take));
    assertNamed(
        Reason.INCONSISTENT, names.get(2), () -> run.round.whole(names.get(2), 2, run::take));
    run.send(names.get(0));
    run.send(names.get(1));
    run.whole(names.get(0));
    assertNamed(Reason.DUPLICATE, names.get(0), () -> run.round.whole(names.get(0), 0, run::take));
    assertNamed(
        Reason.INCONSISTENT, names.get(1), () -> run.round.whole(names.get(1), 2, run::take));
    run.whole(names.get(1));
    run.reveal(names.get(0));
    run.reveal(names.get(1));
    assertExact(run);
  }

  @Test
  void badOrRepeatedShareIsRefusedByName() {
    String gone = MaskedRun.name(3);
    MaskedRun run = new MaskedRun(6, 0, 4, false, SEED).sent(List.of(gone));
    String holder = MaskedRun.name(0);
    MaskReveal good = run.clients.get(holder).reveal(run.survivors);
    byte[] before = run.bytes();
    for (int i = 0; i < good.getShares().size(); i++) {
      RevealedShare share = good.getShares().get(i);
      byte[] flipped = CanonicalBytes.array(share.getShare());
      flipped[i] ^= 1;
      assertShare(run, good, i, share(share, share.getOwnSeed(), flipped), Reason.INCONSISTENT);
      byte[] bytes = CanonicalBytes.array(share.getShare());
      assertShare(run, good, i, share(share, !share.getOwnSeed(), bytes), Reason.INCONSISTENT);
      byte[] cut = Arrays.copyOf(bytes, 32);
      assertShare(run, good, i, share(share, share.getOwnSeed(), cut), Reason.MALFORMED);
      byte[] large = new byte[33];
      Arrays.fill(large, (byte) -1);
      assertShare(run, good, i, share(share, share.getOwnSeed(), large), Reason.MALFORMED);
    }
    List<RevealedShare> repeated = new ArrayList<>(good.getShares());
    repeated.add(2, repeated.get(2));
    assertNamed(
        Reason.INCONSISTENT,
        repeated.get(2).getClient(),
        () -> run.round.reveal(new MaskReveal(good.getTask(), repeated, empty()), run::take));
    MaskReveal ghost = new MaskReveal(MaskedRun.task(gone, 3), List.of(), empty());
    assertNamed(Reason.INCONSISTENT, gone, () -> run.round.reveal(ghost, run::take));
    assertArrayEquals(before, run.bytes());
    run.reveal(holder);
    assertNamed(Reason.DUPLICATE, holder, () -> run.round.reveal(good, run::take));
    run.round.survivors().stream().skip(1).forEach(run::reveal);
    assertExact(run);
  }

  private static RevealedShare share(RevealedShare like, boolean ownSeed, byte[] bytes) {
    return new RevealedShare(like.getClient(), ownSeed, ByteBuffer.wrap(bytes));
  }

  private static void assertShare(
      MaskedRun run, MaskReveal good, int index, RevealedShare bad, Reason reason) {
    List<RevealedShare> shares = new ArrayList<>(good.getShares());
    shares.set(index, bad);
    MaskReveal record = new MaskReveal(good.getTask(), shares, empty());
    assertNamed(reason, bad.getClient(), () -> run.round.reveal(record, run::take));
  }

  /** An envelope damaged on its way costs one share; the secret comes back from the others. */
  @Test
  void damagedEnvelopeIsNamedAndSurvived() {
    MaskedRun run = new MaskedRun(6, 0, 4, false, SEED).dealt();
    String holder = MaskedRun.name(2);
    List<SealedShare> delivered = new ArrayList<>(run.deliveries.get(holder).getShares());
    SealedShare damaged = delivered.get(1);
    byte[] bytes = CanonicalBytes.array(damaged.getSealed());
    bytes[40] ^= 4;
    damaged.setSealed(ByteBuffer.wrap(bytes));
    SealedShare lying = delivered.get(3);
    lying.setKeyDigest(lying.getSeedDigest());
    run.deliveries.get(holder).setShares(delivered);
    assertEquals(
        List.of(damaged.getClient(), lying.getClient()),
        run.clients.get(holder).receive(run.deliveries.get(holder)));
    for (String name : run.clients.keySet()) {
      run.send(name);
      run.whole(name);
    }
    assertEquals(4, run.clients.get(holder).reveal(run.survivors).getShares().size());
    run.clients.keySet().forEach(run::reveal);
    assertExact(run);
  }

  @Test
  void dealerOfInconsistentSharesIsNamed() {
    MaskedRun run = new MaskedRun(4, 0, 2, false, SEED);
    List<String> names = List.copyOf(run.clients.keySet());
    names.forEach(run::keys);
    names.subList(0, 3).forEach(run::deal);
    String cheat = names.get(3);
    MaskShares shares = run.clients.get(cheat).join(run.cohort, member -> true);
    byte[] digest = CanonicalBytes.array(shares.getSeedDigest());
    digest[0] ^= 1;
    shares.setSeedDigest(ByteBuffer.wrap(digest));
    run.round.deal(shares, run::take);
    names.forEach(run::send);
    names.forEach(run::whole);
    names.forEach(run::reveal);
    assertEquals(Phase.FAILED, run.round.phase());
    assertTrue(run.round.failure().contains(cheat), run.round.failure());
  }

  @Test
  void contestedUpdateIsTakenOutWhileSurvivorsAreOpen() {
    MaskedRun run = new MaskedRun(5, 0, 3, true, SEED).dealt();
    List<String> names = List.copyOf(run.clients.keySet());
    names.forEach(run::send);
    names.subList(0, 4).forEach(run::whole);
    run.round.lose(names.get(1));
    run.pass();
    assertEquals(List.of(names.get(0), names.get(2), names.get(3)), run.round.survivors());
    run.round.lose(names.get(0));
    run.round.survivors().forEach(run::reveal);
    assertExact(run);
  }

  @Test
  void roundFailsWithTooFewOfAnything() {
    MaskedRun updates = new MaskedRun(6, 0, 4, true, SEED).dealt();
    updates.clients.keySet().forEach(updates::send);
    List.copyOf(updates.clients.keySet()).subList(0, 3).forEach(updates::whole);
    updates.pass();
    assertEquals(Phase.FAILED, updates.round.phase());
    assertTrue(updates.round.failure().contains("3, expected at least 4"), updates.round.failure());
    MaskedRun thin = new MaskedRun(6, 0, 2, true, SEED).dealt();
    thin.clients.keySet().forEach(thin::send);
    List.copyOf(thin.clients.keySet()).subList(0, 3).forEach(thin::whole);
    thin.pass();
    assertTrue(thin.round.failure().contains("held by 3"), thin.round.failure());
    thin.round.tick(Long.MAX_VALUE, thin::take);
    assertEquals(Phase.FAILED, MaskedRun.decode(thin.bytes()).phase());
  }

  @Test
  void everyTruncationOfTheStateIsRefusedAndNoDamageGoesUnseen() {
    MaskedRun run = new MaskedRun(5, 0, 3, false, SEED);
    TreeMap<Phase, byte[]> states = new TreeMap<>();
    List<String> names = List.copyOf(run.clients.keySet());
    run.keys(names.get(0));
    states.put(Phase.KEYS, run.bytes());
    names.subList(1, 5).forEach(run::keys);
    run.deal(names.get(0));
    states.put(Phase.SHARES, run.bytes());
    names.subList(1, 5).forEach(run::deal);
    names.forEach(run::send);
    run.whole(names.get(2));
    states.put(Phase.UPDATES, run.bytes());
    names.subList(3, 5).forEach(run::whole);
    run.pass();
    run.reveal(names.get(2));
    states.put(Phase.REVEALS, run.bytes());
    names.subList(3, 5).forEach(run::reveal);
    states.put(Phase.OPEN, run.bytes());
    Random random = new Random(SEED);
    int refused = 0;
    for (Map.Entry<Phase, byte[]> state : states.entrySet()) {
      byte[] bytes = state.getValue();
      assertEquals(state.getKey(), MaskedRun.decode(bytes).phase());
      for (int length = 0; length < bytes.length; length++) {
        byte[] cut = Arrays.copyOf(bytes, length);
        assertThrows(IllegalArgumentException.class, () -> MaskedRun.decode(cut));
      }
      for (int i = 0; i < 3000; i++) {
        byte[] damaged = bytes.clone();
        int at = random.nextInt(i % 2 == 0 ? Math.min(150, bytes.length) : bytes.length);
        damaged[at] ^= (byte) (1 << random.nextInt(8));
        try {
          assertArrayEquals(damaged, MaskedRun.bytes(MaskedRun.decode(damaged)), "byte " + at);
        } catch (IllegalArgumentException e) {
          refused++;
        }
      }
    }
    assertTrue(refused > 1000, refused + " refused");
  }
}
