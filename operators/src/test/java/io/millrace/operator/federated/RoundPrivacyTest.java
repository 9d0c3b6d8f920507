package io.millrace.operator.federated;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.millrace.operator.Models;
import io.millrace.operator.federated.FederatedSettings.Synchronous;
import io.millrace.schema.Contribution;
import io.millrace.schema.PrivacyAccount;
import io.millrace.schema.RoundFreeze;
import io.millrace.schema.VersionCommit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Clipping, noise, what it costs whom, and the hard stop. */
class RoundPrivacyTest {
  private static final int CHUNKS = 3;

  private static ControlTestSettings settings(double clip, double noise, double epsilon, double q) {
    return new ControlTestSettings()
        .policy(new Synchronous(2, 2, 0, false))
        .privacy(clip, noise, epsilon, 1e-5, q);
  }

  private static ControlRun run(double clip, double noise, double epsilon, double quantile) {
    return ControlRun.started(settings(clip, noise, epsilon, quantile), CHUNKS);
  }

  private static void upload(ControlRun run, String client, double norm) {
    run.upload(
        new ControlRun.Update(run.ask(client).getTask(), CHUNKS, norm * norm, 500),
        commit -> commit);
  }

  private static PrivacyAccount account(ControlRun run, String client) {
    PrivacyAccount account = null;
    for (FederatedOutput.Account output : run.all(FederatedOutput.Account.class)) {
      account = output.account().getClient().equals(client) ? output.account() : account;
    }
    return account;
  }

  @Test
  void longUpdatesAreClippedAllCountAlikeAndNoiseIsForTheClip() {
    ControlRun run = run(3, 4, 0, 0);
    upload(run, "a", 12);
    upload(run, "b", 2);
    RoundFreeze freeze = run.freeze();
    Contribution longer = freeze.getContributions().get(0);
    assertEquals(0.25, longer.getFactor(), 1e-6);
    assertTrue(12 * longer.getFactor() <= 3);
    assertEquals(1.0, freeze.getContributions().get(1).getFactor());
    assertEquals(1, longer.getWeight());
    assertEquals(12.0, freeze.getNoise());
    assertEquals(2.0, freeze.getDivisor());
    assertTrue(freeze.getLargest() >= 3 / Math.sqrt(3) * (1 - 1e-5));
    assertTrue(freeze.getLargest() <= 3 / Math.sqrt(3) * (1 + 1e-5));
  }

  /** Reference values of the research notes: one release at z = 1, and at z = 4, delta 1e-5. */
  @Test
  void accountsHaveTheValuesOfTheReference() {
    ControlRun one = run(3, 1, 0, 0);
    upload(one, "a", 1);
    upload(one, "b", 1);
    assertEquals(4.3772, account(one, "a").getEpsilon(), 1e-3);
    VersionCommit commit = one.publish();
    assertEquals(4.3772, commit.getEpsilon(), 1e-3);
    assertEquals(1e-5, commit.getDelta());
    ControlRun four = run(3, 4, 0, 0);
    upload(four, "a", 1);
    upload(four, "b", 1);
    assertEquals(0.9263, account(four, "a").getEpsilon(), 1e-3);
    // sixteen releases of z = 4 are one of z = 1
    for (int i = 1; i < 16; i++) {
      four.publish();
      upload(four, "a", 1);
      upload(four, "b" + i, 1);
    }
    assertEquals(4.3772, account(four, "a").getEpsilon(), 1e-3);
    assertEquals(16, account(four, "a").getParticipations());
    assertEquals(1, account(four, "b3").getParticipations());
    assertEquals(4.3772, four.publish().getEpsilon(), 1e-3, "of who has given away most");
  }

  @Test
  void anExhaustedBudgetStopsAClientByARecord() {
    ControlRun run = run(3, 4, 2, 0);
    int given = 0;
    for (int i = 0; i < 20; i++) {
      run.accept(ControlRun.request("a"));
      if (run.offers().isEmpty()) {
        break;
      }
      given++;
      run.upload(run.offers().get(0));
      upload(run, "b" + i, 1);
      run.publish();
    }
    // epsilon of 4 releases at z = 4 is 1.93, of 5 2.19
    assertEquals(4, given);
    PrivacyAccount last = run.last(FederatedOutput.Account.class).get(0).account();
    assertTrue(last.getExhausted());
    assertEquals("a", last.getClient());
    assertTrue(last.getEpsilon() <= 2);
    List<Boolean> told = new ArrayList<>();
    for (FederatedOutput.Account account : run.all(FederatedOutput.Account.class)) {
      if (account.account().getClient().equals("a")) {
        told.add(account.account().getExhausted());
      }
    }
    assertEquals(List.of(false, false, false, true, true), told);
    assertFalse(run.state.taskOf.containsKey("a"));
    assertFalse(run.state.waiting.contains("a"));
  }

  /** T10: after a crash at any record, each client is charged once for each of its versions. */
  @Test
  void crashesAtAnyRecordChargeNobodyTwice() {
    FederatedSettings settings = settings(3, 8, 0, 0.5).build();
    ControlRun plain = new ControlSimulation(settings, CHUNKS, 11, 800).run();
    ControlStateCodec codec = new ControlStateCodec();
    RoundControl operator = new RoundControl(settings, ControlRun.AUTHORITY);
    ControlState state = operator.createState(ControlRun.MODEL);
    List<FederatedOutput> outputs = new ArrayList<>();
    for (FederatedInput input : plain.inputs) {
      byte[][] bytes = new byte[codec.sections()][];
      for (int section = 0; section < bytes.length; section++) {
        bytes[section] = codec.encode(state, section);
      }
      // an attempt whose outputs are lost with the transaction
      operator.accept(state, input, 0, Models.NONE, output -> {});
      operator = new RoundControl(settings, new Authority(master()));
      state = codec.decode(bytes);
      operator.accept(state, input, 0, Models.NONE, outputs::add);
    }
    assertEquals(plain.outputs.size(), outputs.size());
    for (int i = 0; i < outputs.size(); i++) {
      assertArrayEquals(ControlRun.bytes(plain.outputs.get(i)), ControlRun.bytes(outputs.get(i)));
    }
    Map<String, Long> frozen = new HashMap<>();
    for (RoundFreeze freeze : plain.freezes()) {
      ControlRun.clients(freeze).forEach(client -> frozen.merge(client, 1L, Long::sum));
    }
    assertEquals(7, frozen.size());
    frozen.forEach(
        (client, versions) ->
            assertEquals(versions, account(plain, client).getParticipations(), client));
  }

  private static byte[] master() {
    return "the master key of tests".getBytes(java.nio.charset.StandardCharsets.UTF_8);
  }

  @Test
  void theClipFollowsTheMedianOfLengthsWithoutNoise() {
    ControlRun run = run(50, 0, 0, 0.5);
    for (int round = 0; round < 60; round++) {
      upload(run, "a", 4);
      upload(run, "b", 9);
      run.publish();
    }
    assertTrue(run.state.clip > 3.5 && run.state.clip < 10, "clip " + run.state.clip);
    double before = run.state.clip;
    upload(run, "a", before * 0.9);
    upload(run, "b", before * 1.1);
    assertEquals(before, run.state.clip, 1e-12, "half of them are within");
    run.publish();
    upload(run, "a", before * 0.9);
    upload(run, "b", before * 0.9);
    assertEquals(before * Math.exp(-0.2 * 0.5), run.state.clip, 1e-9);
  }

  /** The count within the clip costs, too: (10 / m)^2 for m updates. */
  @Test
  void anAdaptiveClipIsPaidFor() {
    ControlRun run = run(3, 4, 0, 0.5);
    upload(run, "a", 1);
    upload(run, "b", 1);
    assertEquals(1.0 / 16 + 25, account(run, "a").getPrecision(), 1e-12);
  }

  @Test
  void aBudgetWithoutRoomForOneVersionGivesNoTask() {
    ControlRun run = run(3, 4, 0.5, 0);
    run.accept(ControlRun.request("a"));
    assertEquals(List.of(), run.offers());
    assertTrue(run.last(FederatedOutput.Account.class).get(0).account().getExhausted());
  }

  @Test
  void noiseBelowWhatCanBeAccountedForIsRefusedAtTheStart() {
    assertThrows(
        IllegalArgumentException.class,
        () -> new RoundControl(settings(3, 0.001, 0, 0).build(), ControlRun.AUTHORITY));
  }
}
