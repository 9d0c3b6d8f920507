package io.millrace.operator.federated;

import io.millrace.operator.federated.SecureRound.Phase;
import io.millrace.schema.MaskCohort;
import io.millrace.schema.MaskDelivery;
import io.millrace.schema.MaskSurvivors;
import io.millrace.schema.SealedShare;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * How the phases of a {@link SecureRound} end: with too little of anything the round fails, else
 * the next phase begins, and clients are told. Stateless: modifies the round.
 */
final class MaskPhaseEnds {
  private MaskPhaseEnds() {}

  /** Who has sent keys is the cohort. */
  static void keys(SecureRound round, Consumer<? super FederatedOutput> out) {
    if (lacks(round, "clients with keys", round.members.size())) {
      return;
    }
    MaskCohort record = round.cohortRecord();
    round.begin(new MaskingCohort(record));
    round.move(Phase.SHARES);
    out.accept(new FederatedOutput.Cohort(record));
  }

  /** Who has dealt shares, and has enough dealers around, gets the others' and may mask. */
  static void shares(SecureRound round, Consumer<? super FederatedOutput> out) {
    MaskingCohort cohort = round.cohortOrNull;
    boolean[] named = dealers(round);
    if (lacks(round, "clients with shares", places(named).size())) {
      return;
    }
    round.dealers = named;
    List<Integer> places = places(named);
    for (int holder : places) {
      List<SealedShare> envelopes = new ArrayList<>();
      for (int dealer : cohort.group(holder)) {
        if (dealer != holder && named[dealer]) {
          int index = Arrays.binarySearch(cohort.group(dealer), holder);
          envelopes.add(round.dealt[dealer].envelope(cohort.name(dealer), index));
        }
      }
      out.accept(
          new FederatedOutput.Delivery(
              new MaskDelivery(round.model, round.round, cohort.name(holder), places, envelopes)));
    }
    for (int i = 0; i < named.length; i++) {
      round.dealt[i] = named[i] ? round.dealt[i].delivered() : null;
    }
    round.move(Phase.UPDATES);
  }

  /** Whoever has too few dealers around would not go on; without it others may have too few. */
  private static boolean[] dealers(SecureRound round) {
    boolean[] named = new boolean[round.dealt.length];
    for (int i = 0; i < named.length; i++) {
      named[i] = round.dealt[i] != null;
    }
    for (boolean changed = true; changed; ) {
      changed = false;
      for (int i = 0; i < named.length; i++) {
        if (named[i] && around(round, named, i) < round.cohortOrNull.threshold()) {
          named[i] = false;
          changed = true;
        }
      }
    }
    return named;
  }

  /** Whose updates are whole survives, if enough of them hold everybody's secrets. */
  static void updates(SecureRound round, Consumer<? super FederatedOutput> out) {
    MaskingCohort cohort = round.cohortOrNull;
    if (lacks(round, "whole masked updates", places(round.whole).size())) {
      return;
    }
    for (int i = 0; i < round.dealers.length; i++) {
      int holders = around(round, round.whole, i);
      if (round.dealers[i]
          && MaskRecovery.hasSurvivor(cohort, round.whole, i)
          && holders < cohort.threshold()) {
        round.fail(
            "secrets of "
                + cohort.name(i)
                + " are held by "
                + holders
                + " survivors, expected "
                + cohort.threshold());
        return;
      }
    }
    round.survivors = round.whole.clone();
    round.move(Phase.REVEALS);
    out.accept(
        new FederatedOutput.Survivors(
            new MaskSurvivors(round.model, round.round, places(round.survivors))));
  }

  /** With enough shares of every secret the masks are known. */
  static void reveals(SecureRound round) {
    List<String> missing = round.missing();
    if (!missing.isEmpty()) {
      round.fail("too few shares were revealed of " + String.join(", ", missing));
      return;
    }
    try {
      round.masks =
          MaskRecovery.masks(round.cohortOrNull, round.dealt, round.survivors, round.shares);
    } catch (IllegalArgumentException e) {
      round.fail(e.getMessage());
      return;
    }
    round.shares.forEach(TreeMap::clear);
    round.move(Phase.OPEN);
  }

  /** Fails the round for want of clients. */
  private static boolean lacks(SecureRound round, String what, int count) {
    int least = round.settings.counts().minimum();
    if (count < least) {
      round.fail(what + " are " + count + ", expected at least " + least);
    }
    return count < least;
  }

  /** How many of a member's group are named. */
  private static int around(SecureRound round, boolean[] named, int member) {
    return (int) Arrays.stream(round.cohortOrNull.group(member)).filter(i -> named[i]).count();
  }

  /** Places that are named, rising. */
  static List<Integer> places(boolean[] named) {
    return IntStream.range(0, named.length).filter(i -> named[i]).boxed().toList();
  }
}
