package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.InvalidInputException.Reason;
import io.millrace.operator.federated.FederatedSettings.Synchronous;
import io.millrace.schema.ChunkReceipt;
import io.millrace.schema.ClientCommit;
import io.millrace.schema.ClientKey;
import io.millrace.schema.Contribution;
import io.millrace.schema.Rejection;
import io.millrace.schema.TaskOffer;
import io.millrace.schema.UpdateOutcome;
import io.millrace.schema.UpdateTask;
import io.millrace.schema.VersionCommit;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.Signature;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Who may say what: signatures, replays, claims against what came, and what audits recompute. */
class RoundTrustTest {
  private static final int CHUNKS = 3;
  private static final KeyPair ADA = pair();
  private static final KeyPair EVE = pair();

  private static KeyPair pair() {
    try {
      return KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    } catch (java.security.GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The raw key: the last 32 bytes of its X.509 encoding. */
  private static byte[] raw(KeyPair pair) {
    byte[] encoded = pair.getPublic().getEncoded();
    return Arrays.copyOfRange(encoded, encoded.length - 32, encoded.length);
  }

  private static ClientCommit signed(ClientCommit commit, KeyPair pair) {
    try {
      Signature signature = Signature.getInstance("Ed25519");
      signature.initSign(pair.getPrivate());
      signature.update(Digests.signed(commit));
      commit.setSignature(ByteBuffer.wrap(signature.sign()));
      return commit;
    } catch (java.security.GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static ControlRun signedRounds() {
    ControlRun run =
        ControlRun.started(
            new ControlTestSettings()
                .policy(new Synchronous(2, 2, 1000, false))
                .admission(1e3, 100, true),
            CHUNKS);
    run.key("ada", raw(ADA));
    return run;
  }

  private static ControlRun rounds(ControlTestSettings settings) {
    return ControlRun.started(settings, CHUNKS);
  }

  @Test
  void onlyTheOwnersSignatureCounts() {
    ControlRun run = signedRounds();
    assertEquals(Reason.UNAUTHORISED, run.refused(ControlRun.request("eve")).reason());
    TaskOffer offer = run.ask("ada");
    ControlRun.Update update = run.update(offer);
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      run.receipt(offer, chunk);
    }
    ClientCommit changed = signed(update.commit(), ADA);
    changed.setExamples(99);
    for (ClientCommit forged : List.of(update.commit(), signed(update.commit(), EVE), changed)) {
      assertEquals(Reason.UNAUTHORISED, run.refused(new FederatedInput.Commit(forged)).reason());
    }
    // a forgery in her name does not cost her the task
    run.accept(new FederatedInput.Commit(signed(update.commit(), ADA)));
    assertEquals(1, run.state.whole.size());
  }

  @Test
  void aSignedCommitCannotBePlayedAgainForAnotherTask() {
    ControlRun run = signedRounds();
    TaskOffer first = run.ask("ada");
    ClientCommit commit = signed(run.update(first).commit(), ADA);
    run.tick(2_000);
    TaskOffer second = run.ask("ada");
    assertEquals(Reason.LATE, run.refused(new FederatedInput.Commit(commit)).reason());
    ClientCommit moved = signed(run.update(first).commit(), ADA);
    moved.setTask(second.getTask());
    assertEquals(Reason.UNAUTHORISED, run.refused(new FederatedInput.Commit(moved)).reason());
    UpdateTask own = run.update(second).commit().getTask();
    own.setSequence(own.getSequence() + 1);
    ClientCommit invented = run.update(second).commit();
    invented.setTask(own);
    assertEquals(
        Reason.UNAUTHORISED,
        run.refused(new FederatedInput.Commit(signed(invented, ADA))).reason());
  }

  @Test
  void aWithdrawnKeyEndsWhatItsClientHasUnderWay() {
    ControlRun run = signedRounds();
    TaskOffer offer = run.ask("ada");
    run.upload(run.update(offer), commit -> signed(commit, ADA));
    run.key("bob", raw(EVE));
    TaskOffer bobs = run.ask("bob");
    run.receipt(bobs, 1);
    run.key("ada", new byte[0]);
    assertEquals(List.of("ada:SIGNATURE"), run.lastOutcomes());
    run.key("bob", new byte[0]);
    assertEquals(List.of("bob:SIGNATURE"), run.lastOutcomes());
    assertEquals(Reason.UNAUTHORISED, run.refused(ControlRun.request("ada")).reason());
    assertEquals(0, run.state.whole.size() + run.state.tasks.size());
    byte[] noPoint = new byte[32];
    noPoint[0] = 2;
    for (byte[] key : List.of(new byte[31], new byte[33], noPoint)) {
      assertEquals(
          Reason.MALFORMED,
          run.refused(
                  ControlRun.authorise(
                      new ClientKey(ControlRun.MODEL, "ada", ByteBuffer.wrap(key))))
              .reason());
    }
  }

  /** T4 as the control sees it. */
  @Test
  void aContestedChunkCostsTheUpdateAndBothDigestsAreNamed() {
    ControlRun run = rounds(new ControlTestSettings());
    for (boolean whole : new boolean[] {false, true}) {
      TaskOffer offer = run.ask("ada");
      run.receipt(offer, 0);
      if (whole) {
        run.receipt(offer, 1);
        run.receipt(offer, 2);
        run.commit(offer);
        assertEquals(1, run.state.whole.size());
      }
      ChunkReceipt contest = run.update(offer).receipt(0);
      byte[] other = new byte[32];
      Arrays.fill(other, (byte) 0xab);
      contest.setContestedDigest(ByteBuffer.wrap(other));
      run.authorised(contest);
      assertEquals(List.of("ada:EQUIVOCATION"), run.lastOutcomes());
      UpdateOutcome outcome = run.last(FederatedOutput.Outcome.class).get(0).outcome();
      String first = HexFormat.of().formatHex(ControlRun.digest(offer.getTask(), 0));
      assertTrue(outcome.getMessage().contains(first), outcome.getMessage());
      assertTrue(outcome.getMessage().contains("ab".repeat(32)), outcome.getMessage());
      assertEquals(0, run.state.whole.size());
      assertEquals(
          Reason.LATE, run.refused(new FederatedInput.Commit(run.update(offer).commit())).reason());
    }
    run.contribute("a");
    run.contribute("b");
    run.tick(2_000);
    VersionCommit commit = run.publish();
    assertEquals(
        List.of("EQUIVOCATION", "EQUIVOCATION"),
        commit.getRejected().stream().map(Rejection::getReason).toList());
  }

  @Test
  void chunksThatAreNotTheCommitsCostTheUpdate() {
    ControlRun run = rounds(new ControlTestSettings());
    run.upload(
        run.update(run.ask("ada")),
        commit -> {
          commit.setRoot(ByteBuffer.wrap(new byte[32]));
          return commit;
        });
    assertEquals(List.of("ada:ROOT"), run.lastOutcomes());
    assertEquals(0, run.state.whole.size());
    run.contribute("ada");
    assertEquals(1, run.state.whole.size());
  }

  @Test
  void aClaimedLengthMayDifferByRoundingOnly() {
    ControlRun run = rounds(new ControlTestSettings());
    Map<Double, String> claims =
        Map.of(1 + 5e-5, "", 1 - 5e-5, "", 1.01, "NORM", 0.99, "NORM", 0.0, "NORM");
    new TreeMap<>(claims)
        .forEach(
            (factor, outcome) -> {
              String client = "client-" + factor;
              run.upload(
                  run.update(run.ask(client)),
                  commit -> {
                    commit.setSquaredNorm(factor * commit.getSquaredNorm());
                    return commit;
                  });
              assertEquals(
                  outcome.isEmpty() ? List.of() : List.of(client + ":" + outcome),
                  run.lastOutcomes());
            });
  }

  @Test
  void tooLongAnUpdateIsRejectedAndTooManyExamplesAreCapped() {
    ControlRun run =
        rounds(
            new ControlTestSettings()
                .policy(new Synchronous(2, 2, 0, false))
                .admission(10, 100, false));
    run.upload(
        new ControlRun.Update(run.ask("far").getTask(), CHUNKS, 100.01, 10), commit -> commit);
    assertEquals(List.of("far:NORM"), run.lastOutcomes());
    run.upload(
        new ControlRun.Update(run.ask("big").getTask(), CHUNKS, 99.99, Integer.MAX_VALUE),
        commit -> commit);
    run.contribute("small");
    assertEquals(
        List.of(100, 10),
        run.freeze().getContributions().stream().map(Contribution::getWeight).toList());
  }

  /** Roots of the tree of RFC 9162, by a loop over levels instead of halves. */
  private static byte[] root(List<byte[]> leaves) throws Exception {
    List<byte[]> level = new ArrayList<>();
    for (byte[] leaf : leaves) {
      level.add(sha256(new byte[] {0}, leaf));
    }
    while (level.size() > 1) {
      List<byte[]> next = new ArrayList<>();
      for (int i = 0; i < level.size(); i += 2) {
        next.add(
            i + 1 < level.size()
                ? sha256(new byte[] {1}, level.get(i), level.get(i + 1))
                : level.get(i));
      }
      level = next;
    }
    return level.get(0);
  }

  private static byte[] sha256(byte[]... parts) throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    for (byte[] part : parts) {
      digest.update(part);
    }
    return digest.digest();
  }

  /** Length-prefixed fields, as {@link CanonicalBytes} says, written once more. */
  private static void put(ByteArrayOutputStream out, Object... values) {
    for (Object value : values) {
      if (value instanceof Number number) {
        long bits =
            number instanceof Double real ? Double.doubleToLongBits(real) : number.longValue();
        out.writeBytes(ByteBuffer.allocate(8).putLong(bits).array());
      } else {
        byte[] bytes =
            value instanceof String text
                ? text.getBytes(StandardCharsets.UTF_8)
                : CanonicalBytes.array((ByteBuffer) value);
        put(out, (long) bytes.length);
        out.writeBytes(bytes);
      }
    }
  }

  private static byte[] lineage(VersionCommit commit, byte[] parent) throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    put(out, "version", ByteBuffer.wrap(parent), commit.getModel(), commit.getVersion());
    put(out, commit.getParent(), commit.getRound(), commit.getChunkDigests().size());
    commit.getChunkDigests().forEach(digest -> put(out, digest));
    put(out, commit.getContributions().size());
    for (Contribution part : commit.getContributions()) {
      put(out, part.getClient(), part.getSequence(), part.getWeight());
      put(out, part.getFactor(), part.getRoot(), (double) part.getLargest());
      put(out, part.getExamples(), part.getStaleness());
    }
    put(out, commit.getRejected().size());
    for (Rejection rejection : commit.getRejected()) {
      put(out, rejection.getClient(), rejection.getSequence());
      put(out, rejection.getReason(), rejection.getMessage());
    }
    put(out, commit.getRule(), commit.getSettingsHash());
    put(out, commit.getEpsilon(), commit.getDelta(), commit.getMeasures().size());
    new TreeMap<>(commit.getMeasures()).forEach((name, value) -> put(out, name, value));
    put(out, commit.getOpenedMicros(), commit.getTimeMicros());
    return sha256(out.toByteArray());
  }

  /** What an auditor does: from the log of receipts and versions alone, recomputed here. */
  @Test
  void lineageAndMerkleRootsCanBeRecomputed() throws Exception {
    FederatedSettings settings =
        new ControlTestSettings().policy(new Synchronous(3, 2, 1000, true)).build();
    ControlRun run = new ControlSimulation(settings, 5, 3, 3_000).run();
    TreeMap<Long, byte[]> lineages = new TreeMap<>();
    int parts = 0;
    int branches = 0;
    for (FederatedOutput.Version output : run.all(FederatedOutput.Version.class)) {
      VersionCommit commit = output.commit();
      byte[] parent = commit.getParent() < 0 ? new byte[0] : lineages.get(commit.getParent());
      branches += commit.getParent() == commit.getVersion() - 1 ? 0 : 1;
      byte[] lineage = lineage(commit, parent);
      assertArrayEquals(
          lineage, CanonicalBytes.array(commit.getLineage()), "version " + commit.getVersion());
      lineages.put(commit.getVersion(), lineage);
      for (int chunk = 0; chunk < 5; chunk++) {
        assertArrayEquals(
            ControlRun.versionDigest(commit.getVersion(), chunk),
            CanonicalBytes.array(commit.getChunkDigests().get(chunk)));
      }
      for (Contribution part : commit.getContributions()) {
        List<byte[]> leaves = new ArrayList<>();
        UpdateTask task = new UpdateTask();
        task.setClient(part.getClient());
        task.setSequence(part.getSequence());
        for (int chunk = 0; chunk < 5; chunk++) {
          leaves.add(ControlRun.digest(task, chunk));
        }
        assertArrayEquals(root(leaves), CanonicalBytes.array(part.getRoot()));
        parts++;
      }
    }
    assertTrue(lineages.size() > 30, lineages.size() + " versions");
    assertTrue(branches > 1, branches + " versions after roll-backs");
    assertTrue(parts > 60, parts + " updates");
  }

  @Test
  void noUpdateIsInTwoVersions() {
    FederatedSettings settings =
        new ControlTestSettings().policy(new Synchronous(3, 2, 1000, true)).build();
    ControlRun run = new ControlSimulation(settings, CHUNKS, 5, 3_000).run();
    List<Long> sequences = new ArrayList<>();
    run.freezes()
        .forEach(
            freeze -> freeze.getContributions().forEach(part -> sequences.add(part.getSequence())));
    assertEquals(sequences.size(), sequences.stream().distinct().count());
  }

  @Test
  void otherSettingsHaveAnotherHash() {
    List<ControlTestSettings> all =
        List.of(
            new ControlTestSettings(),
            new ControlTestSettings().averaging(AveragingMethod.FEDPROX),
            new ControlTestSettings().policy(new Synchronous(4, 2, 1000, true)),
            new ControlTestSettings().policy(new Synchronous(4, 2, 1001, false)),
            new ControlTestSettings().staleness(new Staleness.Constant(), 10),
            new ControlTestSettings().staleness(new Staleness.Polynomial(0.25), 10),
            new ControlTestSettings().staleness(new Staleness.Hinge(10, 4), 10),
            new ControlTestSettings().staleness(new Staleness.Polynomial(0.5), 11),
            new ControlTestSettings().taskMillis(5),
            new ControlTestSettings().robust(PreMixing.NONE, RobustRule.MEDIAN, 0),
            new ControlTestSettings().robust(PreMixing.NONE, RobustRule.MEAN, 1),
            new ControlTestSettings().robust(PreMixing.BUCKETING, RobustRule.MEAN, 0),
            new ControlTestSettings().admission(1e6, 999, false),
            new ControlTestSettings().admission(1e5, 1000, false),
            new ControlTestSettings().admission(1e6, 1000, true),
            new ControlTestSettings().privacy(1, 0, 0, 1e-5, 0),
            new ControlTestSettings().privacy(1, 1, 0, 1e-5, 0),
            new ControlTestSettings().privacy(1, 1, 3, 1e-5, 0),
            new ControlTestSettings().privacy(1, 1, 3, 1e-6, 0),
            new ControlTestSettings().privacy(1, 1, 3, 1e-5, 0.5),
            new ControlTestSettings().codecs("sign"),
            new ControlTestSettings().codecs("plain", "sign"),
            new ControlTestSettings().pendingUpdates(999));
    long distinct =
        all.stream()
            .map(settings -> HexFormat.of().formatHex(SettingsDigest.of(settings.build())))
            .distinct()
            .count();
    assertEquals(all.size(), distinct);
  }
}
