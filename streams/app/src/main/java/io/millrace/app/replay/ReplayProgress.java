package io.millrace.app.replay;

/**
 * How far a replay is.
 *
 * @param sent readings handed over
 * @param acknowledged readings that are safe on the cluster
 * @param fraction share that is done, 0 to 1; negative where the replay has no end of its own
 * @param pass the pass under way, from 1
 * @param seconds since the start, until the end
 * @param badRows of the first pass (later ones meet the same)
 * @param failure why it stopped before its end; empty: it did not
 * @param ended whether it has
 */
public record ReplayProgress(
    long sent,
    long acknowledged,
    double fraction,
    long pass,
    double seconds,
    BadRows badRows,
    String failure,
    boolean ended) {}
