package io.millrace.app.dashboard;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Federated learning of one model, as its topics have it. NaN: not known. Times are milliseconds
 * since 1970; -1: none.
 *
 * @param model most recently heard of; empty: none yet
 * @param models heard of
 * @param round where the round stands
 * @param newest version that is whole; -1: none
 * @param pointer version that new tasks start from; -1: not known
 * @param rule method, robust rule and optimiser of the newest version
 * @param included updates in versions, since the page's feed started
 * @param carried updates that came late and wait for the next round
 * @param refused updates, by reason
 * @param staleness updates included by their staleness; the last: that and more
 * @param codec that updates travel in
 * @param updateBytes of an update as it travels, estimated from chunks seen
 * @param plainBytes of an update as float32
 * @param epsilon privacy loss of the client that has given away most; 0 without noise
 * @param delta of that loss
 * @param exhausted clients without budget
 * @param versions oldest first, at most 300
 * @param lineage newest first
 * @param clients by name
 * @param rejections newest first
 * @param evaluation of the versions; null where nobody measures them
 */
public record FederatedView(
    String model,
    List<String> models,
    RoundView round,
    long newest,
    long pointer,
    String rule,
    long included,
    long carried,
    Map<String, Long> refused,
    long[] staleness,
    String codec,
    double updateBytes,
    double plainBytes,
    double epsilon,
    double delta,
    int exhausted,
    List<VersionPoint> versions,
    List<LineageView> lineage,
    List<ClientView> clients,
    List<RejectionView> rejections,
    Optional<EvaluationView> evaluation) {

  /**
   * A round.
   *
   * @param number -1: none
   * @param phase STARTING, OPEN, DECIDING, PUBLISHING or FAILED; empty: not known
   */
  public record RoundView(
      long number,
      String phase,
      int offered,
      int complete,
      int minimum,
      int target,
      long deadline,
      long time) {
    static final RoundView NONE = new RoundView(-1, "", 0, 0, 0, 0, -1, -1);
  }

  /**
   * A version as a point of a chart.
   *
   * @param seconds of event time that its round took
   * @param updates in it
   * @param rejected in its round
   * @param loss mean of the clients' measure of that name
   * @param accuracy likewise
   * @param epsilon up to it
   */
  public record VersionPoint(
      long version,
      double seconds,
      int updates,
      int rejected,
      double loss,
      double accuracy,
      double epsilon) {}

  /**
   * What a version is made of.
   *
   * @param lineage first half of its hash
   * @param clients whose updates are in it
   */
  public record LineageView(
      long version,
      long parent,
      long round,
      String rule,
      long time,
      List<String> clients,
      int rejected,
      String lineage) {}

  /**
   * A client.
   *
   * @param outcome of its newest update
   * @param message why, if it was not included
   * @param weight in the newest version; 0: not in it
   * @param epsilon its privacy loss
   */
  public record ClientView(
      String client,
      long included,
      long refused,
      String outcome,
      String message,
      long staleness,
      long weight,
      double epsilon,
      boolean exhausted) {}

  /** An update that was not used. */
  public record RejectionView(
      long time, String client, long sequence, long round, String reason, String message) {}

  FederatedView outline() {
    return new FederatedView(
        model,
        models,
        round,
        newest,
        pointer,
        rule,
        included,
        carried,
        refused,
        staleness,
        codec,
        updateBytes,
        plainBytes,
        epsilon,
        delta,
        exhausted,
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        Optional.empty());
  }
}
