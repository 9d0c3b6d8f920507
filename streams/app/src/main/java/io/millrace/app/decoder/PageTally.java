package io.millrace.app.decoder;

import io.millrace.schema.KeyValuePage;
import io.millrace.schema.PageTier;
import io.millrace.schema.TensorKind;
import java.util.Set;
import java.util.TreeSet;

/** What pages cost and what they lose. One thread. */
final class PageTally {
  private long bytes;
  private long values;
  private final double[] errors = new double[2];
  private final double[] energies = new double[2];
  private final Set<String> codecs = new TreeSet<>();

  /**
   * Counts a page.
   *
   * @param error ||x - x^||^2
   * @param energy ||x||^2
   */
  void count(KeyValuePage page, double error, double energy) {
    bytes += page.getFrame().remaining();
    values +=
        (long) page.getTokens() * page.getGroup().getHeads() * page.getGroup().getHeadDimension();
    if (page.getTier() != PageTier.EXACT) {
      int kind = page.getKind() == TensorKind.KEYS ? 0 : 1;
      errors[kind] += error;
      energies[kind] += energy;
      codecs.add(page.getCodec());
    }
  }

  /** Bits a value of all pages, frames and sinks and all. */
  double bits() {
    return 8.0 * bytes / values;
  }

  /** ||K - K^|| / ||K|| of compressed tokens. */
  double keyError() {
    return Math.sqrt(errors[0] / energies[0]);
  }

  /** ||V - V^|| / ||V|| of compressed tokens. */
  double valueError() {
    return Math.sqrt(errors[1] / energies[1]);
  }

  /** Names of the codecs that made the pages. */
  Set<String> codecs() {
    return codecs;
  }
}
